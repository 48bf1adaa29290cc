/** The menu of accounts: which of them the list shows. Windowed, for there may be thousands; letters typed jump to a label. */

import { arrange, el, icon, parts, setAttr, setText, show } from '../dom.js';
import { badge } from '../format.js';
import { cleanName, hueOf } from '../text.js';
import { visibleRange } from '../window.js';
import { colourOf } from '../words.js';

/** Letters typed within this time are one word. */
const WORD_MS = 900;
const ALL = 'all';
/** Around the rows, as the style sheet has it. */
const PADDING = 6;

export class AccountsMenu {
  /**
   * @param {import('../main.js').App} app
   * @param {() => void} close
   */
  constructor(app, close) {
    this.app = app;
    this.close = close;
    this.room = el('div', { class: 'room', role: 'presentation' });
    this.root = el('div', { class: 'menu', role: 'menu', 'aria-label': app.t('list.allaccounts') }, this.room);
    /** @type {Map<string, Record<string, Element>>} */
    this.rows = new Map();
    this.at = 0;
    this.typed = '';
    this.root.addEventListener('scroll', () => this.paint(), { passive: true });
    this.root.addEventListener('keydown', (event) => this.key(event));
    this.room.addEventListener('click', (event) => this.choose(event.target.closest('.menu-item')?.dataset.id));
  }

  open(parent) {
    parent.append(this.root);
    this.height = matchMedia('(max-width: 599px)').matches ? 44 : 36;
    this.paint();
    this.focus(0);
  }

  choose(id) {
    if (id === undefined) return;
    this.at = this.ids.indexOf(id);
    this.app.actions.filterAccount(id === ALL ? null : id, true);
    if (id === ALL) this.close();
  }

  paint() {
    const { state } = this.app;
    if (this.accounts !== state.accounts) this.ids = [ALL, ...state.accounts.keys()];
    this.accounts = state.accounts;
    this.at = Math.min(this.at, this.ids.length - 1);
    this.room.style.setProperty('height', `${this.ids.length * this.height}px`);
    const { start, end } = visibleRange(this.ids.length, this.height, this.root.scrollTop, this.root.clientHeight);
    const drawn = new Map();
    // The one with the focus stays, wherever it is scrolled to.
    for (const n of new Set([...Array.from({ length: end - start }, (_, k) => start + k), this.at])) drawn.set(this.ids[n], n);
    arrange(this.room, [...drawn].sort((a, b) => a[1] - b[1]).map(([id, n]) => this.row(id, n).root));
    for (const id of this.rows.keys()) if (!drawn.has(id)) this.rows.delete(id);
  }

  row(id, n) {
    const { state, t, lang } = this.app;
    let row = this.rows.get(id);
    if (!row) this.rows.set(id, (row = this.make(id)));
    const account = state.accounts.get(id);
    const chosen = state.filter.accounts;
    row.root.style.setProperty('transform', `translateY(${n * this.height}px)`);
    setAttr(row.root, 'aria-setsize', this.ids.length);
    setAttr(row.root, 'aria-posinset', n + 1);
    setAttr(row.root, 'aria-checked', String(account ? chosen.includes(id) : chosen.length === 0));
    setText(row.label, account ? cleanName(account.label) : t('list.allaccounts'));
    if (!account) return row;
    setAttr(row.root, 'data-colour', colourOf(account, hueOf));
    setText(row.badge, account.unread > 0 ? badge(lang, account.unread) : '');
    show(row.badge, account.unread > 0);
    return row;
  }

  make(id) {
    const dot = id === ALL ? null : el('span', { class: 'dot' });
    const count = id === ALL ? null : el('span', { class: 'badge', 'data-part': 'badge' });
    return parts(el('button', { type: 'button', class: 'menu-item', role: 'menuitemcheckbox', tabindex: '-1', 'data-id': id },
      icon('check', 'small check'), dot, el('bdi', { class: 'grow one-line', 'data-part': 'label' }), count));
  }

  key(event) {
    if (event.key === 'Escape' || event.key === 'Tab') {
      this.close();
      if (event.key === 'Escape') event.stopPropagation();
      return;
    }
    const page = Math.max(1, Math.floor(this.root.clientHeight / this.height) - 1);
    const last = this.ids.length - 1;
    const to = { ArrowDown: this.at === last ? 0 : this.at + 1, ArrowUp: this.at === 0 ? last : this.at - 1, PageDown: Math.min(last, this.at + page), PageUp: Math.max(0, this.at - page), Home: 0, End: last }[event.key];
    if (to !== undefined) this.focus(to);
    else if (event.key.length === 1 && (event.key !== ' ' || this.typed !== '') && !event.ctrlKey && !event.metaKey && !event.altKey) this.jump(event.key);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** To the next label that begins with what was typed, or else holds it. */
  jump(letter) {
    clearTimeout(this.forget);
    this.forget = setTimeout(() => { this.typed = ''; }, WORD_MS);
    this.typed += letter.toLocaleLowerCase();
    const label = (n) => cleanName(this.app.state.accounts.get(this.ids[n])?.label).toLocaleLowerCase();
    const from = this.typed.length > 1 ? this.at : this.at + 1;
    const order = this.ids.map((_, n) => (n + from) % this.ids.length);
    const found = order.find((n) => label(n).startsWith(this.typed)) ?? order.find((n) => label(n).includes(this.typed));
    if (found !== undefined) this.focus(found);
  }

  focus(n) {
    this.at = n;
    const top = n * this.height;
    if (top < this.root.scrollTop) this.root.scrollTop = top;
    else if (top + this.height + 2 * PADDING > this.root.scrollTop + this.root.clientHeight) this.root.scrollTop = top + this.height + 2 * PADDING - this.root.clientHeight;
    this.paint();
    this.rows.get(this.ids[n]).root.focus({ preventScroll: true });
  }
}
