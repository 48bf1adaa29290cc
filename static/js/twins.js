/** Twins: one chat that several accounts have is a conversation of each of them. Pure. */

/** @type {WeakMap<Map<string, object>, Map<string, object[]>>} by chat, worked out once for each state of the conversations */
const known = new WeakMap();

function byChat(conversations) {
  let chats = known.get(conversations);
  if (chats) return chats;
  chats = new Map();
  for (const one of conversations.values()) {
    const there = chats.get(one.chat_id);
    if (there) there.push(one);
    else chats.set(one.chat_id, [one]);
  }
  known.set(conversations, chats);
  return chats;
}

/**
 * The other accounts' conversations with the same person, group or channel, as far as they are loaded.
 * @returns {object[]}
 */
export function twinsOf(state, conversation) {
  const there = byChat(state.conversations).get(conversation.chat_id) ?? [];
  return there.length < 2 ? [] : there.filter((one) => one.account_id !== conversation.account_id && state.accounts.has(one.account_id));
}
