/** A forum's topics, and the keys under which the stretches of a conversation are held: the whole one, and one of a topic. Pure. */

/** Every forum has it; its messages name no topic. */
export const GENERAL = '1';

/** @param {string|null} topic null: all of the conversation */
export function chatKey(conversation, topic = null) {
  return topic === null ? conversation : `${conversation}#${topic}`;
}

export function conversationOf(key) {
  const at = key.indexOf('#');
  return at === -1 ? key : key.slice(0, at);
}

export function topicOf(key) {
  const at = key.indexOf('#');
  return at === -1 ? null : key.slice(at + 1);
}

export function isIn(message, topic) {
  return topic === null || String(message.topic?.id ?? GENERAL) === topic;
}

/** Is a message shown of whose topic nothing is known but its number? */
export function lacksTitles(state) {
  const known = state.topics.get(state.selected) ?? [];
  const messages = state.chats.get(openKey(state))?.messages ?? [];
  return messages.some(({ topic }) => topic && !topic.title && !known.some((one) => String(one.id) === String(topic.id)));
}

/** The key of what is open. */
export function openKey(state) {
  return state.selected === null ? null : chatKey(state.selected, state.topic);
}

/** The topic that a reply goes to: that of the message it answers, else the one that is open, else General; null where there are none. */
export function topicOfReply(state, answered) {
  const topics = state.selected === null ? null : state.topics.get(state.selected);
  if (!topics?.length) return null;
  return answered ? String(answered.topic?.id ?? GENERAL) : state.topic ?? GENERAL;
}
