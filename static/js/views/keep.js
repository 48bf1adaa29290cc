/** For how long an account's messages and files are kept: what a number would delete is shown before it does. */

import { api } from '../api.js';
import { el, setText, show } from '../dom.js';
import { fileSize, number } from '../format.js';
import { field } from './fields.js';

const NAMES = ['messages_days', 'media_days'];

export class KeepFields {
  /** @param {import('../main.js').App} app */
  constructor(app, id) {
    this.app = app;
    this.id = id;
    const { t } = app;
    const one = (name) => {
      const made = field(t(`keep.${name}`), { hint: t(`keep.${name}.hint`), inputmode: 'numeric', autocomplete: 'off', maxlength: '5', name: `keep_${name}` });
      made.input.addEventListener('change', () => this.ask());
      return made;
    };
    this.fields = Object.fromEntries(NAMES.map((name) => [name, one(name)]));
    this.would = el('p', { class: 'hint', role: 'status' });
    this.save = el('button', { type: 'button', class: 'button danger', 'data-act': 'keep.save', text: t('keep.save'), on: { click: () => this.change() } });
    this.root = el('details', { class: 'more', 'data-keep': '', on: { toggle: () => { if (this.root.open) this.ask(); } } },
      el('summary', { text: t('keep.title') }), el('p', { class: 'hint', text: t('keep.hint') }), ...NAMES.map((name) => this.fields[name].root), this.would, el('div', { class: 'actions' }, this.save));
    show(this.save, false);
  }

  paint(retention) {
    this.stored = retention ?? {};
    for (const name of NAMES) {
      const made = this.fields[name];
      const value = this.stored[name] ?? null;
      if (document.activeElement !== made.input && made.shown !== value) {
        made.shown = value;
        made.input.value = value === null ? '' : String(value);
      }
    }
  }

  /** What stands in the fields; undefined: it is no number of days. */
  wanted() {
    const wanted = {};
    for (const name of NAMES) {
      const made = this.fields[name];
      made.fail(null);
      const days = made.value === '' ? null : Number(made.value);
      if (days !== null && days !== 0 && !(Number.isInteger(days) && days >= 7 && days <= 36500)) {
        made.fail(this.app.t('error.retention_invalid'));
        return undefined;
      }
      wanted[name] = days;
    }
    return wanted;
  }

  /** Nothing goes by asking. */
  async ask() {
    const { t, lang } = this.app;
    const wanted = this.wanted();
    show(this.save, wanted !== undefined && NAMES.some((name) => wanted[name] !== (this.stored[name] ?? null)));
    setText(this.would, '');
    if (wanted === undefined) return;
    try {
      // What is left empty is as for all, whatever the account has now.
      const { for_all: all } = await api.retention({ account_id: this.id });
      const days = Object.fromEntries(NAMES.map((name) => [name, wanted[name] ?? all[name] ?? 0]));
      const { accounts: [one] } = await api.retention({ account_id: this.id, ...days });
      const kept = NAMES.every((name) => days[name] === 0);
      setText(this.would, kept ? t('keep.all') : t('keep.would', { messages: number(lang, one.messages), bytes: fileSize(lang, one.bytes), files: number(lang, one.files), file_bytes: fileSize(lang, one.file_bytes) }));
    } catch (error) {
      if (!error.code) throw error;
      setText(this.would, this.app.explain(error));
    }
  }

  async change() {
    const wanted = this.wanted();
    if (wanted === undefined) return;
    this.save.disabled = true;
    try {
      const asked = this.app.state.accounts;
      const { account } = await api.changeAccount(this.id, { retention: wanted });
      this.app.store.dispatch({ type: 'account_changed', account, asked });
      this.stored = account.retention;
      setText(this.would, this.app.t('keep.saved'));
      show(this.save, false);
    } catch (error) {
      if (!error.code) throw error;
      setText(this.would, this.app.explain(error));
    } finally {
      this.save.disabled = false;
    }
  }
}
