/** The list of conversations inside the state: put in, moved to their place, taken out. Pure. */

import { newerFirst, sortKey } from './lists.js';
import { normaliseMessage } from './messages.js';

export function normaliseConversation(conversation) {
  return {
    ...conversation, id: String(conversation.id),
    last_message: conversation.last_message ? normaliseMessage({ conversation_id: conversation.id, ...conversation.last_message }) : null,
  };
}

export function dropConversations(state, gone) {
  const conversations = new Map([...state.conversations].filter(([, one]) => !gone(one)));
  const selected = state.selected !== null && conversations.has(state.selected) ? state.selected : null;
  return { ...state, conversations, order: state.order.filter((id) => conversations.has(id)), selected };
}

/** An event may have brought a newer message than the answer of a list knows. */
export function hasNewer(state, conversation) {
  const known = state.conversations.get(String(conversation.id));
  return Boolean(known) && sortKey(known) > sortKey(conversation);
}

export function upsertConversations(state, list) {
  if (list.length === 0) return state;
  const conversations = new Map(state.conversations);
  const moved = new Set();
  for (const given of list) {
    const conversation = normaliseConversation(given);
    const known = conversations.get(conversation.id);
    if (!known || sortKey(known) !== sortKey(conversation)) moved.add(conversation.id);
    conversations.set(conversation.id, conversation);
  }
  const order = moved.size === 0 ? state.order : reorder(state.order, moved, conversations);
  return { ...state, conversations, order };
}

/** Takes the moved ids out and merges them back in: one pass, however many moved. */
function reorder(order, moved, conversations) {
  const incoming = [...moved].map((id) => conversations.get(id)).sort(newerFirst);
  const result = [];
  let next = 0;
  for (const id of order) {
    if (moved.has(id)) continue;
    const here = conversations.get(id);
    while (next < incoming.length && newerFirst(incoming[next], here) < 0) result.push(incoming[next++].id);
    result.push(id);
  }
  while (next < incoming.length) result.push(incoming[next++].id);
  return result;
}
