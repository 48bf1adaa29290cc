/**
 * The loaded stretch of one conversation: how pages and live messages join it and how it stays short. Pure.
 *
 * A stretch is at most LIMIT messages. Newer pages are fetched after the last row held; older ones by the cursor of the page
 * border, so the old end is cut at such a border when one is near.
 */

export const LIMIT = 140;
const TAIL_LIMIT = 100;

/** @returns {import('./types.js').Chat} */
export function emptyChat() {
  return {
    messages: [], olderAt: {}, atStart: false, atEnd: false, tail: [], tailLost: false, loading: null, error: null,
    unreadFrom: null, newCount: 0, atBottom: true, jump: null, loaded: false, below: null, dry: false,
  };
}

export function normaliseMessage(message) {
  return { ...message, id: String(message.id), conversation_id: String(message.conversation_id) };
}

/** Oldest first, as the service orders them: by time, then by Telegram's number; what has none yet comes last. */
export function compareMessages(a, b) {
  if (a.timestamp !== b.timestamp) return a.timestamp < b.timestamp ? -1 : 1;
  if (a.message_id !== b.message_id) {
    if (a.message_id === null || b.message_id === null) return a.message_id === null ? 1 : -1;
    return compareIds(a.message_id, b.message_id);
  }
  return compareIds(a.id, b.id);
}

function compareIds(a, b) {
  const difference = Number(a) - Number(b);
  if (Number.isNaN(difference)) return a < b ? -1 : Number(a > b);
  return difference;
}

/** Joins two runs, the second one winning where both know a message. */
export function merge(known, more) {
  if (more.length === 0) return known;
  const last = known[known.length - 1];
  if (more.length === 1 && last && compareMessages(last, more[0]) < 0 && last.id !== more[0].id) return [...known, more[0]];
  const byId = new Map(known.map((message) => [message.id, message]));
  for (const message of more) byId.set(message.id, message);
  return [...byId.values()].sort(compareMessages);
}

/** @param {import('./types.js').Chat} chat */
export function addPage(chat, { direction, messages, next_cursor = null, prev_cursor, target = null }) {
  const page = messages.map(normaliseMessage).sort(compareMessages);
  if (direction === 'latest' || direction === 'around') return replaceWith(chat, page, direction, next_cursor, prev_cursor ?? null, target);
  if (direction === 'older') return joinOlder(chat, page, next_cursor);
  return joinNewer(chat, page, next_cursor, prev_cursor ?? null);
}

function replaceWith(chat, page, direction, older, newer, target) {
  const ends = direction === 'latest' || newer === null;
  const lost = ends && chat.tailLost;
  const messages = ends && !lost ? merge(page, chat.tail) : page;
  const first = page[0]?.id;
  return trimOlder({
    ...chat, messages, loading: null, error: null, loaded: true, atStart: older === null, atEnd: ends && !lost, tail: [], tailLost: false,
    olderAt: first ? { [first]: older } : {}, jump: target ?? chat.jump, below: older, dry: page.length === 0 && older !== null,
  });
}

function joinOlder(chat, page, older) {
  const first = page[0]?.id ?? chat.messages[0]?.id;
  const joined = {
    ...chat, messages: merge(page, chat.messages), loading: null, error: null, atStart: older === null,
    olderAt: first ? { ...chat.olderAt, [first]: older } : chat.olderAt, below: older, dry: page.length === 0 && older !== null,
  };
  // Whoever went back to the end meanwhile keeps the end.
  return chat.atBottom ? trimOlder(joined) : trimNewer(joined);
}

function joinNewer(chat, page, older, newer) {
  const ends = newer === null;
  const lost = ends && chat.tailLost;
  const first = page[0]?.id;
  const messages = merge(merge(chat.messages, page), ends && !lost ? chat.tail : []);
  return trimOlder({
    ...chat, messages, loading: null, error: null, atEnd: ends && !lost, tail: ends ? [] : chat.tail, tailLost: false,
    olderAt: first && older ? { ...chat.olderAt, [first]: older } : chat.olderAt,
  });
}

/** Cuts the old end, at a remembered page border when one is near. */
export function trimOlder(chat) {
  const extra = chat.messages.length - LIMIT;
  if (extra <= 0) return chat;
  let cut = extra;
  for (let i = extra; i < Math.min(chat.messages.length - 1, extra + 60); i += 1) {
    if (chat.olderAt[chat.messages[i].id]) { cut = i; break; }
  }
  return prune({ ...chat, messages: chat.messages.slice(cut), atStart: false });
}

/** Cuts the new end; from then on live messages wait in the tail. */
export function trimNewer(chat) {
  if (chat.messages.length <= LIMIT) return chat;
  return prune({ ...chat, messages: chat.messages.slice(0, LIMIT), atEnd: false });
}

function prune(chat) {
  const alive = new Set(chat.messages.map((message) => message.id));
  return { ...chat, olderAt: Object.fromEntries(Object.entries(chat.olderAt).filter(([id]) => alive.has(id))) };
}

/** A message that came by event: new, changed or deleted. */
export function addLive(chat, message, isNew) {
  if (!chat.loaded) return { ...chat, tail: merge(chat.tail, [message]) };
  const known = chat.messages.some((one) => one.id === message.id);
  if (known) return { ...chat, messages: merge(chat.messages, [message]) };
  if (!isNew) return patchTail(chat, message);
  const counted = message.direction === 'incoming' && !message.backfilled && !chat.atBottom ? chat.newCount + 1 : chat.newCount;
  const first = chat.messages[0];
  if (first && compareMessages(message, first) < 0) {
    // Older than what is loaded: it will come with its page, unless the stretch begins where the chat does.
    return chat.atStart ? trimOlder({ ...chat, messages: merge(chat.messages, [message]) }) : chat;
  }
  if (!chat.atEnd) {
    const within = chat.messages.length > 0 && compareMessages(message, chat.messages[chat.messages.length - 1]) < 0;
    if (within) return { ...chat, messages: merge(chat.messages, [message]) };
    return withTail({ ...chat, newCount: counted }, message);
  }
  const joined = { ...chat, newCount: counted, messages: merge(chat.messages, [message]) };
  return chat.atBottom ? trimOlder(joined) : boundGrowth(joined);
}

/** Someone reads older messages while new ones arrive: keep theirs in place and let the far end go. */
function boundGrowth(chat) {
  return chat.messages.length > LIMIT ? trimNewer(chat) : chat;
}

function withTail(chat, message) {
  if (chat.tail.length >= TAIL_LIMIT) return { ...chat, tail: [], tailLost: true };
  return { ...chat, tail: merge(chat.tail, [message]) };
}

function patchTail(chat, message) {
  return chat.tail.some((one) => one.id === message.id) ? { ...chat, tail: merge(chat.tail, [message]) } : chat;
}

export function removeMessage(chat, id) {
  const has = (one) => one.id === id;
  if (!chat.messages.some(has) && !chat.tail.some(has)) return chat;
  return { ...chat, messages: chat.messages.filter((one) => one.id !== id), tail: chat.tail.filter((one) => one.id !== id) };
}

/**
 * A list of messages with media, newest first, with what `messages` tells of it: deletions, and media that are newer or,
 * for a page of the list itself, older. The same list when nothing changed.
 */
export function mergeMedia(items, messages, older) {
  const told = new Map(messages.map(normaliseMessage).map((message) => [message.id, message]));
  const kept = items.filter((item) => !told.get(item.id)?.deleted_at);
  const known = new Set(items.map((item) => item.id));
  const fits = (message) => older || items.length === 0 || compareMessages(message, items[0]) > 0;
  const added = [...told.values()].filter((message) => message.media && !message.deleted_at && !known.has(message.id) && fits(message));
  if (added.length === 0 && kept.length === items.length) return items;
  return [...kept, ...added].sort((a, b) => compareMessages(b, a));
}

/** What came while the account was away: the first message of each run of it, and how many it has. */
export function awayRuns(messages) {
  const runs = new Map();
  let first = null;
  for (const message of messages) {
    if (!message.late) { first = null; continue; }
    first ??= message.id;
    runs.set(first, (runs.get(first) ?? 0) + 1);
  }
  return runs;
}

/**
 * The first message that nobody has read: the first above the number up to which Telegram's readers are, where that is known,
 * else by counting from the end. What was deleted counts no more; where all of it is unread it is the oldest loaded one.
 * @param {{unread?: number, read_inbox_max_id?: number}|null|undefined} conversation
 */
export function firstUnread(messages, conversation) {
  let left = conversation?.unread ?? 0;
  if (left <= 0) return null;
  const read = conversation.read_inbox_max_id ?? 0;
  // Each topic of a forum is read by itself.
  const numbered = read > 0 && !messages.some((one) => one.topic);
  let oldest = null;
  for (let i = messages.length - 1; i >= 0; i -= 1) {
    const message = messages[i];
    if (numbered ? Number(message.message_id ?? Infinity) <= read : left <= 0) break;
    if (message.direction !== 'incoming' || message.deleted_at) continue;
    left -= 1;
    if (!message.service) oldest = message.id;
  }
  return oldest;
}
