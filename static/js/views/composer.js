/** Where replies are written: always says as whom, keeps drafts, counts Telegram's units, and says why when it may not be used. */

import { $, el, parts, setAttr, setText, show } from '../dom.js';
import { countdown, number } from '../format.js';
import { cleanName, hueOf } from '../text.js';
import { canSend, colourOf, previewOf } from '../words.js';

export const MAX_UNITS = 4096;
const COUNT_FROM = 3800;
const LINE = 20;
const LINES = 8;

export class Composer {
  /** @param {import('../main.js').App} app */
  constructor(app) {
    this.app = app;
    this.parts = parts($('#below'));
    this.form = $('#composer');
    this.text = this.parts.text;
    this.conversation = null;
    this.replyTo = null;
    this.listen();
    app.store.view((state) => this.paint(state));
  }

  listen() {
    this.form.addEventListener('submit', (event) => { event.preventDefault(); this.send(); });
    this.text.addEventListener('input', () => { this.grow(); this.count(); this.keepSoon(); });
    this.text.addEventListener('keydown', (event) => this.key(event));
    this.text.addEventListener('blur', () => this.keep());
    this.parts.answeringOff.addEventListener('click', () => { this.answer(null); this.text.focus(); });
    this.parts.blockedAct.addEventListener('click', () => this.wayOut?.());
    addEventListener('pagehide', () => this.keep());
  }

  key(event) {
    if (event.key !== 'Enter' || event.isComposing || event.keyCode === 229) return;
    const plain = !event.shiftKey && !event.altKey && !event.ctrlKey && !event.metaKey;
    const sends = this.app.prefs.get('enterSends') ? plain : event.ctrlKey || event.metaKey;
    if (!sends) return;
    event.preventDefault();
    this.send();
  }

  send() {
    const text = this.text.value.trim();
    if (!this.conversation || this.blockedNow || text === '' || text.length > MAX_UNITS) return;
    this.app.actions.reply(this.conversation, text, this.replyTo?.message_id ?? null);
    this.text.value = '';
    this.answer(null);
    this.keep();
    this.grow();
    this.count();
    this.app.chat.toLatest();
    this.text.focus();
  }

  /** @param {import('../types.js').Message|null} message */
  answer(message) {
    this.replyTo = message;
    show(this.parts.answering, message !== null);
    if (message === null) return;
    const who = message.direction === 'outgoing' ? this.app.t('you') : cleanName(message.sender?.name);
    setText(this.parts.answeringWho, this.app.t('composer.answering', { name: who || this.app.t('unnamed') }));
    setText(this.parts.answeringText, previewOf(this.app.words, message));
    this.text.focus();
  }

  grow() {
    this.text.style.setProperty('height', 'auto');
    const height = Math.min(this.text.scrollHeight + 2, LINES * LINE + 18);
    this.text.style.setProperty('height', `${height}px`);
  }

  count() {
    const units = this.text.value.trim().length;
    const near = units >= COUNT_FROM;
    const { units: box } = this.parts;
    const text = !near ? '' : units > MAX_UNITS
      ? this.app.t('composer.over', { n: units - MAX_UNITS })
      : `${number(this.app.lang, units)} / ${number(this.app.lang, MAX_UNITS)}`;
    setText(box, text);
    setAttr(box, 'class', units > MAX_UNITS ? 'units bad' : 'units');
    this.parts.send.disabled = units > MAX_UNITS;
  }

  keepSoon() {
    clearTimeout(this.keepTimer);
    this.keepTimer = setTimeout(() => this.keep(), 300);
  }

  keep() {
    clearTimeout(this.keepTimer);
    if (this.conversation) this.app.drafts.set(this.conversation, this.text.value);
  }

  paint(state) {
    const conversation = state.selected === null ? null : state.conversations.get(state.selected) ?? null;
    if (conversation?.id !== this.conversation?.id) this.change(conversation);
    this.conversation = conversation;
    if (!conversation) return;
    const account = state.accounts.get(conversation.account_id) ?? null;
    this.as(account);
    this.block(this.obstacle(conversation, account));
    this.notice(account);
  }

  /** Another conversation: its own draft, nothing of the last one. */
  change(conversation) {
    this.keep();
    this.answer(null);
    this.conversation = conversation;
    this.text.value = conversation ? this.app.drafts.get(conversation) : '';
    this.grow();
    this.count();
    this.blockedKey = undefined;
  }

  as(account) {
    const box = this.parts.as;
    if (account) setAttr(this.form, 'data-colour', colourOf(account, hueOf));
    const label = cleanName(account?.label);
    const key = `${label}|${account?.phone}`;
    if (box.key === key) return;
    box.key = key;
    const name = el('strong', {}, el('bdi', { text: label }));
    const phone = account?.phone ? el('bdi', { class: 'quiet', dir: 'ltr', text: ` (${account.phone})` }) : '';
    const [before, after] = this.app.t('composer.as', { account: '\u0000' }).split('\u0000');
    box.replaceChildren(before, name, phone, after ?? '');
  }

  /** Why nothing can be sent here, and the way out. */
  obstacle(conversation, account) {
    const { t, actions } = this.app;
    if (!account) return { text: t('composer.noaccount') };
    const label = cleanName(account.label);
    if (!canSend(account)) {
      const text = t(`composer.${account.state}`, { account: label });
      if (account.state === 'stopped') return { text, act: t('account.start'), out: () => actions.setActive(account.id, true) };
      if (account.state === 'failed') return { text, act: t('account.restart'), out: () => actions.restart(account.id) };
      if (account.state === 'banned') return { text, act: t('rail.open'), out: () => this.app.openAccount(account.id) };
      return { text, act: t('account.signin'), out: () => this.app.signIn(account.id) };
    }
    if (conversation.can_send === false) return { text: t(conversation.kind === 'channel' ? 'composer.channel' : 'composer.cannot') };
    return null;
  }

  block(obstacle) {
    this.blockedNow = obstacle !== null;
    this.wayOut = obstacle?.out;
    const key = obstacle ? `${obstacle.text}|${obstacle.act ?? ''}` : '';
    if (key === this.blockedKey) return;
    this.blockedKey = key;
    show(this.parts.blocked, obstacle !== null);
    show(this.parts.write, obstacle === null);
    if (!obstacle) return this.grow();
    setText(this.parts.blockedText, obstacle.text);
    setText(this.parts.blockedAct, obstacle.act ?? '');
    return show(this.parts.blockedAct, Boolean(obstacle.act));
  }

  /** It may be written to, but nothing goes out right now. */
  notice(account) {
    const { t, lang } = this.app;
    const box = this.parts.notice;
    const away = account && ['reconnecting', 'connecting', 'limited'].includes(account.state) && !this.blockedNow;
    show(box, Boolean(away));
    if (!away) return;
    const left = account.retry_at ? Date.parse(account.retry_at) - Date.now() : 0;
    const params = { account: cleanName(account.label), n: account.outbox_pending ?? 0 };
    const main = account.state === 'limited' && left > 0 ? t('composer.limited', { ...params, time: countdown(lang, left) }) : t('composer.away', params);
    const queued = account.outbox_pending > 0 ? ` ${t('composer.queued', params)}` : '';
    setText(box, main + queued);
  }

}
