/** What the list shows: the chips, the menu of accounts, and how wide the list is. */

import { $, el, icon, setAttr, setText } from '../dom.js';
import { badge } from '../format.js';
import { cleanName, hueOf } from '../text.js';
import { colourOf } from '../words.js';

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
      if (this.menu && !this.menu.contains(event.target) && !this.button.contains(event.target)) this.closeMenu();
    });
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
    if (this.menu && (this.drawn[0] !== state.accounts || this.drawn[1] !== filter)) this.fillMenu();
  }

  openMenu() {
    this.menu = el('div', { class: 'menu', role: 'menu', 'aria-label': this.app.t('list.allaccounts') });
    this.menu.addEventListener('keydown', (event) => this.menuKey(event));
    this.fillMenu();
    $('#list').append(this.menu);
    setAttr(this.button, 'aria-expanded', 'true');
    this.menu.querySelector('.menu-item').focus();
  }

  closeMenu() {
    if (!this.menu) return false;
    const inside = this.menu.contains(document.activeElement);
    this.menu.remove();
    this.menu = null;
    setAttr(this.button, 'aria-expanded', 'false');
    if (inside) this.button.focus();
    return true;
  }

  menuKey(event) {
    const items = [...this.menu.querySelectorAll('.menu-item')];
    const at = items.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
    if (event.key === 'Escape' || event.key === 'Tab') {
      this.closeMenu();
      if (event.key === 'Escape') event.stopPropagation();
      return;
    }
    if (to === undefined) return;
    event.preventDefault();
    items[(to + items.length) % items.length].focus();
  }

  fillMenu() {
    const { state, t, lang } = this.app;
    const focused = [...(this.menu?.children ?? [])].indexOf(document.activeElement);
    this.drawn = [state.accounts, state.filter];
    const row = (checked, label, colour, unread, act) => el('button', {
      type: 'button', class: 'menu-item', role: 'menuitemcheckbox', 'aria-checked': String(checked), tabindex: '-1', 'data-colour': colour, on: { click: act },
    }, icon('check', 'small check'), colour === null ? null : el('span', { class: 'dot' }), el('bdi', { class: 'grow one-line', text: label }),
    unread > 0 ? el('span', { class: 'badge', text: badge(lang, unread) }) : null);
    const chosen = state.filter.accounts;
    const rows = [row(chosen.length === 0, t('list.allaccounts'), null, 0, () => { this.app.actions.filterAccount(null); this.closeMenu(); })];
    for (const account of state.accounts.values()) {
      rows.push(row(chosen.includes(account.id), cleanName(account.label), colourOf(account, hueOf), account.unread ?? 0, () => this.app.actions.filterAccount(account.id, true)));
    }
    this.menu.replaceChildren(...rows);
    if (focused >= 0) this.menu.children[focused]?.focus();
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

