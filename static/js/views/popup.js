/** A menu that comes up where it was asked for; on a phone from below. Arrow keys, Home, End, Escape; a click beside it closes it. */

import { el, icon } from '../dom.js';

const EDGE = 8;

export class Popup {
  /**
   * @param {import('../main.js').App} app
   * @param {string} label
   * @param {Array<{icon: string, text: string, act: () => void, danger?: boolean, key?: string}>} items
   * @param {{x: number, y: number}} at
   * @param {Element|null} head above the items; its buttons belong to the menu
   */
  constructor(app, label, items, at, head = null) {
    this.app = app;
    this.at = at;
    const made = items.map((item) => el('button', { type: 'button', class: item.danger ? 'popup-item bad' : 'popup-item', role: 'menuitem', tabindex: '-1', 'data-act': item.icon, on: { click: () => this.choose(item.act) } }, icon(item.icon), el('span', { text: item.text })));
    this.menu = el('div', { role: 'menu', 'aria-label': label }, head, ...made);
    this.root = el('dialog', { class: 'popup', 'aria-label': label }, this.menu);
    this.root.addEventListener('close', () => this.closed());
    // The finger whose long press brought the menu is lifted over it: that is no choice.
    this.root.addEventListener('click', (event) => { if (event.detail > 0 && !this.touched) event.stopPropagation(); }, true);
    this.root.addEventListener('pointerdown', (event) => {
      this.touched = true;
      if (event.target === this.root && this.outside(event)) this.close();
    });
    this.root.addEventListener('contextmenu', (event) => event.preventDefault());
    this.root.addEventListener('keydown', (event) => this.key(event));
  }

  outside(event) {
    const box = this.root.getBoundingClientRect();
    return event.clientX < box.left || event.clientX > box.right || event.clientY < box.top || event.clientY > box.bottom;
  }

  get items() {
    return [...this.menu.querySelectorAll('button')];
  }

  get isOpen() {
    return this.root.open;
  }

  open() {
    this.focused = document.activeElement;
    this.app.sheet?.close();
    this.app.sheet = this;
    document.body.append(this.root);
    this.root.showModal();
    this.place();
    this.items.forEach((item) => item.setAttribute('tabindex', '-1'));
    // Not on what stands above: what a key chooses unseen is to be the plainest.
    (this.menu.querySelector('.popup-item') ?? this.items[0])?.focus();
    return this;
  }

  /** Where it was asked for, and whole on the screen. */
  place() {
    if (matchMedia('(max-width: 599px)').matches) return;
    const { width, height } = this.root.getBoundingClientRect();
    const [wide, high] = [document.documentElement.clientWidth, document.documentElement.clientHeight];
    const left = document.documentElement.dir === 'rtl' ? this.at.x - width : this.at.x;
    this.root.style.setProperty('left', `${Math.round(Math.max(EDGE, Math.min(left, wide - width - EDGE)))}px`);
    this.root.style.setProperty('top', `${Math.round(Math.max(EDGE, Math.min(this.at.y, high - height - EDGE)))}px`);
  }

  choose(act) {
    this.close();
    act();
  }

  close() {
    if (this.root.open) this.root.close();
  }

  closed() {
    this.root.remove();
    if (this.app.sheet === this) this.app.sheet = null;
    const now = document.activeElement;
    if (this.focused?.isConnected && (!now || now === document.body)) this.focused.focus({ preventScroll: true });
  }

  key(event) {
    const { items } = this;
    const at = items.indexOf(document.activeElement);
    const last = items.length - 1;
    const forwards = this.app.words.dir === 'rtl' ? 'ArrowLeft' : 'ArrowRight';
    const backwards = this.app.words.dir === 'rtl' ? 'ArrowRight' : 'ArrowLeft';
    const to = { ArrowDown: at === last ? 0 : at + 1, [forwards]: at === last ? 0 : at + 1, ArrowUp: at <= 0 ? last : at - 1, [backwards]: at <= 0 ? last : at - 1, Home: 0, End: last }[event.key];
    if (event.key === 'Tab') this.close();
    else if (to === undefined) return;
    else items[to]?.focus();
    event.preventDefault();
    event.stopPropagation();
  }
}
