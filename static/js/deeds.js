/** Deeds: what is asked of messages and conversations that are there. Each is an order of the service: its outcome comes by events. */

import { api } from './api.js';
import { cleanName } from './text.js';

export class Deeds {
  /** @param {import('./main.js').App} app */
  constructor(app) {
    this.app = app;
  }

  edit(message, text, entities) {
    return this.app.actions.attempt(async () => {
      const answer = await api.edit(message.id, { text, entities });
      this.app.store.dispatch({ type: 'message_answered', message: answer.message });
    });
  }

  /** Another file, under the same caption or another one. */
  async replaceFile(message, form, key) {
    const answer = await api.replaceFile(message.id, form, key);
    this.app.store.dispatch({ type: 'message_answered', message: answer.message });
  }

  /** @param {{text?: string, entities?: object[], scheduled_for?: string}} what */
  reschedule(message, what) {
    return Object.keys(what).length > 0 && this.ofScheduled(() => api.reschedule(message.id, what));
  }

  sendNow(message) {
    return this.ofScheduled(() => api.sendNow(message.id));
  }

  withdraw(message) {
    return this.ofScheduled(() => api.withdraw(message.id));
  }

  /** What becomes of it comes by events, which may be quicker than the answer. */
  ofScheduled(ask) {
    return this.app.actions.attempt(ask);
  }

  react(message, emoji) {
    return this.app.actions.attempt(async () => {
      const answer = await api.react(message.id, emoji);
      this.app.store.dispatch({ type: 'message_answered', message: answer.message });
    });
  }

  pin(message, pinned) {
    return this.app.actions.attempt(async () => {
      const answer = await api.pin(message.id, pinned);
      this.app.store.dispatch({ type: 'message_answered', message: answer.message });
    });
  }

  /** A few seconds later: until then it can be taken back. @param {'everyone'|'me'} whom */
  deleteMessages(messages, whom) {
    const ids = messages.map((one) => one.id);
    this.app.store.dispatch({ type: 'deletion_asked', ids });
    this.app.undo.add({
      text: this.app.t('delete.done', { n: ids.length }),
      back: () => this.app.store.dispatch({ type: 'deletion_dropped', ids }),
      act: async () => {
        const asked = await this.app.actions.attempt(() => api.deleteMessages(ids, whom));
        if (!asked) this.app.store.dispatch({ type: 'deletion_dropped', ids });
      },
    });
  }

  /** @param {string[]} conversations where to @param {string|null} topic of the one forum among them */
  async forward(messages, conversations, hideOrigin, topic = null) {
    const done = await this.app.actions.attempt(() => api.forward(messages.map((one) => one.id), conversations, hideOrigin, topic));
    if (done) this.app.toast(this.app.t('forward.done', { n: conversations.length }));
  }

  /** @param {{muted?: boolean, archived?: boolean, marked_unread?: boolean, blocked?: boolean}} what */
  changeConversation(id, what) {
    return this.app.actions.attempt(async () => {
      const { conversation } = await api.changeConversation(id, what);
      this.app.store.dispatch({ type: 'conversations_found', conversations: [conversation] });
    });
  }

  async reportConversation(id) {
    if (await this.app.actions.attempt(() => api.reportConversation(id))) this.app.toast(this.app.t('chat.report.done'));
  }

  clearConversation(id, whom) {
    return this.app.actions.attempt(() => api.clearConversation(id, whom));
  }

  /** What failed of a whole conversation stands with no message: it is said, once. */
  tellOrder(order) {
    if (order?.status !== 'failed' || order.messages?.length > 0) return;
    const title = this.app.state.conversations.get(String(order.conversation_id))?.title;
    this.app.toast([cleanName(title), this.app.explain(order.error ?? { code: 'unexpected' })].filter(Boolean).join(': '));
  }

  retryOrder(id) {
    return this.app.actions.attempt(() => api.retryOrder(id));
  }

  dropOrder(id, force) {
    return this.app.actions.attempt(() => api.dropOrder(id, force));
  }
}
