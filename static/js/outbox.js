/**
 * Replies on their way from this browser to the service. Each is in the browser's storage before it is sent and stays there,
 * with the key that makes repeating harmless, until the service has answered. One conversation's replies go one after another.
 */

import { readJson, writeJson } from './prefs.js';

const KEY = 'switchboard.outbox';
const FIRST_WAIT = 1000;
const LONGEST_WAIT = 15_000;

export class Outbox {
  /**
   * @param {object} options
   * @param {Storage} options.storage
   * @param {(entry: import('./types.js').Local) => Promise<{message: object}>} options.post
   * @param {(action: object) => void} options.dispatch
   */
  constructor({ storage, post, dispatch, clock }) {
    this.storage = storage;
    this.post = post;
    this.dispatch = dispatch;
    this.clock = clock ?? { set: (f, ms) => setTimeout(f, ms), clear: (timer) => clearTimeout(timer) };
    /** @type {Map<string, import('./types.js').Local>} */
    this.entries = new Map();
    /** Every key this tab has had, so that it never brings back one another tab or it has settled. */
    this.seen = new Set();
    this.busy = new Set();
    this.timer = null;
    this.failures = 0;
  }

  /** What was left over from before the reload goes on. */
  resume() {
    for (const entry of readJson(this.storage, KEY, [])) {
      if (!entry?.key || this.entries.has(entry.key)) continue;
      this.entries.set(entry.key, entry);
      this.seen.add(entry.key);
      this.dispatch({ type: 'reply_added', local: entry });
    }
    this.push();
  }

  add(entry) {
    this.seen.add(entry.key);
    this.entries.set(entry.key, entry);
    this.save();
    this.dispatch({ type: 'reply_added', local: entry });
    this.push();
  }

  retry(key) {
    const entry = this.entries.get(key);
    if (!entry) return;
    const again = { ...entry, error: null };
    this.entries.set(key, again);
    this.save();
    this.dispatch({ type: 'reply_added', local: again });
    this.push();
  }

  discard(key) {
    this.entries.delete(key);
    this.save();
    this.dispatch({ type: 'reply_discarded', key });
    this.push();
  }

  /** The line is back: no reason to wait any longer. */
  kick() {
    this.failures = 0;
    this.push();
  }

  push() {
    this.clock.clear(this.timer);
    const heads = new Map();
    for (const entry of this.entries.values()) {
      if (!entry.error && !heads.has(entry.conversation_id)) heads.set(entry.conversation_id, entry);
    }
    for (const [conversation, entry] of heads) if (!this.busy.has(conversation)) this.send(conversation, entry);
  }

  async send(conversation, entry) {
    this.busy.add(conversation);
    try {
      const { message } = await this.post(entry);
      this.failures = 0;
      this.drop(entry.key);
      this.dispatch({ type: 'reply_answered', key: entry.key, message });
    } catch (error) {
      this.refused(entry, error);
    } finally {
      this.busy.delete(conversation);
    }
    if (this.failures === 0) this.push();
    else this.later();
  }

  refused(entry, error) {
    if (!error.final) {
      this.failures += 1;
      return;
    }
    const refused = { ...entry, error: { code: error.code, message: error.message } };
    if (this.entries.has(entry.key)) this.entries.set(entry.key, refused);
    this.save();
    this.dispatch({ type: 'reply_rejected', key: entry.key, error: refused.error });
  }

  later() {
    this.clock.clear(this.timer);
    this.timer = this.clock.set(() => this.push(), Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** (this.failures - 1)));
  }

  drop(key) {
    this.entries.delete(key);
    this.save();
  }

  /** Other tabs keep their replies in the same place: take out only what is ours. */
  save() {
    const others = readJson(this.storage, KEY, []).filter((entry) => entry?.key && !this.seen.has(entry.key));
    writeJson(this.storage, KEY, [...others, ...this.entries.values()]);
  }
}
