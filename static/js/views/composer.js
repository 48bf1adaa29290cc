/** Where replies are written: always says as whom, keeps drafts, counts Telegram's units, and says why when it may not be used. */

import { $, el, parts, setAttr, setText, show } from '../dom.js';
import { countdown, number } from '../format.js';
import { cleanName, hueOf } from '../text.js';
import { parseMarkdown, toMarkdown, wrapped } from '../markdown.js';
import { fieldOf } from '../draftsync.js';
import { offers } from '../offers.js';
import { shownMessages } from '../chats.js';
import { SaysTyping } from '../says_typing.js';
import { GENERAL, openKey, topicOfReply } from '../topics.js';
import { colourOf, previewOf } from '../words.js';
import { openFiles, takeFiles } from './files.js';
import { Later } from './later.js';
import { canEdit } from './message_menu.js';
import { obstacleOf } from './obstacle.js';
import { Recorder, recordable } from './recorder.js';
import { richText } from './rich.js';

export const MAX_UNITS = 4096;
const COUNT_FROM = 3800;
const LINE = 20;
const LINES = 8;
/** What each key of the toolbar puts around the words. */
const FORMATS = { b: ['**'], i: ['__'], u: ['++'], s: ['~~'], code: ['`'], spoiler: ['||'], k: ['[', '](https://)'] };

export class Composer {
  /** @param {import('../main.js').App} app */
  constructor(app) {
    this.app = app;
    this.parts = parts($('#below'));
    this.form = $('#composer');
    this.text = this.parts.text;
    this.conversation = null;
    /** @type {string|null} the open one; null: General, all of them, and where there are none */
    this.topic = null;
    this.replyTo = null;
    /** @type {string|null} the part of it that is quoted */
    this.quote = null;
    /** @type {import('../types.js').Message|null} of ours, while its words are changed */
    this.editing = null;
    /** Signs stay as they were typed. */
    this.plain = false;
    this.listen();
    app.store.view((state) => this.paint(state));
  }

  listen() {
    this.form.addEventListener('submit', (event) => { event.preventDefault(); this.send(); });
    this.says = new SaysTyping({ prefs: this.app.prefs });
    this.text.addEventListener('input', () => { this.changed(); this.typed(); });
    this.text.addEventListener('keydown', (event) => this.key(event));
    this.text.addEventListener('blur', () => this.keep());
    this.parts.answeringOff.addEventListener('click', () => { this.leave(); this.text.focus(); });
    this.parts.asTyped.addEventListener('click', () => { this.plain = !this.plain; this.changed(); this.text.focus(); });
    show(this.parts.formatting, offers('format'));
    this.recorder = new Recorder(this.app, this.parts.record, this.parts.recorder, (file, waveform) => this.speak(file, waveform));
    if (offers('files')) takeFiles(this);
    this.parts.formatting.addEventListener('click', () => this.toolbar(this.parts.tools.hidden));
    this.parts.tools.addEventListener('click', (event) => this.format(event.target.closest('[data-format]')?.dataset.format));
    this.parts.tools.addEventListener('pointerdown', (event) => event.preventDefault());
    this.parts.tools.addEventListener('keydown', (event) => this.toolKey(event));
    this.parts.blockedAct.addEventListener('click', () => this.wayOut?.());
    this.later = new Later(this.app, this);
    addEventListener('pagehide', () => this.keep());
  }

  key(event) {
    if (event.isComposing || event.keyCode === 229) return;
    const plain = !event.shiftKey && !event.altKey && !event.ctrlKey && !event.metaKey;
    if (event.key === 'ArrowUp' && plain && this.text.value === '') return this.editLast(event);
    if ((event.ctrlKey || event.metaKey) && !event.altKey && this.formatKey(event)) return undefined;
    if (event.key !== 'Enter') return undefined;
    const sends = this.app.prefs.get('enterSends') ? plain : event.ctrlKey || event.metaKey;
    if (!sends) return undefined;
    event.preventDefault();
    return this.send();
  }

  // ---- files ----

  get place() {
    const replyTo = this.replyTo?.message_id ?? null;
    const topic = topicOfReply(this.app.state, this.replyTo);
    return { conversation: this.conversation, replyTo, topic: topic === GENERAL ? null : topic };
  }

  /** @param {FileList|File[]} files */
  files(files) {
    if (files.length === 0 || !this.conversation || this.blockedNow || this.editing) return;
    openFiles(this.app, { ...this.place, text: this.text.value, sent: () => this.sent() }, files);
  }

  speak(file, waveform) {
    if (!this.conversation) return;
    this.app.uploads.add({ ...this.place, files: [file], as: 'voice', text: '', entities: [], keepMetadata: false, waveform });
    this.answer(null);
    this.app.chat.toLatest();
  }

  /** What stood in the field has gone. */
  sent() {
    this.says.sent();
    this.text.value = '';
    this.answer(null);
    this.keep();
    this.changed();
    this.app.chat.toLatest();
    this.text.focus();
  }

  // ---- formatting ----

  formatKey(event) {
    const key = event.key.toLowerCase();
    const name = event.shiftKey ? { m: 'code', x: 's' }[key] : ['b', 'i', 'u', 'k'].includes(key) ? key : undefined;
    // Without anything selected the key jumps to another conversation, as everywhere.
    if (!name || !this.formats || (name === 'k' && this.text.selectionStart === this.text.selectionEnd)) return false;
    event.preventDefault();
    event.stopPropagation();
    this.format(name);
    return true;
  }

  /** Around what is selected, or off again. */
  format(name) {
    if (!name) return;
    const { text } = this;
    const { value, start, end } = wrapped(text.value, text.selectionStart, text.selectionEnd, ...FORMATS[name]);
    text.focus();
    text.value = value;
    text.setSelectionRange(start, end);
    this.plain = false;
    this.changed();
  }

  toolbar(open) {
    show(this.parts.tools, open);
    setAttr(this.parts.formatting, 'aria-expanded', String(open));
  }

  toolKey(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const all = [...this.parts.tools.querySelectorAll('button')];
    event.preventDefault();
    all[(all.indexOf(document.activeElement) + (this.app.words.dir === 'rtl' ? -step : step) + all.length) % all.length].focus();
  }

  /** A changed message keeps its formatting wherever it can be changed. */
  get formats() {
    return offers('format') || this.editing !== null;
  }

  /** What goes out: its words and their formatting. */
  get written() {
    const typed = this.text.value.trim();
    return this.plain || !this.formats ? { text: typed, entities: [] } : parseMarkdown(typed);
  }

  changed() {
    this.grow();
    show(this.parts.record, recordable() !== null && this.text.value === '' && !this.editing);
    this.later.offer();
    this.preview();
    this.count();
    this.keepSoon();
  }

  /** What is sent is shown before, where it differs from what was typed. */
  preview() {
    const typed = this.text.value.trim();
    const { text, entities } = this.formats ? parseMarkdown(typed) : { text: typed, entities: [] };
    const differs = entities.length > 0 || text !== typed;
    if (!differs) this.plain = false;
    show(this.parts.preview, differs);
    if (!differs) return;
    setText(this.parts.asTyped, this.app.t(this.plain ? 'composer.formatted' : 'composer.astyped'));
    show(this.parts.previewText, !this.plain);
    this.parts.previewText.replaceChildren(...richText(this.app, text, entities));
  }

  typed() {
    const { state } = this.app;
    if (this.conversation && !this.editing && this.text.value.trim() !== '') this.says.typed(this.conversation, state.accounts.get(this.conversation.account_id) ?? null);
  }

  // ---- sending ----

  /** @param {string|null} when a moment, or `online`; null: now */
  send(when = null) {
    const { text, entities } = this.written;
    const empty = text === '' && !(this.editing && this.editing.media);
    if (!this.conversation || this.blockedNow || empty || text.length > MAX_UNITS) return;
    if (this.editing) return this.sendEdit(text, entities);
    const topic = topicOfReply(this.app.state, this.replyTo);
    this.app.actions.reply(this.conversation, text, { replyTo: this.replyTo?.message_id ?? null, topic, entities, quote: this.quote, when });
    this.sent();
  }

  sendEdit(text, entities) {
    const message = this.editing;
    const same = this.text.value.trim() === this.before;
    this.leave();
    if (!same) this.app.deeds.edit(message, text, entities);
    this.text.focus();
  }

  /** @param {import('../types.js').Message|null} message @param {string|null} quote the part of it that is meant */
  answer(message, quote = null) {
    if (this.editing) this.leave();
    this.replyTo = message;
    this.quote = message ? quote : null;
    show(this.parts.answering, message !== null);
    this.app.store.ask();
    if (message === null) return;
    const who = message.direction === 'outgoing' ? this.app.t('you') : cleanName(message.sender?.name);
    setText(this.parts.answeringWho, this.app.t('composer.answering', { name: who || this.app.t('unnamed') }));
    setText(this.parts.answeringText, quote ? this.app.t('message.part', { text: quote }) : previewOf(this.app.words, message));
    setAttr(this.parts.answeringOff, 'aria-label', this.app.t('composer.noreply'));
    this.text.focus();
  }

  // ---- changing what was sent ----

  /** The words of a message of ours come into the field; the draft waits. */
  edit(message) {
    this.keep();
    this.answer(null);
    this.editing = message;
    this.plain = false;
    this.text.value = toMarkdown(message.text ?? '', message.entities);
    this.before = this.text.value.trim();
    show(this.parts.answering, true);
    setText(this.parts.answeringWho, this.app.t('composer.editing'));
    setText(this.parts.answeringText, previewOf(this.app.words, message));
    setAttr(this.parts.answeringOff, 'aria-label', this.app.t('composer.noedit'));
    setText(this.parts.sendText, this.app.t('composer.save'));
    this.changed();
    this.text.focus();
    this.text.setSelectionRange(this.text.value.length, this.text.value.length);
  }

  /** Our last message here, where it may be changed. */
  editLast(event) {
    const { state } = this.app;
    const ours = shownMessages(state, openKey(state)).filter((one) => one.direction === 'outgoing' && !one.service);
    const last = ours[ours.length - 1];
    if (!last || !canEdit(last) || this.blockedNow) return;
    event.preventDefault();
    this.edit(last);
  }

  /** Words that were written elsewhere come behind the draft. */
  put(words) {
    this.app.store.paint();
    this.text.value = [this.text.value.trim(), words].filter(Boolean).join('\n');
    this.changed();
    this.text.focus();
  }

  /** Whatever is being answered or changed no longer is. @returns {boolean} whether there was anything */
  leave() {
    const was = this.replyTo !== null || this.editing !== null;
    if (this.editing) {
      this.editing = null;
      this.text.value = this.field ? this.app.drafts.get(this.field) : '';
      setText(this.parts.sendText, this.app.t('composer.send'));
      this.changed();
    }
    if (was) this.answer(null);
    return was;
  }

  grow() {
    this.text.style.setProperty('height', 'auto');
    const height = Math.min(this.text.scrollHeight + 2, LINES * LINE + 18);
    this.text.style.setProperty('height', `${height}px`);
  }

  count() {
    const units = this.written.text.length;
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
    const { field } = this;
    if (!field || this.editing || this.app.drafts.get(field) === this.text.value) return;
    this.app.drafts.set(field, this.text.value);
    this.app.draftSync.typed(field);
  }

  paint(state) {
    const conversation = state.selected === null ? null : state.conversations.get(state.selected) ?? null;
    const topic = conversation === null || state.topic === GENERAL ? null : state.topic;
    if (conversation?.id !== this.conversation?.id || topic !== this.topic) this.change(conversation, topic);
    this.conversation = conversation;
    if (!conversation) return;
    const account = state.accounts.get(conversation.account_id) ?? null;
    this.as(account);
    this.block(obstacleOf(this.app, conversation, account));
    this.notice(account);
    this.where(state);
    this.later.paint(state);
  }

  /** Where what is typed belongs: each topic of a forum has a field of its own. */
  get field() {
    return this.conversation && fieldOf(this.conversation, this.topic);
  }

  /** What stands in a field, kept or not. */
  textOf(field) {
    return this.field?.id === field.id && !this.editing ? this.text.value : this.app.drafts.get(field);
  }

  /** The draft of the open field was taken over from elsewhere. */
  redraw(field) {
    if (this.field?.id !== field.id || this.editing) return;
    this.text.value = this.app.drafts.get(field);
    this.changed();
  }

  /** In a forum, the topic that a reply goes to. */
  where(state) {
    const { t } = this.app;
    const topic = topicOfReply(state, this.replyTo);
    show(this.parts.where, topic !== null && !this.blockedNow);
    if (topic === null) return;
    const title = state.topics.get(this.conversation.id).find((one) => String(one.id) === topic)?.title ?? this.replyTo?.topic?.title;
    setText(this.parts.where, t('composer.where', { topic: topic === GENERAL ? t('topic.general') : cleanName(title) || t('topic.unnamed') }));
  }

  /** Another conversation, or another topic: its own draft, nothing of the last one. */
  change(conversation, topic) {
    this.keep();
    this.leave();
    this.conversation = conversation;
    this.topic = topic;
    this.text.value = this.field ? this.app.drafts.get(this.field) : '';
    this.plain = false;
    this.changed();
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
