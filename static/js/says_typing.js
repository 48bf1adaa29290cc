/** Says to the other side that somebody types, for as long as they do, where this browser is set to. */

import { api } from './api.js';

/** Telegram's apps show it for six seconds. */
const AGAIN = 5000;

export class SaysTyping {
  /** @param {{prefs: {get: (name: string) => unknown}, say?: (conversation: string) => Promise<unknown>, now?: () => number}} options */
  constructor({ prefs, say = api.typing, now = Date.now }) {
    Object.assign(this, { prefs, say, now });
    this.said = null;
    this.at = 0;
  }

  /** @param {{id: string, kind: string, can_send?: boolean}} conversation @param {{state: string}|null} account */
  typed(conversation, account) {
    if (!this.prefs.get('sayTyping') || account?.state !== 'online' || conversation.kind === 'channel' || conversation.can_send === false) return;
    const at = this.now();
    if (this.said === conversation.id && at - this.at < AGAIN) return;
    this.said = conversation.id;
    this.at = at;
    // Nobody misses anything by not being told.
    this.say(conversation.id).catch(() => {});
  }

  /** What was typed has gone: the next word is told again. */
  sent() {
    this.said = null;
  }
}
