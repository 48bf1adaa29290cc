/**
 * Everything the page knows, and how each thing that happens changes it. A pure reducer: no time, no storage, no network.
 */

import { knownMessage, reopened, withChat, withChats, withMessage, withoutGoing } from './chats.js';
import { dropConversations, hasNewer, upsertConversations } from './conversations.js';
import { countUnread, sortKey } from './lists.js';
import { addLive, addPage, emptyChat, firstUnread, normaliseMessage, removeMessage } from './messages.js';
import { answeredScheduled, loadedScheduled, markedScheduled, withScheduled, withoutScheduled } from './scheduled.js';
import { chatKey, conversationOf, openKey, topicOf } from './topics.js';

const CHATS_KEPT = 6;

export function initialState() {
  return {
    /** @type {Map<string, import('./types.js').Account>} */ accounts: new Map(),
    accountsLoaded: false,
    serverHasApi: false,
    /** What this browser may do; null until the service has said it. */
    scope: null,
    vault: null,
    /** @type {Array<{name: string, own: boolean, vault: object|null}>} services on one database, and what each says of its vault */ nodes: [],
    /** @type {Map<string, import('./types.js').Conversation>} */ conversations: new Map(),
    /** @type {string[]} newest first */ order: [],
    /** @type {Map<string, {cursor: string|null, boundary: string|null, done: boolean, loading: boolean, error: string|null}>} */ pages: new Map(),
    /** @type {import('./types.js').Filter} */ filter: { accounts: [], kind: null, unread: false, archived: false, grouped: false },
    /** @type {string|null} */ selected: null,
    /** @type {string|null} the topic of it that is open; null: all of them */ topic: null,
    /** @type {Set<string>|null} messages of the open chat that are selected; null: nobody selects */ selection: null,
    /** @type {Set<string>} messages whose deletion was asked for */ going: new Set(),
    /** @type {Map<string, Array<{id: string, title: string|null}>>} of the forums looked at */ topics: new Map(),
    /** @type {Map<string, import('./types.js').Chat>} by conversation, or by conversation and topic; least recently opened first */ chats: new Map(),
    /** @type {Map<string, import('./types.js').Message[]>} what waits for its time, by conversation */ scheduled: new Map(),
    /** @type {Map<string, import('./types.js').Local>} */ locals: new Map(),
    /** @type {Map<string, {conversation: string, text: string}>} message row → the local reply it answers */ bound: new Map(),
    /** @type {Map<string, import('./types.js').Login>} */ logins: new Map(),
    /** @type {Map<string, {name: string|null, until: number}>} */ typing: new Map(),
    /** @type {import('./types.js').LivePhase} */ live: { phase: 'connecting', retryAt: null, attempt: 0, since: 0 },
    staleAccounts: false,
    /** The conversations may be of yesterday: the next page that comes replaces them. */
    staleConversations: false,
    /** The service wants a token this browser does not have. */
    denied: false,
  };
}

/** @returns the next state; the same object when nothing changed */
export function reduce(state, action) {
  const handler = handlers[action.type];
  return handler ? handler(state, action) : state;
}

const handlers = {
  accounts_loaded(state, { accounts, server_has_api, vault }) {
    return {
      ...state, accounts: new Map(accounts.map((account) => [account.id, account])), accountsLoaded: true, staleAccounts: false, denied: false,
      // The event stream knows it better: an answer may be older than the last event.
      serverHasApi: Boolean(server_has_api), vault: state.vault ?? vault ?? null,
    };
  },

  nodes_seen: (state, { nodes }) => (JSON.stringify(state.nodes) === JSON.stringify(nodes) ? state : { ...state, nodes }),
  greeted: (state, { scope }) => (state.scope === scope ? state : { ...state, scope }),

  /** @param asked  for an answer: the accounts as they were when it was asked for */
  account_changed(state, { account, login, asked }) {
    let next = state;
    if (account && !isOutdated(state, account, asked)) next = { ...next, accounts: new Map(next.accounts).set(account.id, account) };
    if (login !== undefined && account) next = withLogin(next, account.id, login);
    return next;
  },

  account_removed(state, { id, history }) {
    const accounts = new Map(state.accounts);
    accounts.delete(id);
    const filter = { ...state.filter, accounts: state.filter.accounts.filter((one) => one !== id) };
    const gone = { ...state, accounts, filter };
    return history === 'keep' ? gone : dropConversations(gone, (one) => one.account_id === id);
  },

  login_changed: (state, { id, login }) => withLogin(state, id, login),

  page_loading(state, { key }) {
    const page = state.pages.get(key) ?? { cursor: null, boundary: null, done: false, loading: false, error: null };
    return { ...state, pages: new Map(state.pages).set(key, { ...page, loading: true, error: null }) };
  },

  page_failed(state, { key, code }) {
    const page = state.pages.get(key);
    return page ? { ...state, pages: new Map(state.pages).set(key, { ...page, loading: false, error: code }) } : state;
  },

  page_loaded(state, { key, conversations, next_cursor }) {
    const last = conversations[conversations.length - 1];
    const page = { cursor: next_cursor ?? null, boundary: last ? sortKey(last) : null, done: !next_cursor, loading: false, error: null };
    const kept = state.staleConversations ? onlyOpen(state) : state;
    return upsertConversations({ ...kept, pages: new Map(state.pages).set(key, page) }, conversations.filter((one) => state.staleConversations || !hasNewer(state, one)));
  },

  conversations_found: (state, { conversations }) => upsertConversations(state, conversations.filter((one) => !hasNewer(state, one))),

  filter_changed: (state, { filter }) => ({ ...state, filter: { ...state.filter, ...filter } }),

  conversation_opened(state, { id, topic = null }) {
    const chats = new Map(state.chats);
    const key = chatKey(id, topic);
    const before = openKey(state);
    const left = before !== null && before !== key ? chats.get(before) : null;
    if (left) chats.set(before, { ...left, unreadFrom: null, newCount: 0, jump: null });
    const chat = chats.get(key) ?? emptyChat();
    chats.delete(key);
    chats.set(key, reopened(chat, topic === null ? state.conversations.get(id) : null));
    for (const old of chats.keys()) {
      if (chats.size <= CHATS_KEPT) break;
      chats.delete(old);
    }
    const selection = before === key ? state.selection : null;
    return { ...state, selected: id, topic, chats, selection };
  },

  conversation_closed: (state) => ({ ...state, selected: null, topic: null, selection: null }),

  /** An album is selected as one. */
  selection_toggled(state, { ids }) {
    const selection = new Set(state.selection ?? []);
    const has = ids.every((id) => selection.has(id));
    for (const id of ids) if (has) selection.delete(id);
    else selection.add(id);
    return { ...state, selection: selection.size > 0 ? selection : null };
  },

  selection_cleared: (state) => ({ ...state, selection: null }),

  deletion_asked: (state, { ids }) => ({ ...state, going: new Set([...state.going, ...ids]) }),

  deletion_dropped: (state, { ids }) => withoutGoing(state, ids),

  /** The answer to what was asked of a message that is known. */
  message_answered(state, { message }) {
    const answered = normaliseMessage(message);
    return withMessage(state, answered, (chat) => addLive(chat, answered, false));
  },

  scheduled_loaded: (state, { id, messages }) => loadedScheduled(state, id, messages.map(normaliseMessage)),

  topics_loaded: (state, { id, topics }) => ({ ...state, topics: new Map(state.topics).set(id, topics) }),

  /** What was lost before the end is asked for comes with it. */
  chat_loading: (state, { id, direction }) => withChat(state, id, (chat) => {
    const towardsEnd = direction === 'latest' || direction === 'newer';
    return { ...chat, loading: direction, error: null, tailLost: chat.tailLost && !towardsEnd };
  }),

  chat_failed: (state, { id, type: _, ...error }) => withChat(state, id, (chat) => ({ ...chat, loading: null, error })),

  messages_page(state, { id, ...page }) {
    return withChat(state, id, (chat) => {
      const next = addPage(chat, page);
      const fresh = !chat.loaded && page.direction === 'latest';
      const whole = topicOf(id) === null ? state.conversations.get(id) : null;
      return fresh ? { ...next, unreadFrom: firstUnread(next.messages, whole) } : next;
    });
  },

  chat_bottom(state, { id, atBottom }) {
    return withChat(state, id, (chat) => {
      const newCount = atBottom && chat.atEnd ? 0 : chat.newCount;
      return chat.atBottom === atBottom && chat.newCount === newCount ? chat : { ...chat, atBottom, newCount };
    });
  },

  chat_jump: (state, { id, target }) => withChat(state, id, (chat) => ({ ...chat, jump: target })),

  events: (state, { events, now }) => applyEvents(state, events, now ?? 0),

  /** What is on the screen may be wrong: everything is loaded again, the lists are kept until then. */
  resync(state) {
    const chats = new Map();
    const key = openKey(state);
    const open = key !== null ? state.chats.get(key) : null;
    if (open) chats.set(key, { ...open, atEnd: false, tail: [], tailLost: true });
    return { ...state, pages: new Map(), chats, typing: new Map(), staleConversations: true };
  },

  conversation_gone: (state, { id }) => dropConversations(state, (one) => one.id === id),

  reply_added: (state, { local }) => ({ ...state, locals: new Map(state.locals).set(local.key, local) }),

  reply_answered(state, { key, message }) {
    const locals = new Map(state.locals);
    const local = locals.get(key);
    locals.delete(key);
    const answered = normaliseMessage({ conversation_id: local?.conversation_id, ...message });
    if (answered.scheduled_for) return answeredScheduled({ ...state, locals }, answered);
    const known = knownMessage(state, answered);
    // The event may have been quicker than the answer, and further: then it is the truth.
    const better = known && known.status !== 'pending' ? known : answered;
    return withMessage({ ...state, locals }, better, (chat) => addLive(chat, better, true));
  },

  reply_rejected(state, { key, error }) {
    const local = state.locals.get(key);
    return local ? { ...state, locals: new Map(state.locals).set(key, { ...local, error }) } : state;
  },

  /** How much of each file has gone from this browser. @param {Record<string, number>} done by the key of its reply */
  upload_moved(state, { done }) {
    const locals = new Map(state.locals);
    for (const [key, gone] of Object.entries(done)) {
      const local = locals.get(key);
      if (local) locals.set(key, { ...local, upload: { ...local.upload, done: gone } });
    }
    return { ...state, locals };
  },

  reply_discarded(state, { key }) {
    const locals = new Map(state.locals);
    locals.delete(key);
    return { ...state, locals };
  },

  message_removed: (state, { id, conversation }) => withChats(withoutScheduled(state, conversation, [id]), conversation, (chat) => removeMessage(chat, id)),

  typing_expired(state, { now }) {
    const typing = new Map([...state.typing].filter(([, one]) => one.until > now));
    return typing.size === state.typing.size ? state : { ...state, typing };
  },

  live_phase: (state, { live }) => ({ ...state, live }),

  denied: (state) => (state.denied ? state : { ...state, denied: true }),
};

/** Events may have been quicker than an answer, and further. */
function isOutdated(state, account, asked) {
  const known = state.accounts.get(account.id);
  if (asked && known !== asked.get(account.id)) return true;
  return Boolean(known) && Date.parse(known.state_since) > Date.parse(account.state_since);
}

function withLogin(state, id, login) {
  const logins = new Map(state.logins);
  if (login) logins.set(id, login);
  else logins.delete(id);
  return { ...state, logins };
}

/** The open conversation is asked for by itself. */
function onlyOpen(state) {
  return dropConversations({ ...state, staleConversations: false }, (one) => one.id !== state.selected);
}

// ---- events --------------------------------------------------------------------------------------------------------

function applyEvents(state, events, now) {
  const touched = new Map();
  let next = state;
  for (const frame of events) {
    const data = frame.data ?? {};
    if (data.conversation) touched.set(String(data.conversation.id), data.conversation);
    next = (eventHandlers[frame.event] ?? ((same) => same))(next, data, now);
  }
  return touched.size === 0 ? next : countUnread(next, upsertConversations(next, [...touched.values()]), touched.keys());
}

const eventHandlers = {
  message_received: (state, data) => stopTyping(messageEvent(state, data, true), data),
  message_sent: (state, data) => messageEvent(bindLocal(state, data.message), data, true),
  message_edited: (state, data) => messageEvent(state, data, false),
  message_reacted: (state, data) => messageEvent(state, data, false),
  message_deleted: deletedEvent,
  order_updated: orderEvent,
  upload_progress: uploadEvent,
  account_status: (state, { account }) => (account ? handlers.account_changed(state, { account }) : state),
  account_removed: (state, { account_id, account, history }) => handlers.account_removed(state, { id: account_id ?? account?.id, history }),
  vault_status: (state, { vault }) => ({ ...state, vault: vault ?? state.vault }),
  login_updated(state, data) {
    const id = data.account_id ?? data.account?.id;
    const next = data.account ? handlers.account_changed(state, { account: data.account }) : state;
    return id ? withLogin(next, id, data.login ?? null) : next;
  },
  typing(state, data, now) {
    const id = data.conversation_id ?? data.conversation?.id;
    if (id === undefined) return state;
    const name = data.sender?.name ?? data.user?.name ?? data.name ?? null;
    return { ...state, typing: new Map(state.typing).set(String(id), { name, until: now + 6000 }) };
  },
};

function messageEvent(state, data, isNew) {
  if (!data.message) return state;
  const message = normaliseMessage({ conversation_id: data.conversation?.id, ...data.message });
  if (message.scheduled_for) return withScheduled(state, message);
  const here = withoutElsewhere(withoutScheduled(state, message.conversation_id, [message.id]), message);
  return withMessage(here, message, (chat) => addLive(chat, message, isNew));
}

/** A message stands in one conversation: what waits for a group follows it into the supergroup that it becomes. */
function withoutElsewhere(state, message) {
  if (message.status !== 'pending' && message.status !== 'sent') return state;
  let next = state;
  for (const key of state.chats.keys()) if (conversationOf(key) !== message.conversation_id) next = withChat(next, key, (chat) => removeMessage(chat, message.id));
  return next;
}

/** Deletions name rows; what they said stays known as far as it was loaded. */
function deletedEvent(state, data) {
  const ids = new Set((data.ids ?? []).map(String));
  const mark = (message) => (ids.has(message.id) ? { ...message, deleted_at: data.deleted_at } : message);
  const id = String(data.conversation_id);
  const conversation = state.conversations.get(id);
  const last = conversation?.last_message;
  const marked = withChats(withoutScheduled(state, id, [...ids]), id, (chat) => ({ ...chat, messages: chat.messages.map(mark), tail: chat.tail.map(mark) }));
  const gone = withoutGoing(marked, [...ids]);
  if (!last || !ids.has(last.id)) return gone;
  return { ...gone, conversations: new Map(gone.conversations).set(id, { ...conversation, last_message: mark(last) }) };
}

/** What is still to be done with a message stands with it; what is done or taken back does not. */
function orderEvent(state, { order }) {
  if (!order) return state;
  const ids = new Set((order.messages ?? []).map(String));
  const over = order.status === 'done' || order.status === 'taken_back';
  const mark = (message) => {
    if (!ids.has(message.id)) return message;
    const others = (message.orders ?? []).filter((one) => one.id !== order.id);
    const kept = over || ['text', 'media', 'forward'].includes(order.kind) ? [] : [{ id: order.id, kind: order.kind, status: order.status, delivery: order.delivery, error: order.error, retry_at: order.retry_at }];
    return { ...message, orders: [...others, ...kept] };
  };
  const marked = { ...state, scheduled: markedScheduled(state, String(order.conversation_id), mark) };
  const next = order.kind === 'delete' && (over || order.status === 'failed') ? withoutGoing(marked, [...ids]) : marked;
  return withChats(next, order.conversation_id, (chat) => ({ ...chat, messages: chat.messages.map(mark), tail: chat.tail.map(mark) }));
}

/** How much of a file has gone from the service to Telegram. */
function uploadEvent(state, { id, done, total }) {
  const mark = (message) => (message.id === String(id) && message.status === 'pending' ? { ...message, upload: { done, total } } : message);
  let next = state;
  for (const key of state.chats.keys()) next = withChat(next, key, (chat) => (chat.messages.some((one) => mark(one) !== one) ? { ...chat, messages: chat.messages.map(mark) } : chat));
  return next;
}

function stopTyping(state, data) {
  const id = String(data.message?.conversation_id ?? data.conversation?.id);
  if (!state.typing.has(id)) return state;
  const typing = new Map(state.typing);
  typing.delete(id);
  return { ...state, typing };
}

/**
 * The event of a reply typed here can overtake the answer to its POST. The oldest waiting local reply with that text steps
 * aside, so the bubble is never there twice; its answer, when it comes, is applied by row.
 */
function bindLocal(state, message) {
  if (!message || message.status !== 'pending' || state.locals.size === 0) return state;
  const conversation = String(message.conversation_id);
  const known = knownMessage(state, { conversation_id: conversation, id: String(message.id) });
  if (known) return state;
  for (const local of state.locals.values()) {
    const mine = message.idempotency_key ? message.idempotency_key === local.key : !local.error && (local.media ? sameFile(local.media, message.media) : !message.media && local.text.trim() === String(message.text).trim());
    if (local.conversation_id !== conversation || !mine) continue;
    return handlers.reply_discarded(state, { key: local.key });
  }
  return state;
}

function sameFile(ours, theirs) {
  return Boolean(theirs) && ours.size === theirs.size && (ours.name === theirs.name || !theirs.name);
}
