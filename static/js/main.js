/** Puts the desk together: words, store, event stream, views. The one place that knows them all. */

import { Actions } from './actions.js';
import { ROOT, api } from './api.js';
import { shownMessages } from './chats.js';
import { Deeds } from './deeds.js';
import { $, el, setIcon, setText, translate } from './dom.js';
import { loadWords, pickLanguage } from './i18n.js';
import { listenKeys } from './keys.js';
import { Live } from './live.js';
import { Notifier } from './notify.js';
import { Outbox } from './outbox.js';
import { keepDrafts } from './draftsync.js';
import { Drafts, Prefs, readJson, session, usable } from './prefs.js';
import { Player } from './player.js';
import { Store } from './store.js';
import { lacksTitles, openKey } from './topics.js';
import { Uploads } from './uploads.js';
import { Vaults } from './vaults.js';
import { explain } from './words.js';
import { AccountSheet } from './views/account.js';
import { Banner } from './views/banner.js';
import { Chat } from './views/chat.js';
import { Composer } from './views/composer.js';
import { Details } from './views/details.js';
import { Filters } from './views/filters.js';
import { Head } from './views/head.js';
import { List } from './views/list.js';
import { canAnswer } from './views/message_menu.js';
import { openNew } from './views/new.js';
import { openPalette } from './views/palette.js';
import { Rail } from './views/rail.js';
import { Search } from './views/search.js';
import { Selection } from './views/selection.js';
import { openSettings } from './views/settings.js';
import { Sheet, openKeys } from './views/sheet.js';
import { Signin, signinBefore } from './views/signin.js';
import { playOn } from './views/sound.js';
import { Topics } from './views/topics.js';
import { undoBar } from './views/undo_bar.js';
import { openViewer } from './views/viewer.js';
import { Welcome, isFirstRun } from './views/welcome.js';

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
    this.draftSync = keepDrafts(this);
    this.actions = new Actions(this);
    this.deeds = new Deeds(this);
    this.player = new Player();
    this.outbox = new Outbox({ storage, post: api.reply, dispatch: (action) => this.store.dispatch(action) });
    /** @type {Sheet|null} */
    this.sheet = null;
    this.uploads = new Uploads({ dispatch: (action) => this.store.dispatch(action) });
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
    this.topics = new Topics(this);
    this.chat = new Chat(this);
    this.composer = new Composer(this);
    this.selection = new Selection(this);
    this.details = new Details(this);
    this.banner = new Banner(this);
    this.vaults = new Vaults(this);
    this.search = new Search(this);
    this.notifier = new Notifier(this);
    const welcome = new Welcome(this);
    this.store.view((state) => welcome.update(state));
    listenKeys(this);
    playOn(this);
    this.undo = undoBar(this);
    addEventListener('beforeunload', (event) => { if (this.uploads.busy) event.preventDefault(); });
    $('#open-new').addEventListener('click', () => this.openNew());
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
    this.vaults.watch();
    if (first || this.state.denied) this.load();
    const version = frame.data?.version;
    if (version && this.version && version !== this.version) this.toast(this.t('version.new'));
    this.version ??= version;
  }

  async load() {
    const again = this.started;
    this.started = true;
    try {
      if (again) return await this.reload();
      await Promise.all([this.actions.loadAccounts(), this.actions.loadConversations()]);
    } catch (error) {
      if (error.status === 401 || error.status === 403) this.store.dispatch({ type: 'denied' });
      this.started = false;
      setTimeout(() => { if (!this.started) this.load(); }, 2000);
      return undefined;
    }
    this.outbox.resume();
    this.restore();
    return undefined;
  }

  /** What was open before a reload. */
  restore() {
    const open = session.getItem('switchboard.open');
    if (open && this.state.selected === null) this.actions.open(open);
    const signing = signinBefore();
    if (signing && this.state.accounts.has(signing) && !isFirstRun(this.state)) this.signIn(signing);
  }

  resync() {
    this.queue = [];
    this.reload().catch(() => this.live.distrust());
  }

  /** Everything on the screen again, because what is there may be wrong. */
  reload() {
    this.store.dispatch({ type: 'resync' });
    return this.actions.reloadAll();
  }

  /** The first event of a while is applied at once; a flood of them a dozen times a second. */
  enqueue(frame) {
    this.queue.push(frame);
    if (this.queue.length > 1) return;
    const rest = (document.hidden ? 200 : PACE) - (performance.now() - this.flushed);
    setTimeout(() => this.flush(), Math.max(0, rest));
  }

  flush() {
    if (this.queue.length === 0) return;
    const events = this.queue;
    this.queue = [];
    this.flushed = performance.now();
    this.store.dispatch({ type: 'events', events, now: Date.now() });
    this.notifier.tell(events);
    if (this.state.staleAccounts) this.actions.refreshAccountsSoon();
    this.announce(events);
    for (const { event, data } of events) if (event === 'order_updated') this.deeds.tellOrder(data.order);
    const { selected } = this.state;
    const renamed = ({ data }) => String(data?.message?.conversation_id) === selected && data.message.action?.kind?.startsWith('topic_');
    const named = ({ event, data }) => event === 'conversation_updated' && String(data?.conversation?.id) === selected && lacksTitles(this.state);
    if (selected !== null && events.some((one) => renamed(one) || named(one))) this.actions.loadTopics(selected);
    if (selected !== null && this.chat.pinned && events.some(({ event, data }) => event === 'message_received' && String(data?.message?.conversation_id) === selected)) this.readIfAsked(selected);
  }

  /** Changes of accounts that a screen reader's user should hear of. */
  announce(events) {
    for (const { event, data } of events) {
      if (event !== 'account_status' || !data?.account) continue;
      const known = this.spoken?.get(data.account.id);
      (this.spoken ??= new Map()).set(data.account.id, data.account.state);
      if (known !== data.account.state && ['online', 'needs_login', 'banned', 'failed'].includes(data.account.state)) {
        this.say(this.t('rail.account', { label: data.account.label, state: this.t(`state.${data.account.state}`) }));
      }
    }
  }

  // ---- what views ask for ----

  openConversation(id, target = null) {
    this.actions.open(id, target);
    this.list.moveTo(id);
    if (matchMedia('(hover: hover)').matches) requestAnimationFrame(() => $('#reply').focus({ preventScroll: true }));
  }

  closeConversation() {
    const last = this.state.selected;
    this.actions.close();
    if (last !== null) {
      this.list.active = last;
      $('#rows').focus({ preventScroll: true });
    }
  }

  /** Escape: the topmost thing that is open goes away. */
  back() {
    if (this.filters.closeMenu()) return true;
    if (this.rail.isSheet) return this.rail.asSheet(false) ?? true;
    if (this.search.close()) return true;
    if (this.composer.recorder.on) return this.composer.recorder.end(false) ?? true;
    if (this.selection.clear()) return true;
    if (this.composer.leave()) return true;
    if (this.details.open) return this.details.toggle() ?? true;
    if (this.state.selected !== null) return this.closeConversation() ?? true;
    return false;
  }

  step(by) {
    const id = this.actions.visibleNeighbour(this.list.ids, by);
    if (id !== null && id !== this.state.selected) this.openConversation(id);
  }

  readIfAsked(id) {
    if (this.prefs.get('autoRead') && !document.hidden && document.hasFocus()) this.actions.markRead(id);
  }

  openAccount(id) {
    if (this.rail.isSheet) this.rail.asSheet(false);
    if (this.state.accounts.has(id)) new AccountSheet(this, id);
  }

  openSettings() {
    openSettings(this);
  }

  openKeys() {
    openKeys(this);
  }

  openNew() {
    openNew(this);
  }

  openViewer(id) {
    openViewer(this, shownMessages(this.state, openKey(this.state)), id, (message) => canAnswer(this, message));
  }

  openPalette() {
    openPalette(this);
  }

  addAccount() {
    if (this.rail.isSheet) this.rail.asSheet(false);
    this.signinSheet(null, this.t('signin.title'));
  }

  signIn(id) {
    this.actions.loadLogin(id);
    const label = this.state.accounts.get(id)?.label ?? '';
    this.signinSheet(id, this.t('signin.title.account', { account: label }));
  }

  signinSheet(id, title) {
    let signin = null;
    const sheet = new Sheet(this, title, { onClose: () => signin?.close() });
    signin = new Signin(this, { account: id, onDone: (done) => { sheet.close(); this.connected(done); }, onCancel: () => sheet.close() });
    sheet.body.append(signin.root);
    sheet.open();
    signin.root.querySelector('input:not([type=radio])')?.focus();
  }

  connected(id) {
    const account = this.state.accounts.get(id);
    this.store.dispatch({ type: 'login_changed', id, login: null });
    this.toast(this.t('signin.done', { account: account?.label ?? '' }));
    this.actions.loadAccounts().catch(() => {});
    this.store.dispatch({ type: 'filter_changed', filter: {} });
    this.actions.loadConversations();
  }

  // ---- look and language ----

  preferred(name) {
    if (name === 'theme') this.theme();
    this.store.painted = null;
    this.chat.clear();
    this.store.ask();
  }

  theme() {
    const theme = this.prefs.get('theme');
    const root = document.documentElement;
    if (theme === 'auto') delete root.dataset.theme;
    else root.dataset.theme = theme;
    setIcon($('#toggle-theme .icon'), this.dark ? 'sun' : 'moon');
  }

  get dark() {
    const theme = this.prefs.get('theme');
    return theme === 'dark' || (theme === 'auto' && matchMedia('(prefers-color-scheme: dark)').matches);
  }

  toggleTheme() {
    this.prefs.set('theme', this.dark ? 'light' : 'dark');
  }

  setLanguage(lang) {
    this.prefs.set('language', lang);
    location.reload();
  }

  // ---- small services ----

  explain(error, params) {
    return explain(this.words, error, params);
  }

  /** A short notice for the eye and, through the live region, for the ear. */
  toast(text) {
    const toast = el('div', { class: 'toast', text });
    $('#toasts').append(toast);
    setTimeout(() => toast.remove(), 5000);
    this.say(text);
  }

  say(text) {
    setText($('#said'), text);
  }

  alarm(text) {
    setText($('#alarmed'), '');
    setText($('#alarmed'), text);
  }

  /** Something on the screen counts down: paint again with the next second. */
  tick() {
    if (this.ticker) return;
    this.ticker = setTimeout(() => {
      this.ticker = null;
      this.store.dispatch({ type: 'typing_expired', now: Date.now() });
      this.store.ask();
    }, 1000 - (Date.now() % 1000) + 5);
  }
}

async function main() {
  const storage = usable(() => localStorage);
  const prefs = new Prefs(storage);
  const words = await loadWords(pickLanguage(prefs.get('language'), navigator.languages));
  document.documentElement.lang = words.base;
  document.documentElement.dir = words.dir;
  new App(words, prefs, storage).start();
}

main();
