// The reducer: what is on the screen follows from what happened, however it arrives.
import test from 'node:test';
import assert from 'node:assert/strict';
import { listedIds, pageKeysOf, totalUnread } from '../../static/js/lists.js';
import { shownMessages } from '../../static/js/chats.js';
import { initialState, reduce } from '../../static/js/state.js';
import { LIMIT, addLive, addPage, awayRuns, emptyChat, firstUnread, mergeMedia } from '../../static/js/messages.js';
import { account, conversation, ids, message, opened, page, received, run, time } from './samples.js';
import { supergroupOf } from '../../static/js/views/obstacle.js';

test('conversations are listed newest first and move up with their news', () => {
  let state = opened();
  assert.deepEqual(listedIds(state), ['1', '2', '3']);
  state = reduce(state, { type: 'events', now: 0, events: [{ event: 'conversation_updated', data: { conversation: conversation(3, 200, { account_id: 'b', kind: 'channel' }) } }, { event: 'conversation_updated', data: { conversation: conversation(9, 150) } }] });
  assert.deepEqual(listedIds(state), ['3', '9', '1', '2']);
});

// Protects: the order stays right however many events come in one frame.
test('a random run of updates leaves the same order as sorting', () => {
  let state = opened();
  let seed = 7;
  const random = (n) => { seed = (seed * 48271) % 2147483647; return seed % n; };
  for (let round = 0; round < 200; round += 1) {
    const events = Array.from({ length: 1 + random(9) }, () => ({ event: 'conversation_updated', data: { conversation: conversation(1 + random(60), random(5000)) } }));
    state = reduce(state, { type: 'events', now: 0, events });
    const sorted = [...state.conversations.values()].sort((a, b) => (a.last_message_at < b.last_message_at ? 1 : a.last_message_at > b.last_message_at ? -1 : Number(b.id) - Number(a.id))).map((one) => one.id);
    assert.deepEqual(state.order, sorted);
  }
});

test('filters by account, kind and unread narrow the list; the open conversation stays in it', () => {
  const filter = (given) => listedIds(reduce(opened(), { type: 'filter_changed', filter: given }));
  assert.deepEqual(filter({ accounts: ['b'] }), ['3']);
  assert.deepEqual(filter({ accounts: ['a', 'b'] }), ['1', '2', '3']);
  assert.deepEqual(filter({ kind: 'channel' }), ['3']);
  assert.deepEqual(filter({ unread: true }), ['1', '3']);
  assert.deepEqual(filter({ grouped: true }), ['1', '2', '3']);
});

// Protects: a page that loads later never squeezes rows in between the ones already read.
test('rows older than what was loaded of a query wait for their page', () => {
  let state = run({ type: 'accounts_loaded', accounts: [account('a')] }, { type: 'page_loaded', key: '*||', conversations: [conversation(1, 100), conversation(2, 90)], next_cursor: 'next' });
  state = reduce(state, { type: 'conversations_found', conversations: [conversation(8, 10), conversation(9, 95)] });
  assert.deepEqual(listedIds(state), ['1', '9', '2']);
  state = reduce(state, { type: 'page_loaded', key: '*||', conversations: [conversation(7, 20)], next_cursor: null });
  assert.deepEqual(listedIds(state), ['1', '9', '2', '7', '8']);
});

test('several chosen accounts are several queries', () => {
  const state = reduce(opened(), { type: 'filter_changed', filter: { accounts: ['a', 'b', 'gone'], unread: true } });
  assert.deepEqual(pageKeysOf(state).map(({ key }) => key), ['a||unread', 'b||unread']);
  const groups = reduce(state, { type: 'filter_changed', filter: { accounts: [], kind: 'group', unread: false } });
  assert.deepEqual(pageKeysOf(groups).map(({ kind }) => kind), ['group', 'supergroup']);
});

test('a chat opens at the first of its unread messages', () => {
  const list = [1, 2, 3, 4].map((n) => ({ ...message(n), id: String(n) }));
  list[2].direction = 'outgoing';
  assert.equal(firstUnread(list, null), null);
  assert.equal(firstUnread(list, { unread: 0 }), null);
  assert.equal(firstUnread(list, { unread: 1 }), '4');
  assert.equal(firstUnread(list, { unread: 2 }), '2');
  assert.equal(firstUnread(list, { unread: 99 }), '1');
});

// Protects: no unread message stands above the line, and no read one below it, whatever was deleted or said by the service.
test('what was deleted or is of the service moves no line', () => {
  const list = [1, 2, 3, 4, 5].map((n) => ({ ...message(n), id: String(n), message_id: String(n) }));
  list[3].deleted_at = '2026-01-01T00:00:00.000Z';
  assert.equal(firstUnread(list, { unread: 3 }), '2');
  assert.equal(firstUnread(list, { unread: 3, read_inbox_max_id: 1 }), '2');
  list[4].service = 'somebody came';
  assert.equal(firstUnread(list, { unread: 2 }), '3');
  assert.equal(firstUnread(list, { unread: 1, read_inbox_max_id: 4 }), null);
  // A count that is a moment older than the messages.
  assert.equal(firstUnread(list, { unread: 1, read_inbox_max_id: 1 }), '2');
  // A forum's topics are read one by one: the number says nothing of the others.
  list[0].topic = { id: '1', title: null };
  assert.equal(firstUnread(list, { unread: 2, read_inbox_max_id: 4 }), '3');
});

test('live messages join the end once, and older pages the beginning', () => {
  let state = opened(received(101), received(101));
  assert.deepEqual(ids(state.chats.get('1')).slice(-2), [100, 101]);
  state = reduce(state, { type: 'messages_page', id: '1', direction: 'older', ...page(1, 50), next_cursor: null });
  assert.deepEqual(ids(state.chats.get('1')), Array.from({ length: 101 }, (_, n) => n + 1));
  assert.ok(state.chats.get('1').atStart);
});

// Protects: endless scrolling and endless news both end in a bounded page.
test('a chat never holds more than its limit, and remembers how to go back', () => {
  let chat = { ...addPage(emptyChat(), { direction: 'latest', ...page(951, 1000), next_cursor: 'older951' }), atBottom: false };
  for (let top = 950; top > 500; top -= 50) chat = addPage(chat, { direction: 'older', ...page(top - 49, top), next_cursor: `older${top - 49}`, prev_cursor: `newer${top}` });
  assert.ok(chat.messages.length <= LIMIT);
  assert.equal(chat.atEnd, false);
  const newest = chat.messages.at(-1);
  assert.equal(chat.olderAt[chat.messages[0].id], `older${chat.messages[0].id}`);
  chat = addPage(chat, { direction: 'newer', ...page(Number(newest.id) + 1, Number(newest.id) + 50), prev_cursor: 'more', next_cursor: 'x' });
  assert.ok(chat.messages.length <= LIMIT);
  let followed = addPage(emptyChat(), { direction: 'latest', ...page(1, 50), next_cursor: 'older1' });
  for (let n = 51; n < 1000; n += 1) followed = addLive(followed, { ...message(n), id: String(n), conversation_id: '1' }, true);
  assert.equal(followed.messages.length, LIMIT);
  assert.equal(Number(followed.messages.at(-1).id), 999);
});

// Protects: no message is missing from a chat that was being read further up while news arrived.
test('news behind a stretch that does not reach the end is kept until it does', () => {
  let chat = addPage(emptyChat(), { direction: 'around', ...page(1, 50), next_cursor: null, prev_cursor: 'newer50', target: '20' });
  assert.equal(chat.jump, '20');
  chat = addLive(chat, { ...message(101), id: '101', conversation_id: '1' }, true);
  assert.equal(ids(chat).at(-1), 50);
  chat = addPage(chat, { direction: 'newer', ...page(51, 100), prev_cursor: null });
  assert.equal(ids(chat).at(-1), 101);
  assert.ok(chat.atEnd);
});

test('too much news behind a gap is fetched rather than guessed', () => {
  let chat = addPage(emptyChat(), { direction: 'around', ...page(1, 50), next_cursor: null, prev_cursor: 'newer50' });
  for (let n = 101; n < 400; n += 1) chat = addLive(chat, { ...message(n), id: String(n) }, true);
  assert.ok(chat.tail.length <= 100);
  chat = addPage(chat, { direction: 'newer', ...page(51, 100), prev_cursor: null });
  assert.equal(chat.atEnd, false);
});

test('a message that arrives while the first page is on its way is not lost', () => {
  let state = run({ type: 'conversations_found', conversations: [conversation(1, 100)] }, { type: 'conversation_opened', id: '1' });
  state = reduce(state, received(101));
  state = reduce(state, { type: 'messages_page', id: '1', direction: 'latest', ...page(51, 100), next_cursor: null });
  assert.equal(ids(state.chats.get('1')).at(-1), 101);
});

test('a late page for another chat touches nothing', () => {
  const state = opened();
  assert.equal(reduce(state, { type: 'messages_page', id: '77', direction: 'latest', ...page(1, 5), next_cursor: null }), state);
});

test('edits and deletions change the message in place', () => {
  const state = reduce(opened(), { type: 'events', now: 0, events: [
    { event: 'message_edited', data: { message: message(60, { text: 'new', edited_at: time(61) }) } },
    { event: 'message_deleted', data: { conversation_id: 1, ids: [61, 3], deleted_at: time(62) } },
    { event: 'message_edited', data: { message: message(2, { text: 'not loaded' }) } },
  ] });
  const chat = state.chats.get('1');
  assert.equal(chat.messages.find((one) => one.id === '60').text, 'new');
  assert.ok(chat.messages.find((one) => one.id === '61').deleted_at);
  assert.equal(chat.messages.length, 50);
});

test('the count of new messages grows while one reads further up, and ends at the bottom', () => {
  let state = reduce(opened(), { type: 'chat_bottom', id: '1', atBottom: false });
  state = reduce(reduce(state, received(101)), received(102));
  assert.equal(state.chats.get('1').newCount, 2);
  assert.equal(reduce(state, { type: 'chat_bottom', id: '1', atBottom: true }).chats.get('1').newCount, 0);
});

const local = (key, text = 'hi') => ({ type: 'reply_added', local: { key, conversation_id: '1', account_id: 'a', text, reply_to_message_id: null, at: time(500), error: null } });
const sent = (id, status, text = 'hi') => ({ type: 'events', now: 0, events: [{ event: 'message_sent', data: { message: message(id, { direction: 'outgoing', status, text }) } }] });

// Protects: a reply that is settled while its chat still loads (after a reload of the page) is not shown as pending for ever.
test('what happened while a chat loaded is newer than the answer and the page', () => {
  const pending = message(101, { direction: 'outgoing', status: 'pending', text: 'hi' });
  const answer = { type: 'reply_answered', key: 'k', message: pending };
  const loaded = { type: 'messages_page', id: '1', direction: 'latest', messages: [pending, message(100)], next_cursor: null };
  const state = run({ type: 'accounts_loaded', accounts: [account('a')] },
    { type: 'page_loaded', key: '*||', conversations: [conversation(1, 100)], next_cursor: null },
    { type: 'conversation_opened', id: '1' }, local('k'), sent(101, 'sent'), answer, loaded);
  assert.equal(shownMessages(state, '1').at(-1).status, 'sent');
});

// Protects: a reply shows as one bubble, whichever of answer and event is quicker.
test('a reply is one bubble from typing to sent, in any order of answer and events', () => {
  const answer = { type: 'reply_answered', key: 'k', message: message(101, { direction: 'outgoing', status: 'pending', text: 'hi' }) };
  const orders = [[answer, sent(101, 'pending'), sent(101, 'sent')], [sent(101, 'pending'), answer, sent(101, 'sent')], [sent(101, 'pending'), sent(101, 'sent'), answer]];
  for (const order of orders) {
    let state = reduce(opened(), local('k'));
    assert.equal(shownMessages(state, '1').length, 51);
    for (const action of order) {
      state = reduce(state, action);
      assert.equal(shownMessages(state, '1').length, 51);
    }
    assert.equal(shownMessages(state, '1').at(-1).status, 'sent');
  }
});

// Protects: what came as an event is not put back by the answer of a request that was on its way meanwhile.
test('an answer that is older than the events changes nothing', () => {
  const since = (n, state) => account('a', { state, state_since: time(n) });
  let state = opened({ type: 'account_changed', account: since(1, 'connecting') });
  state = reduce(state, { type: 'events', now: 0, events: [{ event: 'account_status', data: { account: since(2, 'online') } }] });
  state = reduce(state, { type: 'account_changed', account: since(1, 'connecting') });
  assert.equal(state.accounts.get('a').state, 'online');
  state = reduce(state, { type: 'account_changed', account: { ...since(2, 'online'), label: 'new name' } });
  assert.equal(state.accounts.get('a').label, 'new name');
  const asked = state.accounts;
  const further = { ...since(2, 'online'), label: 'new name', history: { done: 1, total: 1, eta_s: 0 } };
  state = reduce(state, { type: 'events', now: 0, events: [{ event: 'account_status', data: { account: further } }] });
  state = reduce(state, { type: 'account_changed', account: since(2, 'online'), asked });
  assert.deepEqual(state.accounts.get('a'), further);

  state = reduce(state, received(120));
  for (const answer of [{ type: 'page_loaded', key: '*||', next_cursor: null }, { type: 'conversations_found' }]) {
    state = reduce(state, { ...answer, conversations: [conversation(1, 100)] });
    assert.equal(state.conversations.get('1').unread, 1);
    assert.equal(listedIds(state)[0], '1');
  }
});

test('the same words sent by another desk at the same moment end as two bubbles', () => {
  let state = reduce(reduce(opened(), local('k')), sent(101, 'pending'));
  state = reduce(state, { type: 'reply_answered', key: 'k', message: message(102, { direction: 'outgoing', status: 'pending', text: 'hi' }) });
  assert.deepEqual(shownMessages(state, '1').slice(-2).map((one) => one.id), ['101', '102']);
});

test('a refused reply stays with its reason until it is discarded', () => {
  let state = reduce(reduce(opened(), local('k')), { type: 'reply_rejected', key: 'k', error: { code: 'account_unavailable', message: '' } });
  const last = shownMessages(state, '1').at(-1);
  assert.equal(last.status, 'failed');
  assert.equal(last.error.code, 'account_unavailable');
  state = reduce(state, { type: 'reply_discarded', key: 'k' });
  assert.equal(shownMessages(state, '1').length, 50);
});

test('unread totals follow the conversations, and are asked for again when unsure', () => {
  let state = run({ type: 'accounts_loaded', accounts: [account('a', { unread: 5 })] }, { type: 'conversations_found', conversations: [conversation(1, 100, { unread: 2 })] });
  state = reduce(state, { type: 'events', now: 0, events: [{ event: 'conversation_updated', data: { conversation: conversation(1, 100, { unread: 0 }) } }] });
  assert.equal(totalUnread(state), 3);
  assert.equal(state.staleAccounts, false);
  state = reduce(state, { type: 'events', now: 0, events: [{ event: 'conversation_updated', data: { conversation: conversation(44, 100, { unread: 1 }) } }] });
  assert.equal(state.staleAccounts, true);
});

test('after a resync lists are loaded anew and the open chat no longer trusts its end', () => {
  const state = reduce(opened(), { type: 'resync' });
  assert.equal(state.pages.size, 0);
  assert.equal(state.chats.get('1').atEnd, false);
  assert.ok(state.chats.get('1').tailLost);
});

test('a page asked for after a resync brings all that was lost before it', () => {
  const asked = [{ type: 'resync' }, { type: 'chat_loading', id: '1', direction: 'latest' }].reduce(reduce, opened());
  const answered = [received(102), { type: 'messages_page', id: '1', direction: 'latest', ...page(52, 101), next_cursor: 'c52' }, received(103)].reduce(reduce, asked);
  const chat = answered.chats.get('1');
  assert.ok(chat.atEnd);
  assert.deepEqual(chat.messages.slice(-3).map((one) => one.id), ['101', '102', '103']);
});

test('a removed account takes its conversations along only when asked to', () => {
  assert.deepEqual(listedIds(reduce(opened(), { type: 'account_removed', id: 'b', history: 'delete' })), ['1', '2']);
  assert.deepEqual(listedIds(reduce(opened(), { type: 'account_removed', id: 'b', history: 'keep' })), ['1', '2', '3']);
});

test('only a few chats are kept loaded', () => {
  let state = opened();
  for (let n = 2; n < 20; n += 1) state = reduce(state, { type: 'conversation_opened', id: String(n) });
  assert.ok(state.chats.size <= 6);
  assert.ok(state.chats.has('19'));
});

test('typing is shown until it expires or the message arrives', () => {
  const typing = { type: 'events', now: 1000, events: [{ event: 'typing', data: { conversation_id: 1, name: 'x' } }] };
  const state = reduce(opened(), typing);
  assert.ok(state.typing.has('1'));
  assert.equal(reduce(state, { type: 'typing_expired', now: 8000 }).typing.size, 0);
  assert.equal(reduce(state, received(101)).typing.size, 0);
});

test('an unknown event or action changes nothing', () => {
  const state = opened();
  assert.equal(reduce(state, { type: 'nonsense' }), state);
  assert.equal(reduce(state, { type: 'events', now: 0, events: [{ event: 'from_the_future', data: {} }, { event: 'message_received' }] }), state);
});

// Protects: Telegram's times are whole seconds, and rows may be stored in another order than they were written.
test('messages of one second stand in Telegram\'s order, with replies on their way last', () => {
  const at = time(1);
  let chat = addPage(emptyChat(), { direction: 'latest', messages: [], next_cursor: null });
  for (const [id, message_id] of [[1, '12'], [2, null], [3, '9'], [4, '11']]) chat = addLive(chat, { ...message(id, { message_id, timestamp: at }), id: String(id) }, true);
  assert.deepEqual(chat.messages.map((one) => one.message_id), ['9', '11', '12', null]);
});

// Protects: an older page that comes late does not push someone off the end they have gone back to.
test('a late older page is dropped rather than the end one is reading', () => {
  let chat = addPage(emptyChat(), { direction: 'latest', ...page(861, 1000), next_cursor: 'older861' });
  chat = addPage({ ...chat, atBottom: true }, { direction: 'older', ...page(811, 860), next_cursor: 'older811' });
  assert.equal(Number(chat.messages.at(-1).id), 1000);
  assert.ok(chat.atEnd && !chat.atStart);
  assert.ok(chat.olderAt[chat.messages[0].id]);
});

// Protects: the vault's state follows its events, and an answer that took long does not bring an old one back.
test('the vault is as the last event says', () => {
  const told = (state) => ({ type: 'events', now: 0, events: [{ event: 'vault_status', data: { vault: { state } } }] });
  const loaded = { type: 'accounts_loaded', accounts: [], vault: { state: 'online' } };
  assert.equal(run(loaded).vault.state, 'online');
  assert.equal(run(loaded, told('offline')).vault.state, 'offline');
  assert.equal(run(told('offline'), loaded).vault.state, 'offline');
  assert.equal(run(told('offline'), loaded, told('online')).vault.state, 'online');
});

// Protects: the list of media follows what the open chat learns, and a page of it joins without repeats.
test('media are listed newest first, without what was deleted', () => {
  const photo = (id, more = {}) => message(id, { media: { kind: 'photo' }, ...more });
  const listed = (items) => items.map((one) => Number(one.id));
  const first = mergeMedia([], [photo(40), photo(30)], true);
  assert.deepEqual(listed(first), [40, 30]);
  assert.equal(mergeMedia(first, [message(50), photo(40), photo(35)], false), first, 'an older one comes with its own page');
  const more = mergeMedia(mergeMedia(first, [photo(41)], false), [photo(30), photo(20)], true);
  assert.deepEqual(listed(more), [41, 40, 30, 20]);
  assert.deepEqual(listed(mergeMedia(more, [photo(40, { deleted_at: time(99) }), message(20, { media: null })], false)), [41, 30, 20]);
});

// Protects: after an outage too long to be told event by event, nothing is listed that is no longer there.
test('after a resync the first page replaces what was listed, the open conversation stays until it is known to be gone', () => {
  let state = opened({ type: 'resync' });
  assert.deepEqual(listedIds(state), ['1', '2', '3'], 'the list does not flash');
  state = reduce(state, { type: 'page_loaded', key: '*||', conversations: [conversation(7, 300)], next_cursor: null });
  assert.deepEqual(state.order, ['7', '1']);
  state = reduce(state, { type: 'page_loaded', key: '*|private|', conversations: [conversation(8, 200)], next_cursor: null });
  assert.deepEqual(state.order, ['7', '8', '1'], 'the next page adds to it');
  state = reduce(state, { type: 'conversation_gone', id: '1' });
  assert.deepEqual([state.order, state.selected], [['7', '8'], null]);
});

// Protects: whoever comes back sees which messages came meanwhile, and how many.
test('each run of late messages is counted at its first', () => {
  const late = (id) => message(id, { late: true });
  const runs = awayRuns([message(1), late(2), late(3), message(4), late(5)]);
  assert.deepEqual([...runs], [[2, 2], [5, 1]]);
});

// Protects: a topic's stretch holds what belongs to it and nothing else, beside that of the whole chat.
test('what comes in a forum joins every stretch that it belongs to', () => {
  const orders = { topic: { id: '7', title: 'Orders' } };
  let state = opened({ type: 'topics_loaded', id: '1', topics: [{ id: '7', title: 'Orders' }] }, { type: 'conversation_opened', id: '1', topic: '7' });
  state = reduce(state, { type: 'messages_page', id: '1#7', direction: 'latest', messages: [message(60, orders)], next_cursor: null });
  state = reduce(state, received(101, orders));
  state = reduce(state, received(102));
  assert.deepEqual(ids(state.chats.get('1#7')), [60, 101]);
  assert.deepEqual(ids(state.chats.get('1')).slice(-2), [101, 102]);
  const local = { key: 'k', conversation_id: '1', account_id: 'a', text: 'x', reply_to_message_id: null, topic_id: null, at: time(103), error: null };
  state = reduce(state, { type: 'reply_added', local });
  assert.equal(shownMessages(state, '1#7').length, 2);
  state = reduce(state, { type: 'reply_added', local: { ...local, key: 'l', topic_id: '7' } });
  assert.deepEqual(shownMessages(state, '1#7').map((one) => one.id), ['60', '101', 'local:l']);
  state = reduce(state, { type: 'events', now: 0, events: [{ event: 'message_deleted', data: { conversation_id: 1, ids: [101], deleted_at: time(104) } }] });
  for (const key of ['1', '1#7']) assert.ok(state.chats.get(key).messages.find((one) => one.id === '101').deleted_at, key);
});

// Protects: a topic that was not found yet is not said to be empty, and is not looked for without end.
test('a look further back that finds nothing says that there is more', () => {
  let state = opened({ type: 'conversation_opened', id: '1', topic: '9' });
  state = reduce(state, { type: 'messages_page', id: '1#9', direction: 'latest', messages: [], next_cursor: 'c1' });
  assert.deepEqual([state.chats.get('1#9').dry, state.chats.get('1#9').atStart, state.chats.get('1#9').below], [true, false, 'c1']);
  state = reduce(state, { type: 'messages_page', id: '1#9', direction: 'older', messages: [message(3, { topic: { id: '9' } })], next_cursor: null });
  assert.deepEqual([state.chats.get('1#9').dry, state.chats.get('1#9').atStart], [false, true]);
});

// Protects: what was asked of a message stands with it until it is done; a deletion that failed gives the message back.
test('an order stands with its message until its last word', () => {
  const order = (status, more = {}) => ({ type: 'events', now: 0, events: [{ event: 'order_updated', data: { order: { id: 4, conversation_id: 1, kind: 'delete', status, delivery: null, messages: [100], error: null, retry_at: null, ...more } } }] });
  const of = (state) => state.chats.get('1').messages.find((one) => one.id === '100').orders;
  let state = opened({ type: 'deletion_asked', ids: ['100', '99'] }, order('pending'));
  assert.deepEqual(of(state).map((one) => one.status), ['pending']);
  assert.deepEqual([...state.going], ['100', '99']);
  state = reduce(state, order('failed', { error: { code: 'MESSAGE_DELETE_FORBIDDEN', message: '' } }));
  assert.equal(of(state)[0].error.code, 'MESSAGE_DELETE_FORBIDDEN');
  assert.deepEqual([...state.going], ['99']);
  state = reduce(state, order('done'));
  assert.deepEqual(of(state), []);
  state = reduce(state, { type: 'events', now: 0, events: [{ event: 'message_deleted', data: { conversation_id: 1, ids: [99], deleted_at: time(200) } }] });
  assert.equal(state.going.size, 0);
});

// Protects: an album is selected as one, and another chat begins with nothing selected.
test('a selection is toggled by bubble and ends with its chat', () => {
  let state = opened({ type: 'selection_toggled', ids: ['98', '99'] }, { type: 'selection_toggled', ids: ['100'] });
  assert.deepEqual([...state.selection], ['98', '99', '100']);
  state = reduce(state, { type: 'selection_toggled', ids: ['98', '99'] });
  assert.deepEqual([...state.selection], ['100']);
  assert.equal(reduce(state, { type: 'selection_toggled', ids: ['100'] }).selection, null);
  assert.equal(reduce(state, { type: 'conversation_opened', id: '2' }).selection, null);
});

// Protects the way on from a group that became a supergroup: it leads to the same account's conversation, and to nobody else's.
test('a group that became a supergroup leads there', () => {
  const group = { id: '1', account_id: 'a', chat_id: '-5' };
  const others = [{ id: '2', account_id: 'b', chat_id: '-1009' }, { id: '3', account_id: 'a', chat_id: '-1009' }];
  const said = (action) => new Map([['1', { messages: [{ id: '9', action }] }]]);
  const conversations = new Map([group, ...others].map((one) => [one.id, one]));
  const became = { kind: 'chat_migrate_to', value: '-1009' };
  assert.equal(supergroupOf({ conversations, chats: said(became) }, group).id, '3');
  assert.equal(supergroupOf({ conversations, chats: said({ kind: 'chat_create' }) }, group), null);
  assert.equal(supergroupOf({ conversations, chats: new Map() }, group), null);
});

// Protects: what waited for a group that became a supergroup is shown there, and not as deleted where it was.
test('a message that moved to another conversation is gone from the first', () => {
  const message = { id: 7, conversation_id: '1', account_id: 'a', chat_id: '-4', message_id: null, direction: 'outgoing', text: 'prices', timestamp: '2026-01-16T10:00:00.000Z', status: 'pending', delivery: 'queued' };
  const event = (name, data) => ({ event: name, data });
  let state = reduce(initialState(), { type: 'conversation_opened', id: '1' });
  state = reduce(state, { type: 'messages_page', id: '1', direction: 'latest', messages: [message], next_cursor: null, prev_cursor: null });
  state = reduce(state, { type: 'events', now: 0, events: [
    event('message_deleted', { account_id: 'a', conversation_id: 1, chat_id: '-4', ids: [7], message_ids: [], deleted_at: '2026-01-16T10:00:01.000Z' }),
    event('message_sent', { message: { ...message, conversation_id: 2, chat_id: '-1007' }, conversation: { id: 2, account_id: 'a', chat_id: '-1007', kind: 'supergroup', title: 'Group', unread: 0, last_message: null, last_message_at: null } }),
  ] });
  assert.deepEqual(state.chats.get('1').messages, []);
});
