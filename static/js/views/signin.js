/**
 * Connecting an account: phone, QR code or an existing session. What step it is at comes from the service, so a reload
 * changes nothing; what was typed (codes, passwords) is kept nowhere.
 */

import { api } from '../api.js';
import { el, icon, setText } from '../dom.js';
import { countdown, moment } from '../format.js';
import { session } from '../prefs.js';
import { cleanName, cleanText, hueOf, safeHref } from '../text.js';
import { codeWay, colourOf, forgottenText, stateReason } from '../words.js';
import { codeField, colourField, field } from './fields.js';
import { WaysField } from './ways.js';

const POLL = 3000;
/** The service forgets a finished sign-in; that the account runs tells that it went well. */
const RUNNING = ['connecting', 'online', 'reconnecting', 'limited'];
const OPEN = 'switchboard.signin';

/** The sign-in that a reload should show again. */
export const signinBefore = () => session.getItem(OPEN);

export class Signin {
  /**
   * @param {import('../main.js').App} app
   * @param {{account?: string|null, welcome?: boolean, onDone: (account: string) => void, onCancel?: () => void}} options
   */
  constructor(app, { account = null, welcome = false, onDone, onCancel }) {
    this.app = app;
    this.id = account;
    this.welcome = welcome;
    this.onDone = onDone;
    this.onCancel = onCancel;
    this.colour = freeColour(app.state);
    /** How many requests are under way, which screen the last one is of, and its end. */
    this.working = 0;
    this.asking = null;
    this.turn = Promise.resolve();
    this.root = el('div', { class: 'signin' });
    this.leave = app.store.view((state) => this.paint(state));
    if (account !== null) this.remember(account);
    this.paint(app.state);
  }

  close() {
    this.leave();
    clearInterval(this.poll);
    if (!this.keep) session.removeItem(OPEN);
  }

  remember(id) {
    this.id = id;
    session.setItem(OPEN, id);
    clearInterval(this.poll);
    this.poll = setInterval(() => {
      if (!document.hidden && this.step === 'scan') this.app.actions.loadLogin(id);
    }, POLL);
  }

  paint(state) {
    let login = this.id === null ? null : state.logins.get(this.id) ?? null;
    // The service may still remember the sign-in before this one: only one that was seen under way can end here.
    if (login && login.step !== 'done') this.started = true;
    if (login?.step === 'done' && !this.started) login = null;
    const step = login?.step ?? 'begin';
    if (login === null && this.started && this.id !== null && ![undefined, 'begin'].includes(this.step)) this.askWhy();
    if (step === 'done' || (login === null && this.started && RUNNING.includes(state.accounts.get(this.id)?.state))) return this.done();
    const key = `${this.id}|${step}|${login?.method}|${login?.code_via}|${login?.code_length}|${step === 'begin' ? `${state.serverHasApi}|${state.accountsLoaded}` : ''}`;
    if (key !== this.shown) {
      this.shown = key;
      this.step = step;
      this.update = null;
      const screens = { begin: () => this.begin(state), code: () => this.code(login), email: () => this.email(), password: () => this.password(login), scan: () => this.scan(login) };
      this.root.replaceChildren(...(screens[step] ?? screens.begin)());
      if (step !== 'begin' || !this.welcome) this.root.querySelector('input:not([type=radio])')?.focus({ preventScroll: true });
    }
    this.update?.(login);
    return undefined;
  }

  /** A sign-in that ended by itself: why, for nobody was there to hear it. */
  async askWhy() {
    if (this.working || this.trouble) return;
    const { ended } = await api.login(this.id).catch(() => ({}));
    if (!ended || this.finished) return;
    this.trouble = this.app.explain({ ...ended, body: { error: ended } });
    this.shown = null;
    this.paint(this.app.state);
  }

  done() {
    if (this.finished) return;
    this.finished = true;
    const { id } = this;
    this.close();
    this.onDone(id);
  }

  // ---- the first screen ----

  begin(state) {
    const { t } = this.app;
    const account = this.id === null ? null : state.accounts.get(this.id);
    const nodes = [];
    if (this.welcome) nodes.push(el('div', {}, el('h2', { text: t('welcome.title') }), el('p', { class: 'quiet', text: t('welcome.text') })));
    const steps = el('div', { class: 'steps' });
    this.fields = {};
    if (!account && !state.serverHasApi) steps.append(this.step1());
    if (!account) steps.append(this.step2());
    steps.append(this.step3(account));
    nodes.push(steps);
    return nodes;
  }

  step1() {
    const { t } = this.app;
    const [before, after] = t('signin.api.text', { link: '\u0000' }).split('\u0000');
    const link = el('a', { href: 'https://my.telegram.org/apps', target: '_blank', rel: 'noopener noreferrer', text: 'my.telegram.org/apps' });
    this.fields.apiId = field(t('signin.api_id'), { inputmode: 'numeric', autocomplete: 'off', dir: 'ltr', maxlength: '12' });
    this.fields.apiHash = field(t('signin.api_hash'), { autocomplete: 'off', spellcheck: 'false', dir: 'ltr', maxlength: '32' });
    return section(t('signin.api'), el('p', { class: 'quiet' }, before, link, after ?? ''), el('div', { class: 'pair' }, this.fields.apiId.root, this.fields.apiHash.root));
  }

  step2() {
    const { t } = this.app;
    this.fields.label = field(t('signin.label'), { hint: t('signin.label.hint'), maxlength: '64', autocomplete: 'off', dir: 'auto' });
    return section(t('signin.name'), el('div', { class: 'pair' }, this.fields.label.root, colourField(this.app, this.colour, (value) => { this.colour = value; })));
  }

  step3(account) {
    const { t } = this.app;
    const phone = (this.fields.phone = field(t('signin.phone'), { hint: t('signin.phone.hint'), type: 'tel', autocomplete: 'off', dir: 'ltr', placeholder: '+…' }));
    const byPhone = el('form', { class: 'way', on: { submit: (event) => { event.preventDefault(); this.startPhone(); } } },
      el('h3', {}, icon('phone'), t('signin.byphone')), phone.root, el('button', { class: 'button primary', text: t('signin.sendcode') }));
    const byQr = el('div', { class: 'way' }, el('h3', {}, icon('qr'), t('signin.byqr')), el('p', { class: 'quiet', text: t('signin.byqr.text') }),
      el('button', { type: 'button', class: 'button', text: t('signin.showqr'), on: { click: () => this.start({ qr: true }, null) } }));
    const string = (this.fields.session = field(t('signin.session'), { hint: t('signin.session.hint'), rows: '3', spellcheck: 'false', autocomplete: 'off', dir: 'ltr' }));
    const more = el('details', { class: 'more' }, el('summary', { text: t('signin.bysession') }),
      el('form', { class: 'way', on: { submit: (event) => { event.preventDefault(); this.startSession(); } } }, string.root, el('button', { class: 'button', text: t('signin.import') })));
    const title = account ? t('signin.again', { account: cleanName(account.label) }) : t('signin.how');
    const nodes = [el('div', { class: 'pair' }, byPhone, byQr), more];
    if (!account) return section(title, this.way(), ...nodes);
    const why = stateReason(this.app.words, account);
    const reason = why ? el('p', { class: 'quiet', text: why }) : '';
    // What ended the sign-in before this one; its own screen is gone.
    const trouble = this.trouble ? el('p', { class: 'error', role: 'alert', text: this.trouble }) : '';
    return el('div', { class: 'signin' }, el('h3', { text: title }), trouble || reason, ...nodes);
  }

  /** Before the first dial: where Telegram is blocked, nothing works without. */
  way() {
    this.ways = new WaysField(this.app, { test: (proxies) => api.testProxies(proxies) });
    return el('details', { class: 'more' }, el('summary', { text: this.app.t('way.title') }), this.ways.root);
  }

  startPhone() {
    const phone = this.fields.phone.value.replace(/[\s()-]/g, '');
    if (!/^\+?\d{6,15}$/.test(phone)) return this.fields.phone.fail(this.app.t('error.phone_invalid'));
    return this.start({ phone: phone.startsWith('+') ? phone : `+${phone}` }, this.fields.phone);
  }

  startSession() {
    const string = this.fields.session.value;
    if (string === '') return this.fields.session.fail(this.app.t('error.session_invalid'));
    return this.start({ session: string }, this.fields.session);
  }

  async start(how, at) {
    const { fields } = this;
    for (const one of Object.values(fields)) one.fail(null);
    this.trouble = null;
    const body = this.id === null ? this.newAccount() : {};
    if (body === null) return;
    await this.busy(async () => {
      const answer = this.id === null ? await api.addAccount({ ...body, ...how }) : await api.startLogin(this.id, how);
      if (fields.session) fields.session.input.value = '';
      const account = answer.account;
      this.started = true;
      this.remember(account.id);
      this.app.store.dispatch({ type: 'account_changed', account, login: answer.login ?? null });
    }, (error) => this.failBegin(error, at));
  }

  /** The body for a new account, or null when something is missing and said so. */
  newAccount() {
    const { t } = this.app;
    const { label, apiId, apiHash } = this.fields;
    const body = { label: label.value, colour: this.colour };
    if (apiId) {
      if (!/^\d{1,12}$/.test(apiId.value)) return apiId.fail(t('error.api_credentials_invalid')) ?? null;
      if (!/^[0-9a-f]{32}$/i.test(apiHash.value)) return apiHash.fail(t('error.api_credentials_invalid')) ?? null;
      body.api_id = Number(apiId.value);
      body.api_hash = apiHash.value.toLowerCase();
    }
    const proxies = this.ways.wanted();
    if (proxies) body.proxies = proxies;
    if (body.label === '') return label.fail(t('error.label_invalid')) ?? null;
    return body;
  }

  failBegin(error, at) {
    const text = this.app.explain(error);
    const { label, apiId } = this.fields;
    if (error.code === 'label_invalid' && label) label.fail(text);
    else if (error.code.startsWith('api_') && apiId) apiId.fail(text);
    else if (error.code === 'proxy_invalid' && this.id === null) this.ways.fail(error);
    else if (at) at.fail(text);
    else this.app.toast(text);
  }

  // ---- the code ----

  code(login) {
    const { t } = this.app;
    const length = login.code_length;
    const where = el('p', {}, this.where(login));
    const send = (code) => this.answer(() => api.sendCode(this.id, code), () => entry);
    const entry = length ? codeField(this.app, length, send) : field(t('signin.code'), { autocomplete: 'one-time-code', dir: 'ltr' });
    const form = el('form', { class: 'signin', on: { submit: (event) => { event.preventDefault(); if (entry.value) send(entry.value); } } }, entry.root);
    if (!length) form.append(el('button', { class: 'button primary', text: t('signin.next') }));
    const resend = el('button', { type: 'button', class: 'button plain', on: { click: () => this.answer(() => api.resendCode(this.id), () => entry) } });
    const left = el('span', { class: 'hint' });
    this.update = (now) => {
      if (!now) return;
      const wait = now.resend_at ? Date.parse(now.resend_at) - Date.now() : 0;
      resend.disabled = wait > 0 || !now.resend_at;
      setText(resend, wait > 0 ? t('signin.resend.in', { time: countdown(this.app.lang, wait) }) : t('signin.resend'));
      setText(left, Number.isInteger(now.attempts_left) && now.attempts_left <= 3 ? t('signin.attempts', { n: now.attempts_left }) : '');
      if (wait > 0) this.app.tick();
    };
    return [el('h2', { text: t('signin.code') }), where, form, el('div', { class: 'actions' }, resend, left), this.footer()];
  }

  // ---- the e-mail address that Telegram wants ----

  email() {
    const { t } = this.app;
    const entry = field(t('signin.email'), { type: 'email', autocomplete: 'off', dir: 'ltr', maxlength: '254' });
    const send = (event) => {
      event.preventDefault();
      if (entry.value !== '') this.answer(() => api.sendEmail(this.id, entry.value), () => entry);
    };
    const form = el('form', { class: 'signin', novalidate: true, on: { submit: send } }, entry.root, el('div', { class: 'actions' }, el('button', { class: 'button primary', text: t('signin.next') })));
    return [el('h2', { text: t('signin.email.title') }), el('p', { class: 'quiet', text: t('signin.email.text') }), form, this.footer()];
  }

  /** Where the code went, with what Telegram says of it. */
  where(login) {
    const text = codeWay(this.app.words, login);
    const href = login.code_via === 'fragment' ? safeHref(login.code_hint ?? '') : null;
    return href ? el('a', { href, target: '_blank', rel: 'noopener noreferrer', text }) : text;
  }

  // ---- the password ----

  password(login) {
    const { t } = this.app;
    const entry = field(t('signin.password'), { type: 'password', autocomplete: 'off', dir: 'ltr', hint: login.password_hint ? t('signin.password.hint', { hint: cleanText(login.password_hint) }) : undefined });
    const shown = el('label', { class: 'choice' }, el('input', { type: 'checkbox', on: { change: (event) => { entry.input.type = event.target.checked ? 'text' : 'password'; } } }), el('span', { text: t('signin.password.show') }));
    const send = (event) => {
      event.preventDefault();
      if (entry.input.value === '') return;
      this.answer(() => api.sendPassword(this.id, entry.input.value), () => entry);
    };
    const form = el('form', { class: 'signin', on: { submit: send } }, entry.root, shown, el('div', { class: 'actions' }, el('button', { class: 'button primary', text: t('signin.next') })));
    const forgotten = forgottenText(this.app.words, login.password_recovery, login.password_reset_at);
    const help = el('details', { class: 'more' }, el('summary', { text: t('signin.password.forgotten') }), el('p', { class: 'hint', text: forgotten }));
    return [el('h2', { text: t('signin.password.title') }), el('p', { class: 'quiet', text: t('signin.password.text') }), form, help, this.footer()];
  }

  // ---- the QR code ----

  scan() {
    const { t } = this.app;
    const image = el('div', { class: 'image' });
    const expiry = el('p', { class: 'hint' });
    const list = el('ol', {}, ...[1, 2, 3].map((n) => el('li', { text: t(`signin.scan.${n}`) })));
    this.update = (now) => {
      const svg = now?.qr?.svg;
      if (svg && image.shows !== svg) {
        image.shows = svg;
        image.replaceChildren(el('img', { src: `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`, alt: t('signin.scan.image') }));
      } else if (!svg) setText(image, t('signin.scan.wait'));
      const left = now?.qr?.expires_at ? Date.parse(now.qr.expires_at) - Date.now() : 0;
      setText(expiry, left > 0 ? t('signin.scan.renews', { time: countdown(this.app.lang, left) }) : t('signin.scan.wait'));
      this.app.tick();
    };
    return [el('h2', { text: t('signin.byqr') }), el('div', { class: 'qr-code' }, image, el('div', { class: 'signin' }, list, expiry)), this.footer()];
  }

  // ---- common ----

  footer() {
    const { t } = this.app;
    return el('div', { class: 'actions' }, el('button', { type: 'button', class: 'button', text: t('signin.cancel'), on: { click: () => this.cancel() } }));
  }

  async cancel() {
    const { id } = this;
    await this.busy(async () => {
      const { account } = await api.cancelLogin(id);
      this.app.store.dispatch({ type: 'login_changed', id, login: null });
      if (account) this.app.store.dispatch({ type: 'account_changed', account });
    }, (error) => this.app.toast(this.app.explain(error)));
    session.removeItem(OPEN);
    this.onCancel?.(id);
  }

  async answer(act, entry) {
    const { id } = this;
    this.started = true;
    await this.busy(async () => {
      const { account, login } = await act();
      this.trouble = null;
      if (account) this.app.store.dispatch({ type: 'account_changed', account });
      this.app.store.dispatch({ type: 'login_changed', id, login: login ?? { step: 'done' } });
    }, (error) => {
      this.trouble = this.app.explain(error);
      entry().fail(this.trouble);
      this.app.actions.loadLogin(id);
    });
  }

  /**
   * One request at a time; the buttons say so. Pressed twice on one screen is once. What is answered on a screen that an event
   * brought before the answer to the last one came waits for that answer.
   */
  async busy(act, failed) {
    if (this.asking === this.shown) return;
    const screen = (this.asking = this.shown);
    this.working += 1;
    this.lock(true);
    const turn = this.turn.then(() => this.go(act, failed));
    this.turn = turn.catch(() => {});
    try {
      await turn;
    } finally {
      this.working -= 1;
      if (this.asking === screen) this.asking = null;
      if (this.working === 0) this.lock(false);
      this.paint(this.app.state);
    }
  }

  async go(act, failed) {
    if (this.finished) return;
    try {
      await act();
    } catch (error) {
      if (!error.code) throw error;
      if (this.working === 1) this.lock(false);
      failed(error);
    }
  }

  lock(on) {
    if (on) this.root.setAttribute('aria-busy', 'true');
    else this.root.removeAttribute('aria-busy');
    for (const button of this.root.querySelectorAll('button')) button.disabled = on;
  }
}

function section(title, ...nodes) {
  return el('section', { class: 'step' }, el('div', { class: 'inside' }, el('h2', { text: title }), ...nodes));
}

/** The first colour no account has yet. */
function freeColour(state) {
  const used = new Set([...state.accounts.values()].map((account) => colourOf(account, hueOf)));
  for (let n = 0; n < 12; n += 1) if (!used.has(n)) return n;
  return state.accounts.size % 12;
}
