/** An account's health on its sheet: what Telegram lets it do, where else it is signed in, how fast it sends; each with the next step. */

import { api } from '../api.js';
import { el, setText, show } from '../dom.js';
import { about, moment } from '../format.js';
import { cleanName, safeHref } from '../text.js';
import { field } from './fields.js';
import { KeepFields } from './keep.js';
import { confirm } from './sheet.js';

export class HealthSection {
  /** @param {import('../main.js').App} app */
  constructor(app, id) {
    this.app = app;
    this.id = id;
    const { t } = app;
    this.lines = el('ul', { class: 'health' });
    this.devices = new Devices(app, id);
    this.pace = new PaceFields(app, id);
    this.name = new NameFields(app, id);
    this.keep = new KeepFields(app, id);
    this.look = el('button', { type: 'button', class: 'button', 'data-act': 'health.look', text: t('health.look'), on: { click: () => this.lookAt() } });
    this.looked = el('p', { class: 'hint', role: 'status' });
    this.root = el('section', { class: 'signin' }, el('h3', { text: t('health.title') }), this.lines, el('div', { class: 'actions' }, this.look), this.looked, this.devices.root, this.pace.root, this.keep.root, this.name.root);
  }

  paint(account) {
    const key = JSON.stringify([account.health, account.state]);
    if (key !== this.shown) {
      this.shown = key;
      this.lines.replaceChildren(...this.told(account));
    }
    this.name.paint(account.device);
    this.keep.paint(account.retention);
    this.pace.paint(account.pace, account.health?.strangers_today ?? 0);
  }

  told(account) {
    const { t, lang } = this.app;
    const { frozen, strangers_limited: strangers, paid = [], flood_waits: floods } = account.health ?? {};
    const lines = [];
    if (frozen) {
      const since = frozen.since ? moment(lang, frozen.since) : '';
      const next = frozen.until ? t('health.frozen.next', { until: moment(lang, frozen.until) }) : t('health.frozen.next.unknown');
      const href = safeHref(frozen.appeal_url ?? '');
      const appeal = href ? el('a', { href, target: '_blank', rel: 'noopener noreferrer', text: t('health.frozen.appeal') }) : null;
      lines.push(this.line('frozen', 'bad', t('health.frozen', { since }), next, appeal));
    }
    if (strangers) lines.push(this.line('strangers', 'wait', t('health.strangers', { since: moment(lang, strangers.since), last: moment(lang, strangers.last_at) }), t('health.strangers.next')));
    for (const peer of paid) lines.push(this.line('paid', 'wait', t('health.paid', { who: this.nameOf(account, peer.chat_id), n: peer.stars }), t('health.paid.next')));
    if (floods?.count > 0) lines.push(this.line('floods', 'wait', t('health.floods', { n: floods.count, longest: about(lang, floods.longest_s) }), t('health.floods.next')));
    const mark = account.health?.unofficial ?? null;
    if (mark?.marked) lines.push(this.line('mark', 'wait', t('health.mark', { when: moment(lang, mark.seen_at) }), t('health.mark.next')));
    const learned = account.health?.learned_per_minute ?? null;
    if (learned !== null) lines.push(this.line('pace', 'wait', t('health.pace', { n: learned }), t('health.pace.next')));
    return lines.length > 0 ? lines : [this.line('good', 'good', t('health.good'), null)];
  }

  /** Only somebody else sees whether Telegram warns of the account's app. */
  async lookAt() {
    const { t } = this.app;
    this.look.disabled = true;
    setText(this.looked, '');
    try {
      const asked = this.app.state.accounts;
      const { account } = await api.look(this.id);
      this.app.store.dispatch({ type: 'account_changed', account, asked });
      if (!account.health.unofficial?.marked) setText(this.looked, t('health.unmarked'));
    } catch (error) {
      if (!error.code) throw error;
      setText(this.looked, this.app.explain(error));
    } finally {
      this.look.disabled = false;
    }
  }

  nameOf(account, chat) {
    for (const one of this.app.state.conversations.values()) if (one.account_id === account.id && one.chat_id === chat) return cleanName(one.title) || chat;
    return chat;
  }

  line(name, tone, what, next, more = null) {
    return el('li', { 'data-health': name },
      el('div', { class: 'state-line' }, el('span', { class: tone, text: '●', 'aria-hidden': 'true' }), el('span', { class: 'grow', text: what })),
      next ? el('p', { class: 'hint', text: next }) : null, more);
  }
}

/** Where else the account is signed in; asked for when somebody wants to know. */
class Devices {
  constructor(app, id) {
    this.app = app;
    this.id = id;
    const { t } = app;
    this.list = el('ul', { class: 'devices' });
    this.trouble = el('div', { class: 'error', role: 'alert' });
    this.root = el('details', { class: 'more', on: { toggle: () => { if (this.root.open) this.load(); } } },
      el('summary', { text: t('devices.title') }), this.trouble, this.list);
  }

  async load() {
    setText(this.trouble, '');
    try {
      const { sessions } = await api.sessions(this.id);
      this.list.replaceChildren(...sessions.map((session) => this.device(session)));
    } catch (error) {
      if (!error.code) throw error;
      setText(this.trouble, this.app.explain(error));
    }
  }

  device(session) {
    const { t, lang } = this.app;
    const facts = [session.app, session.system, session.country, session.ip].map((one) => cleanName(one)).filter(Boolean);
    facts.push(session.current ? t('devices.current') : t('devices.active', { when: moment(lang, session.active_at) }));
    if (!session.official_app) facts.push(t('devices.unofficial'));
    const end = session.current ? null : el('button', { type: 'button', class: 'button danger', text: t('devices.end'), 'data-act': 'devices.end', on: { click: () => this.end(session) } });
    const warn = session.unconfirmed ? el('p', { class: 'hint', text: t('devices.unconfirmed') }) : null;
    return el('li', { 'data-session': session.hash }, el('bdi', { text: cleanName(session.device) || t('unnamed') }), el('div', { class: 'small quiet', text: facts.join(' · ') }), warn, end);
  }

  async end(session) {
    const { t, actions, state } = this.app;
    const account = cleanName(state.accounts.get(this.id)?.label);
    const yes = await confirm(this.app, { title: t('devices.end'), text: t('devices.end.text', { device: cleanName(session.device), account }), act: t('devices.end') });
    if (yes && await actions.attempt(() => api.endSession(this.id, session.hash))) this.app.toast(t('devices.ended', { device: cleanName(session.device) }));
    // The question took the sheet's place.
    this.app.openAccount(this.id);
  }
}

/** What it may send by itself; empty: no limit. */
class PaceFields {
  constructor(app, id) {
    this.app = app;
    this.id = id;
    const { t } = app;
    const one = (name) => {
      const made = field(t(`pace.${name}`), { hint: t(`pace.${name}.hint`), inputmode: 'numeric', autocomplete: 'off', maxlength: '4', name, placeholder: t('pace.off') });
      made.input.addEventListener('change', () => this.save(name, made));
      return made;
    };
    this.fields = { strangers_per_day: one('strangers_per_day'), per_minute: one('per_minute') };
    this.today = el('p', { class: 'hint' });
    this.root = el('div', {}, el('h4', { text: t('pace.title') }), el('div', { class: 'pair' }, this.fields.strangers_per_day.root, this.fields.per_minute.root), this.today);
  }

  paint(pace, today) {
    const { t } = this.app;
    for (const [name, made] of Object.entries(this.fields)) {
      const value = pace?.[name] ?? null;
      if (document.activeElement !== made.input && made.shown !== value) {
        made.shown = value;
        made.input.value = value === null ? '' : String(value);
      }
    }
    show(this.today, today > 0);
    setText(this.today, t('pace.today', { n: today }));
  }

  async save(name, made) {
    const { t } = this.app;
    made.fail(null);
    const text = made.value;
    if (text !== '' && !/^[1-9]\d{0,3}$/.test(text)) return made.fail(t('error.pace_invalid'));
    made.shown = text === '' ? null : Number(text);
    try {
      const asked = this.app.state.accounts;
      const { account } = await api.changeAccount(this.id, { pace: { [name]: made.shown } });
      this.app.store.dispatch({ type: 'account_changed', account, asked });
    } catch (error) {
      if (!error.code) throw error;
      made.fail(this.app.explain(error));
    }
    return undefined;
  }
}

/** What it calls itself in Telegram's list of sessions. */
class NameFields {
  constructor(app, id) {
    this.app = app;
    this.id = id;
    const { t } = app;
    const one = (name, maxlength) => {
      const made = field(t(`device.${name}`), { autocomplete: 'off', maxlength, name: `device_${name}`, dir: name === 'language' ? 'ltr' : 'auto' });
      made.input.addEventListener('change', () => this.save(name, made));
      return made;
    };
    this.fields = { model: one('model', '64'), system: one('system', '64'), app: one('app', '64'), language: one('language', '8') };
    this.root = el('details', { class: 'more' }, el('summary', { text: t('device.title') }), el('p', { class: 'hint', text: t('device.hint') }),
      ...Object.values(this.fields).map((made) => made.root));
  }

  paint(device) {
    for (const [name, made] of Object.entries(this.fields)) {
      const value = device?.[name] ?? '';
      if (document.activeElement !== made.input && made.shown !== value) {
        made.shown = value;
        made.input.value = value;
      }
    }
  }

  async save(name, made) {
    made.fail(null);
    made.shown = made.value;
    try {
      const asked = this.app.state.accounts;
      const { account } = await api.changeAccount(this.id, { device: { [name]: made.value } });
      this.app.store.dispatch({ type: 'account_changed', account, asked });
    } catch (error) {
      if (!error.code) throw error;
      made.fail(this.app.explain(error));
    }
  }
}
