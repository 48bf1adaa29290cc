/**
 * Files on their way from this browser to the service. Each group is sent with one key, so that sending it again is harmless;
 * what breaks off is sent again by itself. Unlike replies they do not outlive the page: a browser keeps no files.
 */

import { ApiError, ROOT } from './api.js';
import { kindOf, sharesOf } from './outgoing.js';

const FIRST_WAIT = 1000;
const LONGEST_WAIT = 15_000;

export class Uploads {
  /** @param {{dispatch: (action: object) => void, send?: typeof sendForm}} options */
  constructor({ dispatch, send = sendForm, clock }) {
    this.dispatch = dispatch;
    this.send = send;
    this.clock = clock ?? { set: (f, ms) => setTimeout(f, ms), clear: (timer) => clearTimeout(timer) };
    /** @type {Map<string, {keys: string[], abort: AbortController|null, timer: any}>} by the key that they are sent with */
    this.groups = new Map();
  }

  get busy() {
    return [...this.groups.values()].some((group) => !group.error);
  }

  /**
   * @param {{conversation: object, files: File[], as: 'photo'|'file'|'voice'|null, text: string, entities: object[], replyTo: string|null, topic: string|null, keepMetadata: boolean, waveform?: number[]}} wanted
   */
  add(wanted) {
    const id = crypto.randomUUID();
    const at = new Date().toISOString();
    const { conversation, files } = wanted;
    const keys = files.map((_, n) => `${id}.${n}`);
    this.groups.set(id, { id, wanted, keys, abort: null, timer: null, failures: 0, error: null });
    files.forEach((file, n) => this.dispatch({ type: 'reply_added', local: {
      key: keys[n], group: id, conversation_id: conversation.id, account_id: conversation.account_id, text: n === 0 ? wanted.text : '', entities: n === 0 && wanted.entities.length > 0 ? wanted.entities : null,
      reply_to_message_id: wanted.replyTo, topic_id: wanted.topic, at, error: null, album_id: files.length > 1 ? id : null,
      media: { kind: wanted.as === 'voice' ? 'voice' : 'document', name: file.name, size: file.size, mime: file.type, waveform: wanted.waveform ?? null, goes: wanted.as === 'file' ? 'document' : kindOf(file) },
      upload: { done: 0, total: file.size },
    } }));
    this.push(id);
  }

  async push(id) {
    const group = this.groups.get(id);
    if (!group) return;
    group.abort = new AbortController();
    const sizes = group.wanted.files.map((file) => file.size);
    const onProgress = (gone) => {
      const done = sharesOf(sizes, gone);
      this.dispatch({ type: 'upload_moved', done: Object.fromEntries(group.keys.map((key, n) => [key, done[n]])) });
    };
    try {
      const { messages } = await this.send(group.wanted, id, { signal: group.abort.signal, onProgress });
      this.groups.delete(id);
      messages.forEach((message, n) => this.dispatch({ type: 'reply_answered', key: group.keys[n], message }));
    } catch (error) {
      if (this.groups.get(id) === group) this.failed(group, error);
    }
  }

  failed(group, error) {
    if (error.final) {
      group.error = { code: error.code, message: error.message };
      for (const key of group.keys) this.dispatch({ type: 'reply_rejected', key, error: group.error });
      return;
    }
    group.failures += 1;
    group.timer = this.clock.set(() => this.push(group.id), Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** (group.failures - 1)));
  }

  groupOf(key) {
    return [...this.groups.values()].find((group) => group.keys.includes(key)) ?? null;
  }

  retry(key) {
    const group = this.groupOf(key);
    if (!group) return false;
    group.error = null;
    for (const one of group.keys) this.dispatch({ type: 'reply_rejected', key: one, error: null });
    this.push(group.id);
    return true;
  }

  /** All that was to go together stays here. @returns {boolean} whether it was known */
  discard(key) {
    const group = this.groupOf(key);
    if (!group) return false;
    this.groups.delete(group.id);
    group.abort?.abort();
    this.clock.clear(group.timer);
    for (const one of group.keys) this.dispatch({ type: 'reply_discarded', key: one });
    return true;
  }
}

/** The fields that a group of files is sent with. */
function formOf(wanted) {
  const form = new FormData();
  if (wanted.text !== '') form.append('text', wanted.text);
  if (wanted.entities.length > 0) form.append('entities', JSON.stringify(wanted.entities));
  if (wanted.as) form.append('as', wanted.as);
  if (wanted.replyTo) form.append('reply_to_message_id', wanted.replyTo);
  if (wanted.topic) form.append('topic_id', wanted.topic);
  if (wanted.when) form.append('scheduled_for', wanted.when);
  if (wanted.keepMetadata) form.append('keep_metadata', 'true');
  if (wanted.waveform?.length) form.append('waveform', JSON.stringify(wanted.waveform));
  for (const file of wanted.files) form.append('file', file, file.name);
  return form;
}

/** By XMLHttpRequest: fetch does not tell how much has gone. @returns {Promise<{messages: object[]}>} */
function sendForm(wanted, key, { signal, onProgress }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('POST', new URL(`conversations/${encodeURIComponent(wanted.conversation.id)}/reply`, ROOT).href);
    request.setRequestHeader('Accept', 'application/json');
    request.setRequestHeader('Idempotency-Key', key);
    request.responseType = 'json';
    request.upload.addEventListener('progress', (event) => onProgress(event.loaded));
    request.addEventListener('load', () => {
      const { status, response } = request;
      if (status >= 200 && status < 300 && Array.isArray(response?.messages)) return resolve(response);
      return reject(new ApiError(status, response?.error?.code ?? 'unexpected', response?.error?.message ?? '', response));
    });
    request.addEventListener('error', () => reject(new ApiError(0, 'unreachable', '')));
    request.addEventListener('abort', () => reject(new ApiError(0, 'aborted', '')));
    signal.addEventListener('abort', () => request.abort());
    request.send(formOf(wanted));
  });
}
