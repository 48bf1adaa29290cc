/** Sheets: the dialogs that come up over the desk. One at a time; Escape and a click beside it close it. */

import { el, parts, setAttr, setText, stamp } from '../dom.js';

export class Sheet {
  /** @param {import('../main.js').App} app */
  constructor(app, title, { className = '', onClose } = {}) {
    this.app = app;
    this.parts = parts(stamp('t-sheet'));
    this.root = this.parts.root;
    this.body = this.parts.body;
    this.onClose = onClose;
    if (className) this.root.classList.add(className);
    this.heading = this.root.querySelector('h2');
    this.heading.id = 'sheet-title';
    setText(this.heading, title);
    setAttr(this.root, 'aria-labelledby', 'sheet-title');
    setAttr(this.parts.close, 'aria-label', app.t('close'));
    this.parts.close.addEventListener('click', () => this.close());
    this.root.addEventListener('close', () => this.closed());
    this.root.addEventListener('pointerdown', (event) => { if (event.target === this.root && this.outside(event)) this.close(); });
  }

  outside(event) {
    const box = this.root.getBoundingClientRect();
    return event.clientX < box.left || event.clientX > box.right || event.clientY < box.top || event.clientY > box.bottom;
  }

  open() {
    this.app.sheet?.close();
    this.app.sheet = this;
    document.body.append(this.root);
    this.root.showModal();
    return this;
  }

  /** The browser tells of a closing later than it closes. */
  get isOpen() {
    return this.root.open;
  }

  close() {
    if (this.root.open) this.root.close();
  }

  closed() {
    this.root.remove();
    if (this.app.sheet === this) this.app.sheet = null;
    this.onClose?.();
  }
}

const KEYS = [
  [['Alt', '↑'], ['Alt', '↓'], 'keys.move'], [['Ctrl', 'K'], 'keys.jump'], [['/'], 'keys.search'], [['Enter'], 'keys.send'], [['Shift', 'Enter'], 'keys.line'],
  [['↑'], 'keys.edit'], [['Ctrl', 'B'], ['Ctrl', 'I'], ['Ctrl', 'U'], ['Ctrl', 'K'], 'keys.format'], [['Ctrl', 'Shift', 'M'], 'keys.code'],
  [['.'], 'keys.menu'], [['n'], 'keys.new'], [['Esc'], 'keys.close'], [['u'], 'keys.unread'], [['r'], 'keys.read'], [['1'], ['9'], 'keys.account'], [['0'], 'keys.all'], [['?'], 'keys.help'],
];

/** The list of keys. */
export function openKeys(app) {
  const sheet = new Sheet(app, app.t('keys.title'));
  const list = el('dl', { class: 'keys-list' });
  for (const entry of KEYS) {
    const dt = el('dt', { dir: 'ltr' });
    entry.slice(0, -1).forEach((keys, n) => {
      if (n > 0) dt.append(keys.length === 1 ? ' … ' : ' / ');
      keys.forEach((key, k) => dt.append(k > 0 ? ' + ' : '', el('kbd', { text: key })));
    });
    list.append(dt, el('dd', { text: app.t(entry[entry.length - 1]) }));
  }
  sheet.body.append(list, el('p', { class: 'hint', text: app.t('keys.note') }));
  return sheet.open();
}

/** Asks before something that cannot be taken back. `choices` adds radio buttons. */
export function confirm(app, { title, text, act, choices = [] }) {
  return new Promise((resolve) => {
    const sheet = new Sheet(app, title, { onClose: () => resolve(null) });
    const group = el('fieldset', {});
    choices.forEach(({ value, label }, n) => {
      group.append(el('label', { class: 'choice' }, el('input', { type: 'radio', name: 'choice', value, checked: n === 0 }), el('span', { text: label })));
    });
    const yes = el('button', { type: 'button', class: 'button danger', text: act, on: { click: () => {
      resolve(group.querySelector('input:checked')?.value ?? true);
      sheet.close();
    } } });
    const no = el('button', { type: 'button', class: 'button', text: app.t('cancel'), on: { click: () => sheet.close() } });
    sheet.body.append(el('p', { text }), choices.length > 0 ? group : '', el('div', { class: 'actions end' }, no, yes));
    sheet.open();
    no.focus();
  });
}
