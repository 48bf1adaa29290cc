/** The stretches of conversations within the state: found by their keys, changed one by one, shown with what still waits. Pure. */

import { emptyChat, firstUnread } from './messages.js';
import { conversationOf, isIn, topicOf } from './topics.js';

export function withChat(state, id, change) {
  const chat = state.chats.get(id);
  if (!chat) return state;
  const next = change(chat);
  if (next === chat) return state;
  return { ...state, chats: new Map(state.chats).set(id, next) };
}

export function withoutGoing(state, ids) {
  const going = new Set([...state.going].filter((id) => !ids.includes(id)));
  return going.size === state.going.size ? state : { ...state, going };
}

/** Every stretch of a conversation that is held. */
export function withChats(state, conversation, change, wanted = () => true) {
  let next = state;
  for (const key of state.chats.keys()) if (conversationOf(key) === String(conversation) && wanted(key)) next = withChat(next, key, change);
  return next;
}

/** Every stretch that a message belongs to. */
export function withMessage(state, message, change) {
  return withChats(state, message.conversation_id, change, (key) => isIn(message, topicOf(key)));
}

/** A chat opened again shows its unread line anew. */
export function reopened(chat, conversation) {
  if (!chat.loaded || !chat.atEnd) return { ...emptyChat() };
  return { ...chat, unreadFrom: firstUnread(chat.messages, conversation), newCount: 0, atBottom: true, jump: null };
}

/** A chat that still loads keeps what events brought meanwhile in its tail. */
export function knownMessage(state, message) {
  const same = (one) => one.id === message.id;
  for (const [key, chat] of state.chats) {
    if (conversationOf(key) !== message.conversation_id) continue;
    const found = chat.messages.find(same) ?? chat.tail.find(same);
    if (found) return found;
  }
  return null;
}

/** The messages of a chat with the replies that still wait for the service. @param {string} key */
export function shownMessages(state, key) {
  const chat = state.chats.get(key);
  if (!chat) return [];
  const [id, topic] = [conversationOf(key), topicOf(key)];
  const locals = [...state.locals.values()].filter((local) => local.conversation_id === id).map((local) => asMessage(state, local)).filter((one) => isIn(one, topic));
  return chat.atEnd || !chat.loaded ? [...chat.messages, ...locals] : chat.messages;
}

function asMessage(state, local) {
  const title = state.topics.get(local.conversation_id)?.find((one) => one.id === local.topic_id)?.title ?? null;
  return {
    id: `local:${local.key}`, key: local.key, conversation_id: local.conversation_id, account_id: local.account_id, chat_id: '', message_id: null,
    direction: 'outgoing', text: local.text, timestamp: local.at, status: local.error ? 'failed' : 'pending', delivery: null, sender: null, entities: local.entities ?? null, quote: local.quote ?? null,
    reply_to_message_id: local.reply_to_message_id, topic: local.topic_id ? { id: local.topic_id, title } : null, edited_at: null, deleted_at: null, media: local.media ?? null, upload: local.upload ?? null, album_id: local.album_id ?? null, service: null, backfilled: false, late: false,
    error: local.error, retry_at: null, local: true,
  };
}
