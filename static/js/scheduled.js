/** What waits for its time, by conversation, in the state. Pure. */

/** What waits is no part of the chat: it is a list of its own. */
export function withScheduled(state, message) {
  const id = String(message.conversation_id);
  const others = (state.scheduled.get(id) ?? []).filter((one) => one.id !== message.id);
  return { ...state, scheduled: new Map(state.scheduled).set(id, message.deleted_at ? others : [...others, message]) };
}

/** An answer of the service: the event may have been quicker, and further. */
export function answeredScheduled(state, message) {
  const known = (state.scheduled.get(String(message.conversation_id)) ?? []).find((one) => one.id === message.id);
  return known ? state : withScheduled(state, message);
}

/** All that waits in a conversation, as it was when it was asked for. */
export function loadedScheduled(state, id, messages) {
  const before = state.scheduled.get(id) ?? [];
  const further = (one) => (one.delivery === null ? null : before.find((known) => known.id === one.id && known.delivery === null));
  return { ...state, scheduled: new Map(state.scheduled).set(id, messages.map((one) => further(one) ?? one)) };
}

export function withoutScheduled(state, id, ids) {
  const waiting = state.scheduled.get(String(id));
  if (!waiting?.some((one) => ids.includes(one.id))) return state;
  return { ...state, scheduled: new Map(state.scheduled).set(String(id), waiting.filter((one) => !ids.includes(one.id))) };
}

export function markedScheduled(state, id, mark) {
  const waiting = state.scheduled.get(id);
  return waiting ? new Map(state.scheduled).set(id, waiting.map(mark)) : state.scheduled;
}
