/** The chat portal: sign-in when there is no session, the chats when there is. Replies are text and files; the rest is done at the desk. */

import { call } from './api.js';
import { $, arrange, el, setText, show, translate } from './dom.js';
import { clock, countdown, dayKey, dayLine, listTime } from './format.js';
import { loadWords, pickLanguage } from './i18n.js';
import { groupAlbums } from './media.js';
import { Player } from './player.js';
import { Prefs, usable } from './prefs.js';
import { cleanName, cleanText, hueOf, initials, oneLine } from './text.js';
import { codeWay, explain, forgottenText, isWords, previewOf } from './words.js';
import { field } from './views/fields.js';
import { albumOf, mediaOf } from './views/media.js';
import { ReplyBox } from './views/reply_box.js';
import { richText } from './views/rich.js';
import { openViewer } from './views/viewer.js';

const POLL = 2000;
const REFRESH = 10_000;
const get = (path, query) => call(`telegram/${path}`, { query });
const post = (path, body = {}) => call(`telegram/${path}`, { method: 'POST', body });

class Portal {
  constructor(words, prefs) {
    this.words = words;
    this.t = words.t;
    this.lang = words.lang;
    this.prefs = prefs;
    this.player = new Player();
    /** What is on the screen, by message: what stays as it is keeps its element, so that nothing stops playing. */
    this.pieces = new Map();
    this.main = $('#main');
    this.timer = null;
    $('#reset').addEventListener('click', () => this.reset());
  }

  async start() {
    clearInterval(this.timer);
    try {
      const status = await get('session/status/');
      const signedIn = Boolean(status.authorized ?? status.is_authorized ?? status.status === 'authorized');
      show($('#reset'), signedIn);
      if (signedIn) await this.chats();
      else this.sign();
    } catch (error) {
      this.main.replaceChildren(el('div', { class: 'portal-sign' }, el('div', { class: 'card' }, el('p', { class: 'bad', text: explain(this.words, error) }),
        el('button', { type: 'button', class: 'button', text: this.t('retry'), on: { click: () => this.start() } }))));
    }
    this.main.removeAttribute('aria-busy');
  }

  // ---- sign-in ----

  card(...nodes) {
    clearInterval(this.timer);
    this.main.replaceChildren(el('div', { class: 'portal-sign' }, el('div', { class: 'card' }, ...nodes)));
    this.main.querySelector('input')?.focus();
  }

  /** What a sign-in waits for. */
  step(phone, sent) {
    if (sent.status === 'email_needed') this.email(phone);
    else this.code(phone, sent);
  }

  email(phone) {
    const { t } = this;
    const entry = field(t('signin.email'), { type: 'email', autocomplete: 'off', dir: 'ltr', maxlength: '254' });
    const form = el('form', { class: 'signin', novalidate: true }, entry.root, el('div', { class: 'actions' },
      el('button', { class: 'button primary', text: t('signin.next') }), el('button', { type: 'button', class: 'button', text: t('back'), on: { click: () => this.sign() } })));
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.ask(entry, async () => this.code(phone, await post('auth/email/', { email: entry.value })));
    });
    this.card(el('h2', { text: t('signin.email.title') }), el('p', { class: 'quiet', text: t('signin.email.text') }), form);
  }

  /** @param {string} trouble what ended the sign-in before this one */
  sign(trouble = '') {
    const { t } = this;
    setText($('#who'), '');
    const phone = field(t('signin.phone'), { hint: t('signin.phone.hint'), type: 'tel', autocomplete: 'off', dir: 'ltr', placeholder: '+…' });
    const byPhone = el('form', { class: 'way' }, el('h2', { text: t('signin.byphone') }), phone.root, el('button', { class: 'button primary', text: t('signin.sendcode') }));
    byPhone.addEventListener('submit', (event) => {
      event.preventDefault();
      this.ask(phone, async () => {
        this.step(phone.value, await post('auth/phone/', { phone: phone.value }));
      });
    });
    const error = el('p', { class: 'error', role: 'alert', text: trouble });
    const byQr = el('div', { class: 'way' }, el('h2', { text: t('signin.byqr') }), el('p', { class: 'quiet', text: t('signin.byqr.text') }),
      el('button', { type: 'button', class: 'button', text: t('signin.showqr'), on: { click: () => this.ask({ fail: (text) => setText(error, text ?? '') }, () => this.qr()) } }), error);
    this.card(el('h2', { text: t('signin.how') }), el('div', { class: 'pair' }, byPhone, byQr));
  }

  /** @param {object} sent where the code went @param {object|null} asked what is said of the password that is wanted as well */
  code(phone, sent, asked = null, given = '') {
    const { t } = this;
    const digits = isWords(sent) ? { dir: 'auto' } : { inputmode: 'numeric', dir: 'ltr', maxlength: '20' };
    const code = field(t('signin.code'), { autocomplete: 'one-time-code', value: given, ...digits });
    const password = asked ? this.password(asked) : null;
    const forgotten = asked ? el('p', { class: 'hint', text: forgottenText(this.words, asked.recovery, asked.reset_at) }) : null;
    const form = el('form', { class: 'signin' }, code.root, password?.root, forgotten, el('div', { class: 'actions' },
      el('button', { class: 'button primary', text: t('signin.next') }), el('button', { type: 'button', class: 'button', text: t('back'), on: { click: () => this.sign() } })));
    const again = sent.resend_at && !asked ? el('button', { type: 'button', class: 'button plain', on: { click: () => this.ask(code, async () => this.code(phone, await post('auth/resend/'))) } }) : null;
    if (again) form.lastElementChild.append(again);
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.ask(password ?? code, async () => {
        const answer = await post('auth/verify/', { phone, code: code.value, ...(password ? { password: password.input.value } : {}) });
        if (/password/.test(String(answer.status ?? ''))) return this.code(phone, sent, {}, code.value);
        if (answer.status === 'code_sent') return this.code(phone, answer);
        return this.start();
      }, (error) => this.code(phone, sent, error.body?.error?.params ?? {}, code.value));
    });
    this.card(el('h2', { text: t('signin.code') }), el('p', { class: 'quiet', text: codeWay(this.words, sent) }), form);
    password?.input.focus();
    if (!again) return;
    const paint = () => {
      const wait = Date.parse(sent.resend_at) - Date.now();
      again.disabled = wait > 0;
      setText(again, wait > 0 ? t('signin.resend.in', { time: countdown(this.words.lang, wait) }) : t('signin.resend'));
    };
    paint();
    this.timer = setInterval(paint, 1000);
  }

  password(asked) {
    const hint = asked.hint ? this.t('signin.password.hint', { hint: cleanText(asked.hint) }) : undefined;
    return field(this.t('signin.password'), { type: 'password', autocomplete: 'off', dir: 'ltr', hint });
  }

  async qr() {
    const { t } = this;
    const image = el('div', { class: 'image' });
    const note = el('p', { class: 'hint', role: 'status' });
    const draw = (answer) => {
      const svg = answer.svg ?? answer.qr?.svg;
      if (svg) image.replaceChildren(el('img', { src: `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`, alt: t('signin.scan.image') }));
      else image.replaceChildren(el('a', { href: '#', text: t('signin.scan.image') }));
    };
    draw(await get('auth/qr/'));
    this.card(el('h2', { text: t('signin.byqr') }), el('div', { class: 'qr-code' }, image, el('div', { class: 'signin' }, el('ol', {}, ...[1, 2, 3].map((n) => el('li', { text: t(`signin.scan.${n}`) }))), note)),
      el('div', { class: 'actions' }, el('button', { type: 'button', class: 'button', text: t('back'), on: { click: () => this.sign() } })));
    this.timer = setInterval(async () => {
      if (document.hidden) return;
      const answer = await get('auth/qr/status/').catch(() => null);
      const status = String(answer?.status ?? '');
      if (/^authori[sz]ed|success/.test(status)) await this.start();
      else if (status.includes('password')) this.qrPassword();
      else if (answer?.error) this.sign(explain(this.words, { ...answer.error, body: answer }));
      else if (status === 'expired') draw(await get('auth/qr/').catch(() => ({})));
      else if (answer?.svg ?? answer?.qr) draw(answer);
      if (status === 'scanned') setText(note, t('portal.scanned'));
    }, POLL);
  }

  qrPassword() {
    const { t } = this;
    const password = field(t('signin.password'), { type: 'password', autocomplete: 'off', dir: 'ltr' });
    const form = el('form', { class: 'signin' }, password.root, el('div', { class: 'actions' }, el('button', { class: 'button primary', text: t('signin.next') })));
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.ask(password, async () => { await post('auth/verify/', { password: password.input.value }); await this.start(); });
    });
    this.card(el('h2', { text: t('signin.password.title') }), el('p', { class: 'quiet', text: t('signin.password.text') }), form);
  }

  /** Runs a request; its trouble is said beside the field. */
  async ask(at, act, needsPassword) {
    at.fail(null);
    for (const button of this.main.querySelectorAll('button')) button.disabled = true;
    try {
      await act();
    } catch (error) {
      if (!error.code) throw error;
      if (needsPassword && /password_(needed|required)|2fa|SESSION_PASSWORD/i.test(error.code)) return needsPassword(error);
      at.fail(explain(this.words, error));
    } finally {
      for (const button of this.main.querySelectorAll('button')) button.disabled = false;
    }
    return undefined;
  }

  async reset() {
    await post('session/reset/').catch(() => {});
    await this.start();
  }

  // ---- chats ----

  async chats() {
    const { t } = this;
    const [{ chats }, info] = await Promise.all([get('chats/'), get('user/info/').catch(() => ({}))]);
    const user = info.user ?? info;
    setText($('#who'), cleanName([user.first_name, user.last_name].filter(Boolean).join(' ')) || (user.username ? `@${user.username}` : ''));
    this.list = el('nav', { class: 'portal-list', 'aria-label': t('list.label') });
    this.messages = el('section', { class: 'portal-messages', role: 'log', 'aria-label': t('chat.messages'), tabindex: '0' }, el('p', { class: 'quiet', text: t('chat.none') }));
    this.box = new ReplyBox(this.words, () => this.load(this.open, true));
    this.main.replaceChildren(el('div', { class: 'portal-chats' }, this.list, el('div', { class: 'portal-chat-open' }, this.messages, this.box.root)));
    this.fill(chats);
    this.timer = setInterval(() => this.refresh(), REFRESH);
  }

  fill(chats) {
    const focused = document.activeElement?.dataset?.chat;
    this.list.replaceChildren(...chats.map((chat) => this.chat(chat)));
    if (focused) this.list.querySelector(`[data-chat="${CSS.escape(focused)}"]`)?.focus();
    if (chats.length === 0) this.list.append(el('p', { class: 'quiet', text: this.t('list.empty') }));
  }

  chat(chat) {
    const id = String(chat.id ?? chat.chat_id);
    const title = cleanName(chat.title ?? chat.name) || this.t('unnamed');
    const last = chat.last_message;
    const text = typeof last === 'object' && last !== null ? previewOf(this.words, last) : oneLine(last ?? '');
    const unread = chat.unread ?? chat.unread_count ?? 0;
    return el('button', { type: 'button', class: 'portal-chat', 'data-chat': id, 'aria-current': String(id === this.open), on: { click: () => this.show(id) } },
      el('span', { class: 'avatar', 'data-colour': hueOf(id), 'aria-hidden': 'true', text: initials(title) }),
      el('span', { class: 'text' }, el('bdi', { class: 'one-line', text: title }), el('span', { class: 'small quiet one-line', dir: 'auto', text })),
      unread > 0 ? el('span', { class: 'badge', text: String(unread), 'aria-label': this.t('list.unread', { n: unread }) })
        : el('span', { class: 'small quiet', text: listTime(this.words.lang, chat.last_message_at ?? last?.timestamp ?? last?.date ?? null, new Date()) }));
  }

  async refresh() {
    if (document.hidden) return;
    try {
      const { chats } = await get('chats/');
      this.fill(chats);
      if (this.open) await this.load(this.open, false);
    } catch (error) {
      if (error.status === 401 || error.status === 403) await this.start();
    }
  }

  // ---- what the views of messages ask for ----

  say(text) {
    setText($('#said'), text);
  }

  toast(text) {
    this.say(text);
  }

  explain(error) {
    return explain(this.words, error);
  }

  openViewer(id) {
    openViewer(this, this.shown, id);
  }

  // ---- one chat ----

  async show(id) {
    this.open = id;
    this.pieces.clear();
    for (const button of this.list.querySelectorAll('.portal-chat')) button.setAttribute('aria-current', String(button.dataset.chat === id));
    await this.load(id, true);
  }

  async load(id, fresh) {
    const atBottom = fresh || this.messages.scrollHeight - this.messages.scrollTop - this.messages.clientHeight < 24;
    try {
      const answer = await get(`chats/${encodeURIComponent(id)}/messages/`);
      if (this.open !== id) return;
      this.box.open(id, answer.chat.can_send);
      this.shown = answer.messages.map((message) => ({ ...message, id: String(message.id ?? message.date), timestamp: message.date })).reverse();
      this.draw(this.shown);
    } catch (error) {
      this.messages.replaceChildren(el('p', { class: 'quiet', text: explain(this.words, error) }));
    }
    if (atBottom) this.messages.scrollTop = this.messages.scrollHeight;
  }

  draw(list) {
    const { t, words } = this;
    const nodes = [];
    let day = null;
    for (const album of groupAlbums(list)) {
      const [first] = album;
      const key = dayKey(first.timestamp);
      if (key !== day) nodes.push(this.piece(`day ${key}`, key, () => el('h2', { class: 'day-line', text: dayLine(words.lang, first.timestamp, new Date(), { today: t('today'), yesterday: t('yesterday') }) })));
      day = key;
      nodes.push(this.piece(first.id, JSON.stringify(album), () => this.message(album)));
    }
    arrange(this.messages, nodes.length > 0 ? nodes : [el('p', { class: 'quiet', text: t('chat.empty') })]);
  }

  piece(key, shows, make) {
    const known = this.pieces.get(key);
    if (known?.shows === shows) return known.root;
    const root = make();
    this.pieces.set(key, { shows, root });
    return root;
  }

  message(album) {
    const { words } = this;
    const message = album.find((one) => one.text) ?? album[0];
    const own = message.direction === 'outgoing';
    const sender = own ? null : cleanName(message.sender?.name);
    const media = message.media && !message.deleted_at ? el('div', { class: 'media' }, album.length > 1 ? albumOf(this, album) : mediaOf(this, message)) : null;
    const text = message.deleted_at ? [this.t('message.deleted')] : message.text ? richText(this, message.text, message.entities) : message.service ? [cleanText(message.service)] : [];
    const body = text.length > 0 ? el('div', { class: 'body', dir: 'auto' }, ...text) : null;
    // What is not sent says so.
    const state = own ? album.map((one) => one.status).find((status) => status === 'failed' || status === 'pending') ?? 'sent' : null;
    const waits = state === 'failed' || state === 'pending' ? el('span', { text: this.t(`status.${state}`) }) : null;
    return el('article', { class: own ? 'message own first' : 'message first', ...(state ? { 'data-status': state } : {}) }, el('div', { class: 'bubble' }, sender ? el('div', { class: 'sender' }, el('bdi', { text: sender })) : null,
      media, body, el('div', { class: 'meta' }, waits, el('time', { datetime: message.timestamp, text: clock(words.lang, message.timestamp) }))));
  }
}

async function main() {
  const prefs = new Prefs(usable(() => localStorage));
  const words = await loadWords(pickLanguage(prefs.get('language'), navigator.languages));
  document.documentElement.lang = words.base;
  document.documentElement.dir = words.dir;
  document.title = words.t('portal.title');
  translate(document, words.t);
  await new Portal(words, prefs).start();
}

main();
