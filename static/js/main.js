/** Puts the desk together: words, store, event stream, views. The one place that knows them all. */

import { Actions } from './actions.js';
import { ROOT, api } from './api.js';
import { $, el, setIcon, setText, show, translate } from './dom.js';
import { loadWords, pickLanguage } from './i18n.js';
import { listenKeys } from './keys.js';
import { Live } from './live.js';
import { Notifier } from './notify.js';
import { Outbox } from './outbox.js';
import { Drafts, Prefs, readJson, session, usable } from './prefs.js';
import { Store } from './store.js';
import { explain } from './words.js';
import { AccountSheet } from './views/account.js';
import { Banner } from './views/banner.js';
import { Chat } from './views/chat.js';
import { Composer } from './views/composer.js';
import { Details } from './views/details.js';
import { Filters } from './views/filters.js';
import { Head } from './views/head.js';
import { List } from './views/list.js';
import { openPalette } from './views/palette.js';
import { Rail } from './views/rail.js';
import { Search } from './views/search.js';
import { openSettings } from './views/settings.js';
import { Sheet, openKeys } from './views/sheet.js';
import { Signin, signinBefore } from './views/signin.js';

const HELLO_PATIENCE = 600;
const SILENCE = 45_000;
const PACE = 80;

export class App {
  constructor(words, prefs, storage) {
    this.words = words;
    this.t = words.t;
    this.lang = words.lang;
    this.prefs = prefs;
    this.drafts = new Drafts(storage);
    this.store = new Store();
    this.actions = new Actions(this);
    this.outbox = new Outbox({ storage, post: api.reply, dispatch: (action) => this.store.dispatch(action) });
    /** @type {Sheet|null} */
    this.sheet = null;
    this.queue = [];
    this.flushed = 0;
    this.started = false;
  }

  get state() {
    return this.store.state;
  }

  // ---- start ----

  start() {
    translate(document, this.t);
    this.rail = new Rail(this);
    this.filters = new Filters(this);
    this.list = new List(this);
    this.head = new Head(this);
    this.chat = new Chat(this);
    this.composer = new Composer(this);
    this.details = new Details(this);
    this.banner = new Banner(this);
    this.search = new Search(this);
    this.notifier = new Notifier(this);
    this.store.view((state) => this.welcome(state));
    listenKeys(this);
    this.theme();
    this.prefs.onChange((name) => this.preferred(name));
    const filter = readJson(session, 'switchboard.filter', {});
    this.store.dispatch({ type: 'filter_changed', filter });
    this.listen();
  }

  listen() {
    const url = new URL('ws', ROOT);
    url.protocol = url.protocol.replace('http', 'ws');
    this.live = new Live({
      url: url.href,
      onPhase: (live) => this.phase(live),
      onEvent: (frame) => this.enqueue(frame),
      onHello: (frame, first) => this.hello(frame, first),
      onResync: () => this.resync(),
      onDenied: () => this.store.dispatch({ type: 'denied' }),
    });
    addEventListener('online', () => this.live.setOnline(true));
    addEventListener('offline', () => this.live.setOnline(false));
    // A frozen tab's socket may be long dead without anyone having told it.
    document.addEventListener('visibilitychange', () => { if (!document.hidden) this.checkLine(); });
    setInterval(() => this.checkLine(), SILENCE);
    this.live.start();
    // What there is can be shown before the stream stands; it is loaded again should that take long.
    setTimeout(() => { if (!this.started) this.load(); }, HELLO_PATIENCE);
  }

  async checkLine() {
    if (document.hidden || this.state.live.phase !== 'open' || Date.now() - this.live.heardAt < SILENCE) return;
    try {
      await api.alive();
    } catch (error) {
      if (error.status === 0) this.live.distrust();
    }
  }

  phase(live) {
    const before = this.state.live;
    const brokenAt = live.phase === 'open' ? null : before.brokenAt ?? Date.now();
    this.store.dispatch({ type: 'live_phase', live: { ...live, brokenAt } });
    if (before.brokenAt && live.phase === 'open' && this.started && before.attempt > 0) this.say(this.t('banner.back'));
    if (live.phase !== 'open') setTimeout(() => this.store.ask(), 750);
  }

  hello(frame, first) {
    this.outbox.kick();
    this.store.dispatch({ type: 'greeted', scope: frame.data?.scope ?? null });
    if (first || this.state.denied) this.load();
