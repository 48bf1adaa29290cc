/** The rail: one tile per account, its ring telling its state. */

import { $, arrange, parts, setAttr, setText, show, stamp } from '../dom.js';
import { number } from '../format.js';
import { cleanName, hueOf, monogram, safeImage } from '../text.js';
import { visibleRange } from '../window.js';
import { colourOf, needsPerson, ringOf, stateText } from '../words.js';

/** A tile and the gap under it. */
const TILE = 52;

export class Rail {
  /** @param {import('../main.js').App} app */
  constructor(app) {
    this.app = app;
    this.tiles = new Map();
    this.box = $('#rail-accounts');
    this.room = this.box.firstElementChild;
    $('#add-account').addEventListener('click', () => app.addAccount());
    $('#open-settings').addEventListener('click', () => app.openSettings());
    $('#open-keys').addEventListener('click', () => app.openKeys());
    $('#toggle-theme').addEventListener('click', () => app.toggleTheme());
    $('#rail-opener').addEventListener('click', () => this.asSheet(true));
    $('#rail-scrim').addEventListener('click', () => this.asSheet(false));
    this.box.addEventListener('scroll', () => app.store.ask(), { passive: true });
    new ResizeObserver(() => app.store.ask()).observe(this.box);
    app.store.view((state, before) => this.paint(state, before));
  }

  /** On a phone the rail slides over the list. */
  asSheet(open) {
    $('#rail').dataset.sheet = String(open);
    show($('#rail-scrim'), open);
    if (open) $('#rail').querySelector('button')?.focus();
  }

  get isSheet() {
    return $('#rail').dataset.sheet === 'true';
  }

  paint(state, before) {
    const place = `${this.box.scrollTop}|${this.box.clientHeight}`;
    const same = before && state.accounts === before.accounts && state.filter === before.filter && place === this.place;
    if (same && !this.ticking) return;
    this.place = place;
    const now = Date.now();
    this.ticking = false;
    const { start, end } = visibleRange(state.accounts.size, TILE, this.box.scrollTop, this.box.clientHeight || window.innerHeight, 8);
    this.room.style.setProperty('padding-block', `${4 + start * TILE}px ${4 + (state.accounts.size - end) * TILE}px`);
    const wanted = [];
    const drawn = new Set();
    for (const account of [...state.accounts.values()].slice(start, end)) {
      drawn.add(account.id);
      let tile = this.tiles.get(account.id);
      if (!tile) this.tiles.set(account.id, (tile = this.make(account.id)));
      this.update(tile, account, state, now);
      wanted.push(tile.root);
    }
    for (const id of this.tiles.keys()) if (!drawn.has(id)) this.tiles.delete(id);
    arrange(this.room, wanted);
    if (this.ticking) this.app.tick();
  }

  make(id) {
    const tile = parts(stamp('t-tile'));
    tile.tile.addEventListener('click', (event) => {
      this.app.actions.filterAccount(id, event.ctrlKey || event.metaKey || event.shiftKey);
      if (this.isSheet) this.asSheet(false);
    });
    tile.root.addEventListener('contextmenu', (event) => {
      event.preventDefault();
      this.app.openAccount(id);
    });
    tile.more.addEventListener('click', () => this.app.openAccount(id));
    return tile;
  }

  update(tile, account, state, now) {
    const { app } = this;
    const label = cleanName(account.label);
    const ring = ringOf(account);
    const status = stateText(app.words, account, now);
    if (account.retry_at && Date.parse(account.retry_at) > now) this.ticking = true;
    setAttr(tile.root, 'data-colour', colourOf(account, hueOf));
    setAttr(tile.root, 'data-on', state.filter.accounts.includes(account.id));
    setAttr(tile.root, 'data-account', account.id);
    setAttr(tile.tile, 'data-ring', ring);
    setAttr(tile.tile, 'aria-pressed', String(state.filter.accounts.includes(account.id)));
    const unread = account.unread ?? 0;
    setAttr(tile.tile, 'title', `${label} · ${status}`);
    setAttr(tile.more, 'aria-label', app.t('rail.more', { label }));
    this.face(tile.face, account, label);
    setText(tile.label, label);
    setText(tile.state, status);
    setText(tile.unread, unread > 0 ? app.t('list.unread', { n: unread }) : '');
    setAttr(tile.count, 'data-text', unread > 999 ? `${number(app.lang, 999)}+` : number(app.lang, unread));
    show(tile.count, unread > 0);
    show(tile.alarm, needsPerson(account));
  }

  face(face, account, label) {
    const photo = safeImage(account.photo);
    setAttr(face, 'data-text', monogram(label));
    if (!photo) return face.replaceChildren();
    if (face.firstElementChild?.getAttribute('src') === photo) return;
    const image = document.createElement('img');
    image.src = photo;
    image.alt = '';
    face.replaceChildren(image);
  }
}
