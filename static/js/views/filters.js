/** What the list shows: the chips, the menu of accounts, and how wide the list is. */

import { $, setAttr, setText, show } from '../dom.js';
import { offers } from '../offers.js';
import { cleanName } from '../text.js';
import { AccountsMenu } from './menu.js';

const NARROWEST = 320;
const WIDEST = 380;

export class Filters {
  /** @param {import('../main.js').App} app */
  constructor(app) {
    this.app = app;
    this.button = $('#accounts-button');
    this.menu = null;
    $('#chips').addEventListener('click', (event) => this.chip(event.target.closest('.chip')));
    this.button.addEventListener('click', () => (this.menu ? this.closeMenu() : this.openMenu()));
    document.addEventListener('pointerdown', (event) => {
      if (this.menu && !this.menu.root.contains(event.target) && !this.button.contains(event.target)) this.closeMenu();
    });
    show($('#chips [data-filter=archived]'), offers('orders'));
    this.grip();
    app.store.view((state) => this.paint(state));
  }

  chip(chip) {
    if (!chip) return;
    const { filter } = this.app.state;
    const { kind, filter: flag } = chip.dataset;
    if (kind) this.app.actions.setFilter({ kind: filter.kind === kind ? null : kind });
    else this.app.actions.setFilter({ [flag]: !filter[flag] });
  }

  paint(state) {
    const { filter } = state;
    for (const chip of document.querySelectorAll('#chips .chip')) {
      const on = chip.dataset.kind ? filter.kind === chip.dataset.kind : filter[chip.dataset.filter];
      setAttr(chip, 'aria-pressed', String(Boolean(on)));
    }
    const chosen = filter.accounts.map((id) => state.accounts.get(id)).filter(Boolean);
    const label = chosen.length === 0 ? this.app.t('list.allaccounts') : chosen.length === 1 ? cleanName(chosen[0].label) : this.app.t('list.accounts', { n: chosen.length });
    setText(this.button.firstElementChild, label);
    this.menu?.paint();
  }

  openMenu() {
    this.menu = new AccountsMenu(this.app, () => this.closeMenu());
    this.menu.open($('#list'));
    setAttr(this.button, 'aria-expanded', 'true');
  }

  closeMenu() {
    if (!this.menu) return false;
    const { root } = this.menu;
    const inside = root.contains(document.activeElement);
    this.menu = null;
    root.remove();
    setAttr(this.button, 'aria-expanded', 'false');
    if (inside) this.button.focus();
    return true;
  }

  /** The list is as wide as one drags it, within what the layout bears. */
  grip() {
    const grip = $('#grip');
    const set = (width) => {
      const fit = Math.max(NARROWEST, Math.min(WIDEST, Math.round(width)));
      document.documentElement.style.setProperty('--list-width', `${fit}px`);
      setAttr(grip, 'aria-valuenow', fit);
      return fit;
    };
    const start = this.app.prefs.get('listWidth');
    if (start) set(start);
    grip.addEventListener('pointerdown', (event) => {
      grip.setPointerCapture(event.pointerId);
      const box = $('#list').getBoundingClientRect();
      const rtl = document.documentElement.dir === 'rtl';
      const move = (at) => this.app.prefs.set('listWidth', set(rtl ? box.right - at.clientX : at.clientX - box.left));
      grip.addEventListener('pointermove', move);
      grip.addEventListener('lostpointercapture', () => grip.removeEventListener('pointermove', move), { once: true });
    });
    grip.addEventListener('keydown', (event) => {
      const steps = { ArrowLeft: -12, ArrowRight: 12 };
      if (!(event.key in steps)) return;
      event.preventDefault();
      const forward = document.documentElement.dir === 'rtl' ? -1 : 1;
      this.app.prefs.set('listWidth', set($('#list').clientWidth + steps[event.key] * forward));
    });
  }
}

