// Accounts, conversations and messages to test with, and a desk that has some.
import { initialState, reduce } from '../../static/js/state.js';

export const time = (n) => new Date(Date.UTC(2026, 0, 1) + n * 1000).toISOString();
export const message = (id, more = {}) => ({ id, account_id: 'a', conversation_id: 1, chat_id: '5', message_id: String(id), direction: 'incoming', text: `m${id}`, timestamp: time(id), status: 'received', sender: null, reply_to_message_id: null, service: null, backfilled: false, ...more });
export const conversation = (id, at, more = {}) => ({ id, account_id: 'a', chat_id: String(id), kind: 'private', title: `c${id}`, unread: 0, can_send: true, last_message: null, last_message_at: time(at), ...more });
export const account = (id, more = {}) => ({ id, label: id, state: 'online', unread: 0, ...more });
export const run = (...actions) => actions.reduce(reduce, initialState());
export const ids = (chat) => chat.messages.map((one) => Number(one.id));
export const page = (from, to, more = {}) => ({ messages: Array.from({ length: to - from + 1 }, (_, n) => message(to - n)), ...more });

export function opened(...more) {
  return run({ type: 'accounts_loaded', accounts: [account('a'), account('b')] },
    { type: 'page_loaded', key: '*||', conversations: [conversation(1, 100), conversation(2, 90), conversation(3, 80, { account_id: 'b', kind: 'channel', unread: 4 })], next_cursor: null },
    { type: 'conversation_opened', id: '1' }, { type: 'messages_page', id: '1', direction: 'latest', ...page(51, 100), next_cursor: 'c51' }, ...more);
}
export const received = (n, more = {}) => ({ type: 'events', now: 0, events: [{ seq: n, event: 'message_received', data: { message: message(n, more), conversation: conversation(1, n, { unread: 1 }) } }] });
