/** Connects one phone number to one licence: key, number, code, password if there is one, and then how it stands. */

import { call } from './api.js';
import { $, el, setText } from './dom.js';
import { moment } from './format.js';
import { loadWords, pickLanguage } from './i18n.js';
import { session } from './prefs.js';
import { cleanName, cleanText } from './text.js';
import { explain } from './words.js';
import { field } from './views/fields.js';

const KEY = 'switchboard.licence';
const POLL = 2000;

class Connect {
  constructor(words) {
    this.words = words;
    this.t = words.t;
    this.card = $('#card');
    this.licence = session.getItem(KEY) ?? '';
  }

  ask(path, method = 'GET', body = undefined) {
    const headers = { 'X-License-Key': this.licence, 'Accept-Language': this.words.base };
    return call(`api/integrations/telegram-phone/${path}`, { method, body: method === 'GET' ? undefined : body ?? {}, headers });
  }

  show(...nodes) {
    clearInterval(this.timer);
    this.card.removeAttribute('aria-busy');
    this.card.replaceChildren(el('h1', { text: this.t('connect.title') }), ...nodes);
    this.card.querySelector('input')?.focus();
  }

  async start() {
    if (this.licence === '') return this.askLicence();
    try {
      const { config } = await this.ask('config');
      return config && config.is_active ? this.connected(config) : this.askPhone();
    } catch (error) {
      return this.askLicence(this.explain(error));
    }
  }

  /** These answers carry a sentence for people in their language; ours is only for what never got there. */
  explain(error) {
    const said = error.status > 0 && typeof error.body?.message === 'string' ? error.body.message : null;
    return said ? cleanText(said) : explain(this.words, error);
  }

  form(entry, text, act, ...more) {
    const button = el('button', { class: 'button primary', text });
    const form = el('form', { class: 'signin' }, entry.root, ...more, el('div', { class: 'actions' }, button));
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      entry.fail(null);
      button.disabled = true;
      try {
        await act();
      } catch (error) {
        if (!error.code) throw error;
        entry.fail(this.explain(error));
      }
      button.disabled = false;
    });
    return form;
  }

  askLicence(trouble = null) {
    const entry = field(this.t('connect.licence'), { autocomplete: 'off', spellcheck: 'false', dir: 'ltr', type: 'password' });
    this.show(el('p', { class: 'quiet', text: this.t('connect.licence.text') }), this.form(entry, this.t('signin.next'), async () => {
      this.licence = entry.value;
      const { config } = await this.ask('config');
      session.setItem(KEY, this.licence);
      if (config && config.is_active) this.connected(config);
      else this.askPhone();
    }));
    if (trouble) entry.fail(trouble);
  }

  /** @param {string|null} trouble what ended the sign-in before this one */
  askPhone(trouble = null) {
    const entry = field(this.t('signin.phone'), { hint: this.t('signin.phone.hint'), type: 'tel', autocomplete: 'off', dir: 'ltr', placeholder: '+…' });
    this.show(el('p', { class: 'quiet', text: this.t('connect.text') }), this.form(entry, this.t('signin.sendcode'), async () => {
      const answer = await this.ask('start', 'POST', { phone_number: entry.value.replace(/[\s()-]/g, '') });
      if (answer.needs_email) this.askEmail(answer);
      else this.askCode(answer);
    }), el('p', { class: 'quiet', text: this.t('signin.byqr.text') }), el('button', { type: 'button', class: 'button', text: this.t('signin.showqr'), on: { click: () => this.tryTo(entry, () => this.showQr()) } }));
    if (trouble) entry.fail(trouble);
  }

  /** Its trouble is said beside the field. */
  async tryTo(entry, act) {
    entry.fail(null);
    try {
      await act();
    } catch (error) {
      if (!error.code) throw error;
      entry.fail(this.explain(error));
    }
  }

  back() {
    return el('button', { type: 'button', class: 'button', text: this.t('back'), on: { click: () => this.askPhone() } });
  }

  askEmail(started) {
    const { t } = this;
    const entry = field(t('signin.email'), { type: 'email', autocomplete: 'off', dir: 'ltr', maxlength: '254' });
    const form = this.form(entry, t('signin.next'), async () => this.askCode(await this.ask('email', 'POST', { phone_number: started.phone_number, session_id: started.session_id, email: entry.value })));
    form.noValidate = true;
    this.show(el('p', { text: cleanText(started.message ?? '') }), form, this.back());
  }

  async showQr() {
    const { t } = this;
    const image = el('div', { class: 'image' });
    const note = el('p', { class: 'hint', role: 'status' });
    const draw = ({ svg }) => image.replaceChildren(el('img', { src: `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`, alt: t('signin.scan.image') }));
    const started = await this.ask('qr', 'POST');
    draw(started);
    this.show(el('div', { class: 'qr-code' }, image, el('div', { class: 'signin' }, el('ol', {}, ...[1, 2, 3].map((n) => el('li', { text: t(`signin.scan.${n}`) }))), note)), this.back());
    this.timer = setInterval(async () => {
      if (document.hidden) return;
      const now = await this.ask('qr/status').catch(() => null);
      if (!now) return;
      setText(note, now.status === 'scanned' ? t('portal.scanned') : '');
      if (now.svg) draw(now);
      else if (now.status === 'authorized') await this.start();
      else if (now.status === 'password_needed') this.askPassword(started);
      else this.askPhone(now.error ? cleanText(now.error.message) : null);
    }, POLL);
  }

  askPassword(started) {
    const { t } = this;
    const entry = field(t('signin.password'), { type: 'password', autocomplete: 'off', dir: 'ltr' });
    this.show(el('p', { class: 'quiet', text: t('signin.password.text') }), this.form(entry, t('signin.next'), async () => {
      await this.ask('verify', 'POST', { session_id: started.session_id, password: entry.input.value });
      await this.start();
    }), this.back());
  }

  askCode(started, withPassword = false, given = '') {
    const { t } = this;
    const digits = started.code_is_words ? { dir: 'auto' } : { inputmode: 'numeric', dir: 'ltr', maxlength: '20' };
    const code = field(t('signin.code'), { autocomplete: 'one-time-code', value: given, ...digits });
    const password = withPassword ? field(t('signin.password'), { type: 'password', autocomplete: 'off', dir: 'ltr' }) : null;
    const named = { phone_number: started.phone_number, session_id: started.session_id };
    const again = el('button', { type: 'button', class: 'button plain', text: t('signin.resend'), on: { click: () => this.tryTo(code, async () => this.askCode(await this.ask('resend', 'POST', named))) } });
    const verify = async () => {
      const body = { ...named, code: code.value };
      if (password) body.password = password.input.value;
      try {
        const answer = await this.ask('verify', 'POST', body);
        if (!answer.user) return this.askCode(answer);
      } catch (error) {
        if (!password && /password|2fa/i.test(`${error.code} ${error.body?.code ?? ''}`)) return this.askCode(started, true, code.value);
        throw error;
      }
      return this.start();
    };
    const main = password ?? code;
    this.show(el('p', { text: cleanText(started.message ?? '') }), this.form(main, t('signin.next'), verify), ...(password ? [] : [again]), this.back());
    if (password) main.root.before(code.root);
    main.input.focus();
  }

  connected(config) {
    const { t, words } = this;
    const list = el('dl', { class: 'facts' });
    const add = (key, value) => { if (value) list.append(el('dt', { text: t(key) }), el('dd', {}, el('bdi', { text: value }))); };
    add('account.phone', config.phone_number_masked ?? config.phone_number);
    add('account.name', cleanName([config.user_first_name, config.user_last_name].filter(Boolean).join(' ')));
    add('details.username', config.user_username ? `@${config.user_username}` : '');
    add('account.update', config.last_synced_at ? moment(words.lang, config.last_synced_at) : '');
    const note = el('p', { role: 'status' });
    const test = el('button', { type: 'button', class: 'button', text: t('connect.test'), on: { click: () => this.run(note, async () => (await this.ask('test', 'POST')).message) } });
    const leave = el('button', { type: 'button', class: 'button danger', text: t('connect.disconnect'), on: { click: () => this.run(note, async () => {
      const { message } = await this.ask('disconnect', 'POST');
      this.askPhone();
      return message;
    }) } });
    this.show(el('p', { class: 'good', text: t('connect.done') }), list, el('div', { class: 'actions' }, test, leave), note);
  }

  async run(note, act) {
    try {
      setText(note, cleanText((await act()) ?? ''));
    } catch (error) {
      if (!error.code) throw error;
      setText(note, this.explain(error));
    }
    setText($('#said'), note.textContent);
  }
}

async function main() {
  // This integration speaks Arabic unless the browser asks for another of our languages first.
  const words = await loadWords(pickLanguage(null, [...navigator.languages.slice(0, 1), 'ar']));
  document.documentElement.lang = words.base;
  document.documentElement.dir = words.dir;
  document.title = words.t('connect.title');
  await new Connect(words).start();
}

main();
