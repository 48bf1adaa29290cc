/** Sending later: when, from a menu or a field; and what waits in a conversation, to be changed, sent now or withdrawn. */

import { el, setText, show } from '../dom.js';
import { moment } from '../format.js';
import { fieldMoment, fieldValue, inOrder, usualTimes } from '../later.js';
import { parseMarkdown, toMarkdown } from '../markdown.js';
import { oneLine } from '../text.js';
import { canSend, previewOf } from '../words.js';
import { field } from './fields.js';
import { Popup } from './popup.js';
import { Sheet } from './sheet.js';

/** When a message goes out, in words. */
export function whenText({ t, lang }, message) {
  return message.scheduled_for === 'online' ? t('later.online.when') : moment(lang, message.scheduled_for);
}

/** The button beside Send, and the line that says how much waits. */
export class Later {
  /** @param {import('../main.js').App} app @param {import('./composer.js').Composer} composer */
  constructor(app, composer) {
    this.app = app;
    this.composer = composer;
    this.parts = composer.parts;
    this.parts.later.addEventListener('click', () => openLaterMenu(app, this.parts.later, composer.conversation, (when) => composer.send(when)));
    this.parts.waiting.addEventListener('click', () => new ScheduledSheet(app, composer.conversation.id).open());
  }

  /** There is something to send. */
  offer() {
    show(this.parts.later, this.composer.text.value.trim() !== '' && !this.composer.editing);
  }

  paint(state) {
    const waiting = inOrder(state.scheduled.get(this.composer.conversation.id) ?? []);
    show(this.parts.waiting, waiting.length > 0);
    if (waiting.length === 0) return;
    setText(this.parts.waitingText, this.app.t('later.waiting', { n: waiting.length, when: whenText(this.app.words, waiting[0]) }));
  }
}

/**
 * @param {import('../main.js').App} app
 * @param {Element} button it belongs to
 * @param {(when: string) => void} done gets a moment, or `online`
 */
function openLaterMenu(app, button, conversation, done) {
  const { t, lang } = app;
  const now = new Date();
  const items = usualTimes(now).map(({ key, at }) => ({ icon: 'clock', text: t(key, { time: moment(lang, at.toISOString()) }), act: () => done(at.toISOString()) }));
  if (conversation.kind === 'private') items.push({ icon: 'person', text: t('later.online'), act: () => done('online') });
  items.push({ icon: 'edit', text: t('later.date'), act: () => openDate(app, conversation, done) });
  const box = button.getBoundingClientRect();
  const rtl = document.documentElement.dir === 'rtl';
  new Popup(app, t('later.title'), items, { x: rtl ? box.left : box.right, y: box.top - 40 * items.length }).open();
}

/** Now, one of the usual times, or a date, where a menu would close what stands around it. */
export class WhenField {
  constructor(app, conversation) {
    const { t, lang } = app;
    const times = usualTimes(new Date()).map(({ key, at }) => ({ value: at.toISOString(), text: t(key, { time: moment(lang, at.toISOString()) }) }));
    if (conversation.kind === 'private') times.push({ value: 'online', text: t('later.online') });
    const choices = [{ value: '', text: t('later.none') }, ...times, { value: 'date', text: t('later.date') }];
    this.choice = el('select', { class: 'input when', 'aria-label': t('later.when'), on: { change: () => this.chosen() } }, ...choices.map((one) => el('option', one)));
    this.date = dateField(app, usualTimes(new Date()).find((one) => one.key === 'later.tomorrow').at);
    this.past = t('later.past');
    this.root = el('div', { class: 'when' }, this.choice, this.date.root);
    show(this.date.root, false);
  }

  chosen() {
    show(this.date.root, this.choice.value === 'date');
    if (this.choice.value === 'date') this.date.input.focus();
  }

  /** @returns {string|null|undefined} a moment, `online`, null for now; undefined: a moment that has passed, which is said */
  get value() {
    if (this.choice.value !== 'date') return this.choice.value || null;
    const at = this.date.value;
    if (at !== null) return at.toISOString();
    this.date.fail(this.past);
    return undefined;
  }
}

function dateField(app, value) {
  const when = field(app.t('later.when'), { type: 'datetime-local', min: fieldValue(new Date()), value: fieldValue(value) });
  return { ...when, get value() { return fieldMoment(when.input.value, new Date()); } };
}

function openDate(app, conversation, done) {
  const { t } = app;
  const sheet = new Sheet(app, t('later.title'));
  const when = dateField(app, usualTimes(new Date()).find((one) => one.key === 'later.tomorrow').at);
  const form = el('form', { class: 'signin', on: { submit: (event) => {
    event.preventDefault();
    if (when.value === null) return when.fail(t('later.past'));
    const at = when.value.toISOString();
    sheet.close();
    return done(at);
  } } }, when.root, el('div', { class: 'actions end' }, el('button', { type: 'button', class: 'button', text: t('cancel'), on: { click: () => sheet.close() } }), el('button', { class: 'button primary', text: t('later.act') })));
  sheet.body.append(form);
  sheet.open();
  when.input.focus();
}

/** What waits in the open conversation. */
export class ScheduledSheet {
  /** @param {import('../main.js').App} app @param {string} conversation */
  constructor(app, conversation) {
    this.app = app;
    this.conversation = conversation;
    this.list = el('ol', { class: 'entries scheduled' });
    this.sheet = new Sheet(app, app.t('later.list'), { onClose: () => this.drop?.() });
    this.sheet.body.append(this.list);
  }

  open() {
    this.sheet.open();
    this.drop = this.app.store.view((state) => this.paint(state));
    this.paint(this.app.store.state);
    this.app.actions.loadScheduled(this.conversation);
    return this.sheet;
  }

  paint(state) {
    const waiting = inOrder(state.scheduled.get(this.conversation) ?? []);
    if (!this.sheet.isOpen) return;
    const key = JSON.stringify(waiting);
    if (key === this.painted) return;
    this.painted = key;
    if (waiting.length === 0) return this.sheet.close();
    this.list.replaceChildren(...waiting.map((one) => this.entry(one)));
  }

  entry(message) {
    const { app } = this;
    const { t } = app;
    const account = app.state.accounts.get(message.account_id);
    const waits = message.delivery === null && (message.orders ?? []).length === 0;
    const act = (key, run, danger = false) => el('button', { type: 'button', class: danger ? 'button plain bad' : 'button plain', text: t(key), on: { click: run } });
    const acts = [];
    if (message.status === 'failed') acts.push(act('retry', () => app.actions.retryMessage(message)), act('discard', () => app.actions.discardMessage(message), true));
    else if (!waits) acts.push(el('span', { class: 'small quiet', text: t('later.underway') }));
    else if (canSend(account)) acts.push(act('later.change', () => openChange(app, message)), act('later.now', () => app.deeds.sendNow(message)), act('later.withdraw', () => app.deeds.withdraw(message), true));
    const failed = message.error ?? (message.orders ?? []).map((one) => one.error).find(Boolean);
    return el('li', {}, el('div', { class: 'small quiet', text: whenText(app.words, message) }), el('div', { class: 'one-line', dir: 'auto', text: oneLine(message.text, 200) || previewOf(app.words, message) }),
      failed ? el('div', { class: 'error', text: app.explain(failed) }) : '', el('div', { class: 'actions' }, ...acts));
  }
}

/** Other words or another time for what waits. */
function openChange(app, message) {
  const { t } = app;
  const sheet = new Sheet(app, t('later.change.title'));
  const before = toMarkdown(message.text ?? '', message.entities);
  const text = field(t('later.text'), { rows: 4, dir: 'auto', value: before });
  text.input.value = before;
  const online = message.scheduled_for === 'online';
  const when = dateField(app, online ? usualTimes(new Date())[0].at : new Date(message.scheduled_for));
  const form = el('form', { class: 'signin', on: { submit: (event) => {
    event.preventDefault();
    const moved = !online && when.input.value !== fieldValue(new Date(message.scheduled_for));
    if (moved && when.value === null) return when.fail(t('later.past'));
    if (text.value === '' && !message.media) return text.fail(t('error.text_empty'));
    const words = text.value === before ? {} : parseMarkdown(text.value);
    sheet.close();
    return app.deeds.reschedule(message, { ...words, ...(moved ? { scheduled_for: when.value.toISOString() } : {}) });
  } } }, text.root, online ? '' : when.root, el('div', { class: 'actions end' }, el('button', { type: 'button', class: 'button', text: t('cancel'), on: { click: () => sheet.close() } }), el('button', { class: 'button primary', text: t('composer.save') })));
  sheet.body.append(form);
  sheet.open();
  text.input.focus();
}
