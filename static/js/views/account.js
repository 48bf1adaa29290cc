/** One account's sheet: how it is, why, and everything that can be done with it. */

import { api, exportHref } from '../api.js';
import { el, setText, show } from '../dom.js';
import { moment } from '../format.js';
import { cleanName, hueOf } from '../text.js';
import { colourOf, disputeText, historyText, needsPerson, ringOf, stateText } from '../words.js';
import { Sheet, confirm } from './sheet.js';
import { HealthSection } from './health.js';
import { nodeName, nodeOf } from './nodes.js';
import { WaysField, wayName } from './ways.js';
import { colourField, exportLinks } from './fields.js';

export class AccountSheet {
  /** @param {import('../main.js').App} app */
  constructor(app, id) {
    this.app = app;
    this.id = id;
    this.sheet = new Sheet(app, cleanName(app.state.accounts.get(id)?.label), { onClose: () => this.leave?.() });
    this.state = el('div', { class: 'state-line', role: 'status' });
    this.facts = el('dl', { class: 'facts' });
    this.acts = el('div', { class: 'actions' });
    this.conflict = el('div', { class: 'conflict', role: 'alert', hidden: true });
    this.sheet.body.append(this.state, this.conflict, this.acts, this.form(), this.archive(), this.ways().root, this.healthy().root, this.transfer(), this.facts, this.ending());
    this.sheet.open();
    this.leave = app.store.view((state) => this.paint(state));
    this.paint(app.state);
    this.findNode();
  }

  /** Which of several services has it; nothing where there is one, or where that is nobody's business. */
  async findNode() {
    try {
      this.node = await nodeOf(this.id);
    } catch (error) {
      if (!error.code) throw error;
      return;
    }
    if (this.node && this.account) this.fill(this.account);
  }

  get account() {
    return this.app.state.accounts.get(this.id);
  }

  paint(state) {
    const account = state.accounts.get(this.id);
    if (!account) return this.sheet.close();
    const status = stateText(this.app.words, account, Date.now());
    if (account.retry_at) this.app.tick();
    const tone = { full: 'good', turning: 'wait', broken: 'wait', grey: 'quiet', bad: 'bad' }[ringOf(account)];
    if (this.shownStatus !== status) {
      this.shownStatus = status;
      this.state.replaceChildren(el('span', { class: tone, text: '●', 'aria-hidden': 'true' }), el('span', { class: 'grow', text: status }));
    }
    this.warn(state.vault?.conflicts?.find((one) => one.account_id === this.id) ?? null);
    if (this.shown === account) return undefined;
    this.shown = account;
    setText(this.sheet.heading, cleanName(account.label));
    this.offer(this.actions(account));
    this.whole.checked = account.archive === 'all';
    this.way.paint(account);
    this.health.paint(account);
    this.fill(account);
    return undefined;
  }

  /** Supabase's row and the account here differ, and nobody has said which is right. */
  warn(conflict) {
    const told = conflict && `${conflict.settled_here} ${conflict.what}`;
    if (this.told === told) return;
    this.told = told;
    show(this.conflict, conflict !== null);
    if (!conflict) return this.conflict.replaceChildren();
    const { t, actions } = this.app;
    // What lies behind it is technical, and in English.
    const what = el('p', { class: 'small', lang: 'en', dir: 'ltr', text: conflict.what });
    const parts = [el('p', { text: t('account.conflict') }), el('p', { text: disputeText(this.app.words, conflict) }), what];
    if (conflict.settled_here) {
      parts.push(el('p', { text: t('account.conflict.here') }), el('button', {
        type: 'button', class: 'button', text: t('account.conflict.keep'), 'data-act': 'account.conflict.keep',
        // Any change here says that this side is right; the label as it is changes nothing else.
        on: { click: () => actions.change(this.id, { label: this.account.label }) },
      }));
    } else parts.push(el('p', { text: t('account.conflict.there') }));
    return this.conflict.replaceChildren(...parts);
  }

  /** What can be done now, as [key, what it does, whether it is the obvious next step]. */
  actions(account) {
    const { actions } = this.app;
    const signIn = (key, primary) => [key, () => this.app.signIn(this.id), primary];
    const list = [];
    if (['needs_login', 'signed_out'].includes(account.state)) list.push(signIn('account.signin', true));
    if (account.state === 'signing_in') list.push(signIn('account.continue', true));
    if (!['signed_out', 'signing_in', 'stopped', 'needs_login', 'banned'].includes(account.state)) list.push(['account.restart', () => actions.restart(this.id), account.state === 'failed']);
    if (account.state === 'stopped' || !account.is_active) list.push(['account.start', () => actions.setActive(this.id, true), true]);
    else if (!['signed_out', 'signing_in'].includes(account.state)) list.push(['account.stop', () => actions.setActive(this.id, false), false]);
    if (needsPerson(account) && account.state !== 'needs_login') list.push(signIn('account.signin', false));
    return list;
  }

  /** A button that stays offered stays the same element: it keeps the focus, and a click that is under way. */
  offer(list) {
    const had = new Map([...this.acts.children].map((button) => [button.dataset.act, button]));
    const buttons = list.map(([key, act, primary]) => {
      const button = had.get(key) ?? el('button', { type: 'button', class: 'button', text: this.app.t(key), 'data-act': key, on: { click: act } });
      button.classList.toggle('primary', primary);
      return button;
    });
    for (const button of had.values()) if (!buttons.includes(button)) button.remove();
    buttons.forEach((button, n) => { if (this.acts.children[n] !== button) this.acts.insertBefore(button, this.acts.children[n] ?? null); });
  }

  form() {
    const { t, actions } = this.app;
    const account = this.account;
    const label = el('input', { class: 'input', id: 'account-label', maxlength: '64', dir: 'auto', value: account.label });
    const save = () => { if (label.value.trim() && label.value.trim() !== this.account.label) actions.change(this.id, { label: label.value.trim() }); };
    label.addEventListener('change', save);
    const colour = colourField(this.app, colourOf(account, hueOf), (value) => actions.change(this.id, { colour: value }));
    return el('div', { class: 'pair' }, el('div', { class: 'field' }, el('label', { for: 'account-label', text: t('signin.label') }), label), colour);
  }

  /** Whether all of its history is wanted, or what somebody looks at. */
  archive() {
    const { t, actions } = this.app;
    const change = () => actions.change(this.id, { archive: this.whole.checked ? 'all' : 'recent' });
    this.whole = el('input', { type: 'checkbox', id: 'account-archive', 'aria-describedby': 'account-archive-hint', on: { change } });
    return el('div', { class: 'setting' }, el('label', { for: 'account-archive', text: t('account.archive') }), this.whole, el('p', { class: 'hint', id: 'account-archive-hint', text: t('account.archive.hint') }));
  }

  /** How it reaches Telegram; changed without a new sign-in. */
  ways() {
    const save = async (proxies) => {
      const asked = this.app.state.accounts;
      const { account } = await api.changeAccount(this.id, { proxies });
      this.app.store.dispatch({ type: 'account_changed', account, asked });
    };
    this.way = new WaysField(this.app, { test: (proxies) => api.testAccountWays(this.id, proxies), save });
    return this.way;
  }

  /** Its history as a file, and a file into its history. */
  transfer() {
    const { t } = this.app;
    const links = exportLinks(this.app);
    for (const [format, link] of Object.entries(links)) link.href = exportHref('accounts', this.id, format);
    this.file = el('input', { type: 'file', id: 'account-import', accept: '.json,application/json', 'aria-describedby': 'account-import-hint', on: { change: () => this.take() } });
    this.taken = el('p', { class: 'small', role: 'status' });
    const bring = el('div', { class: 'field' }, el('label', { for: 'account-import', text: t('import.title') }), this.file, el('p', { class: 'hint', id: 'account-import-hint', text: t('import.hint') }), this.taken);
    return el('div', { class: 'transfer' }, el('h3', { text: t('export.title') }), el('div', { class: 'actions' }, ...Object.values(links)), bring);
  }

  async take() {
    const { t } = this.app;
    const [file] = this.file.files;
    if (!file) return;
    this.file.disabled = true;
    setText(this.taken, t('import.busy'));
    try {
      const { import: done } = await api.importHistory(this.id, file);
      const left = done.skipped + done.differing;
      setText(this.taken, `${t('import.done', { n: done.added, known: done.known })} ${left > 0 ? t('import.left', { n: left }) : ''}`.trim());
    } catch (error) {
      setText(this.taken, ['import_not_yours', 'import_unreadable'].includes(error.code) ? t(`import.${error.code}`) : this.app.explain(error));
    }
    this.file.value = '';
    this.file.disabled = false;
  }

  healthy() {
    this.health = new HealthSection(this.app, this.id);
    return this.health;
  }

  fill(account) {
    const { t, lang } = this.app;
    const rows = [];
    const add = (key, value) => { if (value || value === 0) rows.push(el('dt', { text: t(key) }), el('dd', {}, el('bdi', { text: String(value) }))); };
    const when = (iso) => (iso ? moment(lang, iso) : '');
    const user = account.user ?? {};
    add('account.name', cleanName([user.first_name, user.last_name].filter(Boolean).join(' ')));
    add('details.username', user.username ? `@${user.username}` : '');
    add('account.phone', account.phone ? `\u2066${account.phone}\u2069` : '');
    add('account.since', when(account.state_since));
    add('account.update', when(account.last_update_at));
    add('account.way', wayName(t, account.proxy));
    add('account.unread', account.unread ?? 0);
    add('account.queued', account.outbox_pending ?? 0);
    add('account.history', historyText(this.app.words, account.history));
    add('account.node', this.node ? nodeName(this.node) : '');
    add('account.id', account.id);
    this.facts.replaceChildren(...rows);
  }

  ending() {
    const { t } = this.app;
    const out = el('button', { type: 'button', class: 'button danger', text: t('account.logout'), 'data-act': 'account.logout', on: { click: () => this.logout() } });
    const remove = el('button', { type: 'button', class: 'button danger', text: t('account.remove'), 'data-act': 'account.remove', on: { click: () => this.remove() } });
    return el('div', { class: 'actions' }, out, remove);
  }

  async logout() {
    const { t } = this.app;
    const label = cleanName(this.account.label);
    const yes = await confirm(this.app, { title: t('account.logout'), text: t('account.logout.text', { account: label }), act: t('account.logout') });
    if (yes) await this.app.actions.logout(this.id);
  }

  async remove() {
    const { t } = this.app;
    const label = cleanName(this.account.label);
    const choices = [{ value: 'keep', label: t('account.remove.keep') }, { value: 'delete', label: t('account.remove.delete') }];
    const history = await confirm(this.app, { title: t('account.remove'), text: t('account.remove.text', { account: label }), act: t('account.remove'), choices });
    if (history) await this.app.actions.remove(this.id, history);
  }
}
