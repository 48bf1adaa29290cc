/** News outside the page: the count in the title, and desktop notifications for those who want them. */

import { cleanName } from './text.js';
import { totalUnread } from './lists.js';
import { previewOf, titleOf } from './words.js';

export class Notifier {
  /** @param {import('./main.js').App} app */
  constructor(app) {
    this.app = app;
    this.timer = null;
    app.store.watch((state, before) => { if (state.accounts !== before.accounts) this.titleSoon(); });
  }

  /** The title changes at most once a second, hidden or not. */
  titleSoon() {
    if (this.timer) return;
    this.timer = setTimeout(() => { this.timer = null; this.title(); }, this.lastTitle ? 1000 : 0);
  }

  title() {
    this.lastTitle = true;
    const unread = totalUnread(this.app.state);
    const title = unread > 0 ? `(${unread}) Switchboard` : 'Switchboard';
    if (document.title !== title) document.title = title;
  }

  /** @param {object[]} events fresh from the stream */
  tell(events) {
    if (!this.app.prefs.get('notifications') || !document.hidden || !('Notification' in window) || Notification.permission !== 'granted') return;
    const latest = new Map();
    for (const { event, data } of events) {
      if (event === 'message_received' && data.message && !data.message.backfilled && !data.conversation?.muted) latest.set(String(data.message.conversation_id), data);
    }
    for (const [id, data] of [...latest].slice(-3)) this.one(id, data);
  }

  one(id, { message, conversation }) {
    const account = this.app.state.accounts.get(message.account_id);
    const title = conversation ? titleOf(conversation, this.app.t) : cleanName(message.sender?.name);
    const text = previewOf(this.app.words, message);
    const note = new Notification(`${title} · ${cleanName(account?.label)}`, { body: text, tag: `switchboard-${id}` });
    note.onclick = () => {
      window.focus();
      this.app.openConversation(id);
      note.close();
    };
  }
}
