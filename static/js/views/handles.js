/** Taking hold of a message: right button, long press, full stop and `⋯` bring its menu; while some are selected, a click ticks it. */

import { openMessageMenu } from './message_menu.js';
import { MOST_SELECTED } from './selection.js';

/** A finger that rests so long asks for the menu. */
const PRESS_MS = 500;
const MOVED = 10;

export class Handles {
  /** @param {import('../main.js').App} app @param {import('./chat.js').Chat} chat */
  constructor(app, chat) {
    this.app = app;
    this.chat = chat;
    this.longPressed = false;
    const { log } = chat;
    log.addEventListener('contextmenu', (event) => this.rightClick(event));
    log.addEventListener('pointerdown', (event) => this.press(event));
    log.addEventListener('pointerover', (event) => { this.under = event.target.closest('.message'); });
    for (const name of ['pointerup', 'pointercancel', 'pointermove']) log.addEventListener(name, (event) => this.unpress(event), { passive: true });
    log.addEventListener('keydown', (event) => this.key(event));
  }

  /** The click that a long press ends with is none. */
  endPress(event) {
    const was = this.longPressed;
    this.longPressed = false;
    if (was) event.preventDefault();
    return was;
  }

  menuBelow(element, button) {
    this.menuOf(element, cornerOf(button));
  }

  rightClick(event) {
    const message = event.target.closest('.message');
    if (!message || event.target.closest('a, video, input, textarea')) return;
    event.preventDefault();
    this.menuOf(message, { x: event.clientX, y: event.clientY });
  }

  press(event) {
    this.longPressed = false;
    const message = event.target.closest('.message');
    if (event.pointerType !== 'touch' || !message || event.target.closest('a, video, input, button:not(.picture)')) return;
    this.pressed = { x: event.clientX, y: event.clientY };
    this.pressTimer = setTimeout(() => {
      this.longPressed = true;
      this.menuOf(message, this.pressed);
    }, PRESS_MS);
  }

  unpress(event) {
    if (event.type === 'pointermove' && this.pressed && Math.hypot(event.clientX - this.pressed.x, event.clientY - this.pressed.y) < MOVED) return;
    clearTimeout(this.pressTimer);
  }

  /** From one message's menu button to the next one's. */
  key(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || !event.target.matches('.more') || event.altKey || event.ctrlKey || event.metaKey) return;
    const all = [...this.chat.log.querySelectorAll('.more')].filter((one) => one.checkVisibility());
    const next = all[all.indexOf(event.target) + step];
    if (!next) return;
    event.preventDefault();
    next.focus();
  }

  /** Of the message that has the focus, else of the one under the pointer, else of the last one. */
  openMenu() {
    const all = [...this.chat.log.querySelectorAll('.message')];
    const under = this.under?.isConnected && this.under.matches(':hover') ? this.under : null;
    const message = document.activeElement?.closest?.('.message') ?? under ?? all[all.length - 1];
    if (!message || this.chat.shown === null || this.app.state.selection) return false;
    const box = message.querySelector('.bubble').getBoundingClientRect();
    const view = this.chat.scroller.getBoundingClientRect();
    this.menuOf(message, { x: box.left + 12, y: Math.max(view.top, Math.min(box.bottom, view.bottom)) });
    return true;
  }

  menuOf(element, at) {
    const album = this.chat.albums.get(element.dataset.home);
    if (album && !this.app.state.selection && !this.app.sheet?.isOpen) openMessageMenu(this.app, album, at);
  }

  toggle(album) {
    const { state, store } = this.app;
    const ids = album.map((one) => one.id);
    const fresh = ids.filter((id) => !state.selection?.has(id));
    if (fresh.length > 0 && state.selection.size + fresh.length > MOST_SELECTED) return this.app.toast(this.app.t('select.most', { n: MOST_SELECTED }));
    store.dispatch({ type: 'selection_toggled', ids });
    return undefined;
  }
}

/** Where a menu comes up that belongs to a button. */
function cornerOf(button) {
  const box = button.getBoundingClientRect();
  return { x: document.documentElement.dir === 'rtl' ? box.right : box.left, y: box.bottom + 4 };
}
