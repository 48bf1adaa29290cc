/** The portal's reply box: text, and files with it. What was taken goes out by itself. */

import { ApiError, ROOT, call } from '../api.js';
import { el, setText, show } from '../dom.js';
import { explain } from '../words.js';

const MOST_FILES = 10;

/** A call with files has no time limit of its own: it takes as long as they are large. */
async function postForm(path, form, key) {
  let answer;
  try {
    answer = await fetch(new URL(path, ROOT), { method: 'POST', body: form, headers: { Accept: 'application/json', 'Idempotency-Key': key } });
  } catch (error) {
    throw new ApiError(0, 'unreachable', error.message);
  }
  const json = await answer.json().catch(() => null);
  if (!answer.ok) throw new ApiError(answer.status, json?.error?.code ?? 'unexpected', json?.error?.message ?? '', json);
  return json;
}

export class ReplyBox {
  /** @param {{t: Function, has: Function}} words @param {() => Promise<void>} sent called when a reply was taken */
  constructor(words, sent) {
    this.words = words;
    this.sent = sent;
    this.chat = null;
    /** @type {File[]} */ this.files = [];
    /** Of what stands in the box now: whoever does not know whether it was taken sends it again under the same key. */
    this.key = null;
    const { t } = words;
    this.text = el('textarea', { rows: '2', dir: 'auto', 'aria-label': t('composer.label'), placeholder: t('composer.placeholder') });
    this.input = el('input', { type: 'file', multiple: '', hidden: '' });
    this.pick = el('button', { type: 'button', class: 'button', text: t('portal.attach'), on: { click: () => this.input.click() } });
    this.button = el('button', { class: 'button primary', text: t('composer.send') });
    this.names = el('bdi', { class: 'small quiet one-line' });
    this.drop = el('button', { type: 'button', class: 'button', text: t('portal.detach'), on: { click: () => this.attach([]) } });
    this.attached = el('div', { class: 'portal-attached', hidden: '' }, this.names, this.drop);
    this.error = el('p', { class: 'error', role: 'alert' });
    this.root = el('form', { class: 'portal-write', hidden: '', 'aria-label': t('composer.label') }, this.attached, this.text,
      el('div', { class: 'actions' }, this.pick, this.button), this.error, this.input);
    this.root.addEventListener('submit', (event) => {
      event.preventDefault();
      this.send();
    });
    this.text.addEventListener('input', () => { this.key = null; });
    this.text.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.send();
    });
    this.input.addEventListener('change', () => {
      this.attach([...this.files, ...this.input.files].slice(0, MOST_FILES));
      this.input.value = '';
    });
  }

  /** @param {string} chat its id @param {boolean} canSend */
  open(chat, canSend) {
    if (chat !== this.chat) {
      this.text.value = '';
      this.attach([]);
      setText(this.error, '');
    }
    this.chat = chat;
    show(this.root, canSend);
  }

  attach(files) {
    this.files = files;
    this.key = null;
    show(this.attached, files.length > 0);
    setText(this.names, files.map((file) => file.name).join(', '));
  }

  async send() {
    const [chat, text] = [this.chat, this.text.value.trim()];
    if (chat === null || this.button.disabled || (!text && this.files.length === 0)) return;
    this.key ??= crypto.randomUUID();
    this.button.disabled = true;
    setText(this.error, '');
    try {
      await this.post(`telegram/chats/${encodeURIComponent(chat)}/messages/`, text);
      if (this.chat === chat) {
        this.text.value = '';
        this.attach([]);
      }
      await this.sent();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setText(this.error, explain(this.words, error));
    } finally {
      this.button.disabled = false;
    }
  }

  post(path, text) {
    if (this.files.length === 0) return call(path, { method: 'POST', body: { text }, headers: { 'Idempotency-Key': this.key } });
    const form = new FormData();
    if (text) form.append('text', text);
    for (const file of this.files) form.append('file', file, file.name);
    return postForm(path, form, this.key);
  }
}
