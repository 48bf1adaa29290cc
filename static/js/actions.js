/** What the views ask for: each loads or changes something at the service and tells the store. */

import { api, ApiError } from './api.js';
import { LIMIT } from './messages.js';
import { session } from './prefs.js';
import { pageKeysOf } from './lists.js';
import { cleanName } from './text.js';
import { GENERAL, chatKey, conversationOf, isIn, openKey, topicOf } from './topics.js';
import { mayHaveArrived } from './words.js';

const PAGE = 50;
/** While somebody scrolls, less at a time: each page is drawn in one task. */
const STEP = 30;
const LIST_PAGE = 100;
/** A topic's messages are looked for among the chat's: so many at a time, and so many times before somebody is asked. */
const SIEVED = 200;
const ROUNDS = 5;

export class Actions {
  /** @param {import('./main.js').App} app */
  constructor(app) {
    this.app = app;
    this.store = app.store;
    this.accountsTimer = null;
    /** @type {AbortController|null} one page of messages at a time; opening another chat drops it */
    this.pending = null;
    this.pendingFor = null;
  }

  get state() {
    return this.store.state;
  }

  // ---- lists ----

  async loadAccounts() {
    const answer = await api.accounts();
    this.store.dispatch({ type: 'accounts_loaded', ...answer });
    const signing = answer.accounts.filter((account) => account.state === 'signing_in');
    for (const account of signing.slice(0, 5)) this.loadLogin(account.id);
  }

  async loadLogin(id) {
    const { accounts: asked, logins } = this.state;
    try {
      const { account, login } = await api.account(id);
      // An event or another answer has brought it further meanwhile.
      const late = this.state.logins.get(id) !== logins.get(id);
      this.store.dispatch({ type: 'account_changed', account, login: late ? undefined : login, asked });
    } catch {
      // The sheet shows the account as it is known; the next event or reload corrects it.
    }
  }

  /** Totals are asked for again when an event left them uncertain, at most every few seconds. */
  refreshAccountsSoon() {
    if (this.accountsTimer) return;
    this.accountsTimer = setTimeout(async () => {
      this.accountsTimer = null;
      await this.loadAccounts().catch(() => {});
    }, 3000);
  }

  /** The next page of every query the filter needs; the first one when there is none yet. */
  async loadConversations() {
    const wanted = pageKeysOf(this.state).filter(({ key }) => {
      const page = this.state.pages.get(key);
      return !page || (!page.done && !page.loading);
    });
    await Promise.all(wanted.map((one) => this.loadPage(one)));
  }

  async loadPage({ account, kind, unread, key }) {
    const cursor = this.state.pages.get(key)?.cursor ?? null;
    this.store.dispatch({ type: 'page_loading', key });
    try {
      const query = { account_id: account, kind, unread, cursor, limit: LIST_PAGE };
      const answer = await api.conversations(query);
      this.store.dispatch({ type: 'page_loaded', key, ...answer });
    } catch (error) {
      this.store.dispatch({ type: 'page_failed', key, code: error.code ?? 'unexpected' });
    }
  }

  setFilter(filter) {
    this.store.dispatch({ type: 'filter_changed', filter });
    session.setItem('switchboard.filter', JSON.stringify(this.state.filter));
    const missing = pageKeysOf(this.state).some(({ key }) => !this.state.pages.has(key));
    if (missing) this.loadConversations();
  }

  filterAccount(id, add = false) {
    const { accounts } = this.state.filter;
    if (id === null) return this.setFilter({ accounts: [] });
    const has = accounts.includes(id);
    if (add) return this.setFilter({ accounts: has ? accounts.filter((one) => one !== id) : [...accounts, id] });
    return this.setFilter({ accounts: has && accounts.length === 1 ? [] : [id] });
  }

  /** After a resync: everything on the screen again, the open chat too. */
  async reloadAll() {
    await Promise.all([this.loadAccounts(), this.loadConversations()]);
    const { selected } = this.state;
    if (selected === null) return;
    await this.fetchConversation(selected);
    if (this.state.selected !== selected) return;
    this.loadTopics(selected);
    this.loadScheduled(selected);
    const key = openKey(this.state);
    const chat = this.state.chats.get(key);
    if (!chat || !chat.loaded || chat.atBottom) await this.loadLatest(key);
    else await this.loadMessages(key, 'newer');
  }

  // ---- one conversation ----

  /** @param {string|null} topic of a forum; null: all of it */
  async open(id, target = null, topic = null) {
    const key = chatKey(id, topic);
    if (openKey(this.state) !== key) this.pending?.abort();
    const known = this.state.topics.has(id);
    this.store.dispatch({ type: 'conversation_opened', id, topic });
    session.setItem('switchboard.open', id);
    if (!this.state.conversations.has(id)) await this.fetchConversation(id);
    if (!known) this.loadTopics(id);
    this.loadScheduled(id);
    const chat = this.state.chats.get(key);
    if (target !== null && !chat?.messages.some((message) => message.id === target)) return this.loadAround(key, target);
    if (target !== null) return this.store.dispatch({ type: 'chat_jump', id: key, target });
    if (!chat?.loaded) await this.loadLatest(key);
  }

  /** What waits in a conversation for its time. */
  async loadScheduled(id) {
    try {
      const { messages } = await api.scheduled(id);
      this.store.dispatch({ type: 'scheduled_loaded', id, messages });
    } catch {
      // What events have told of it stands.
    }
  }

  /** A forum's topics; others have none. */
  async loadTopics(id) {
    if (this.state.conversations.get(id)?.kind !== 'supergroup') return;
    try {
      const { topics } = await api.topics(id);
      this.store.dispatch({ type: 'topics_loaded', id, topics });
    } catch {
      // Without them the chat shows all of its messages.
    }
  }

  async fetchConversation(id) {
    try {
      const { conversation } = await api.conversation(id);
      this.store.dispatch({ type: 'conversations_found', conversations: [conversation] });
    } catch (error) {
      if (error.status !== 404) return;
      this.store.dispatch({ type: 'conversation_gone', id });
      this.close();
    }
  }

  close() {
    this.pending?.abort();
    session.removeItem('switchboard.open');
    this.store.dispatch({ type: 'conversation_closed' });
  }

  /** @param {string} id the key of a stretch, here and below */
  loadLatest(id) {
    const unread = this.state.conversations.get(conversationOf(id))?.unread ?? 0;
    return this.fetchPage(id, 'latest', { limit: Math.min(LIMIT, Math.max(PAGE, unread + 20)) });
  }

  loadAround(id, target) {
    return this.fetchPage(id, 'around', { around: target, limit: PAGE * 2 }, (one) => one.id === target);
  }

  /** A quote names its message by Telegram's number only; the service finds it, also where nobody has read yet. */
  async loadQuoted(key, number) {
    const id = conversationOf(key);
    if (topicOf(key) !== null) await this.open(id);
    return this.fetchPage(id, 'around', { around_message_id: number, limit: PAGE * 2 }, (one) => one.message_id === number);
  }

  /** The page beyond one end of what is loaded. */
  async loadMessages(id, direction) {
    const chat = this.state.chats.get(id);
    if (!chat || chat.loading || !chat.loaded) return;
    if (direction === 'older' && chat.atStart) return;
    if (direction === 'newer' && chat.atEnd) return;
    const edge = direction === 'older' ? chat.messages[0] : chat.messages[chat.messages.length - 1];
    if (!edge && chat.below && direction === 'older') return this.fetchPage(id, direction, { cursor: chat.below, limit: STEP });
    if (!edge) return this.loadLatest(id);
    if (direction === 'newer') return this.fetchPage(id, direction, { after: edge.id, limit: STEP });
    const cursor = chat.olderAt[edge.id];
    return this.fetchPage(id, direction, cursor ? { cursor, limit: STEP } : { around: edge.id, limit: PAGE * 2 });
  }

  async fetchPage(id, direction, query, wanted = null) {
    this.pending?.abort();
    const pending = new AbortController();
    this.pending = pending;
    this.pendingFor = id;
    this.store.dispatch({ type: 'chat_loading', id, direction });
    try {
      const page = await this.askPage(id, direction, query, pending.signal);
      if (pending.signal.aborted) return;
      const target = wanted && page.messages.find((one) => wanted({ ...one, id: String(one.id) }));
      this.store.dispatch({ type: 'messages_page', id, direction, target: target ? String(target.id) : null, ...page });
    } catch (error) {
      if (error.code === 'aborted') {
        // A newer request for the same chat says for itself that it is loading.
        if (this.pendingFor !== id || this.pending === pending) this.store.dispatch({ type: 'chat_loading', id, direction: null });
        return;
      }
      if (direction === 'around') return this.missed(id, error);
      const account = this.state.accounts.get(this.state.conversations.get(conversationOf(id))?.account_id);
      this.store.dispatch({ type: 'chat_failed', id, direction, code: error.code ?? 'unexpected', message: error.message, state: account?.state ?? null });
    } finally {
      if (this.pending === pending) this.pending = null;
    }
  }

  /** Of a topic: the chat's pages one after the other, until enough of it is found. */
  async askPage(key, direction, query, signal) {
    const [id, topic] = [conversationOf(key), topicOf(key)];
    if (topic === null) return api.messages(id, query, signal);
    const found = [];
    let page = await api.messages(id, { ...query, limit: SIEVED }, signal);
    const { prev_cursor } = page;
    for (let round = 1; ; round += 1) {
      found.push(...page.messages.filter((message) => isIn(message, topic)));
      const cursor = direction === 'newer' ? page.prev_cursor : page.next_cursor;
      if (!cursor || found.length >= STEP || round === ROUNDS) break;
      page = await api.messages(id, { cursor, limit: SIEVED }, signal);
    }
    return direction === 'newer' ? { ...page, messages: found } : { ...page, prev_cursor, messages: found };
  }

  /** A jump that led nowhere leaves what is on the screen as it is. */
  missed(id, error) {
    this.app.toast(error.status === 404 ? this.app.t('chat.gone') : this.app.explain(error));
    this.store.dispatch({ type: 'chat_loading', id, direction: null });
    if (!this.state.chats.get(id)?.loaded) this.loadLatest(id);
  }

  async toLatest(id) {
    const chat = this.state.chats.get(id);
    if (chat?.atEnd) return;
    await this.loadLatest(id);
  }

  async markRead(id) {
    const conversation = this.state.conversations.get(id);
    if (!conversation || conversation.unread === 0) return;
    await this.attempt(() => api.markRead(id));
  }

  // ---- replies ----

  /** @param {{replyTo?: string|null, topic?: string|null, entities?: object[], quote?: string|null}} [more] */
  reply(conversation, text, { replyTo = null, topic = null, entities = [], quote = null, when = null } = {}) {
    this.app.outbox.add({
      key: crypto.randomUUID(), conversation_id: conversation.id, account_id: conversation.account_id, text,
      reply_to_message_id: replyTo, topic_id: topic === GENERAL ? null : topic, entities: entities.length > 0 ? entities : null, quote, at: new Date().toISOString(), error: null, ...(when ? { scheduled_for: when } : {}),
    });
  }

  async retryMessage(message) {
    if (message.local) return this.app.uploads.retry(message.key) || this.app.outbox.retry(message.key);
    await this.attempt(() => api.retry(message.id));
  }

  async discardMessage(message) {
    if (message.local) return this.app.uploads.discard(message.key) || this.app.outbox.discard(message.key);
    await this.attempt(async () => {
      await api.takeBack(message.id, mayHaveArrived(message));
      this.store.dispatch({ type: 'message_removed', id: message.id, conversation: message.conversation_id });
    });
  }

  /** A masked message as Telegram has it, for the eyes of whoever asked: it goes to no store. @returns {Promise<string|null>} */
  async reveal(message) {
    try {
      return (await api.reveal(message.id)).text;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.app.toast(error.code === 'account_unavailable' ? this.app.t('message.reveal.away') : this.app.explain(error));
      return null;
    }
  }

  // ---- accounts ----

  restart(id) {
    return this.changeAccount(() => api.restart(id));
  }

  setActive(id, active) {
    return this.changeAccount(() => api.changeAccount(id, { is_active: active }));
  }

  change(id, body) {
    return this.changeAccount(() => api.changeAccount(id, body));
  }

  logout(id) {
    return this.attempt(async () => {
      const asked = this.state.accounts;
      const { account, logout } = await api.logout(id);
      this.store.dispatch({ type: 'account_changed', account, asked });
      this.tellLogout(account, logout);
    });
  }

  /** Where the log-out stands at Telegram, when it is not done. */
  tellLogout(account, logout) {
    const key = { ordered: 'account.logout.ordered', unreadable: 'account.logout.unreadable' }[logout];
    if (key) this.app.toast(this.app.t(key, { account: cleanName(account.label) }));
  }

  async remove(id, history) {
    return this.attempt(async () => {
      const { account, logout } = await api.removeAccount(id, history);
      this.store.dispatch({ type: 'account_removed', id, history });
      this.tellLogout(account, logout);
    });
  }

  changeAccount(act) {
    return this.attempt(async () => {
      const asked = this.state.accounts;
      const { account } = await act();
      if (account) this.store.dispatch({ type: 'account_changed', account, asked });
    });
  }

  /**
   * Runs a request a person asked for; what goes wrong is said in words. What it changed comes as an event, and what
   * happened next may come before the answer. @returns {Promise<boolean>}
   */
  async attempt(act) {
    try {
      await act();
      return true;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.app.toast(this.app.explain(error));
      return false;
    }
  }

  /** Conversations the service finds by name join the ones already here. */
  async findPeople(query) {
    const { conversations } = await api.conversations({ q: query, limit: 20 });
    this.store.dispatch({ type: 'conversations_found', conversations });
  }

  visibleNeighbour(ids, step) {
    const at = ids.indexOf(this.state.selected);
    const next = at === -1 ? (step > 0 ? 0 : ids.length - 1) : at + step;
    return ids[Math.max(0, Math.min(ids.length - 1, next))] ?? null;
  }
}
