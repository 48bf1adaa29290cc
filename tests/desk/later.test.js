import assert from 'node:assert/strict';
import { test } from 'node:test';

import { draftOf, DraftSync, fieldOf, sourceOf } from '../../static/js/draftsync.js';
import { initialState, reduce } from '../../static/js/state.js';
import { fieldMoment, fieldValue, inOrder, usualTimes } from '../../static/js/later.js';

// Protects: the usual times lie ahead, are told by the clock of the machine, and none is there twice.
test('the usual times are ahead', () => {
  const friday = new Date(2026, 0, 16, 10, 30, 20);
  const times = usualTimes(friday);
  assert.deepEqual(times.map((one) => one.key), ['later.hour', 'later.evening', 'later.tomorrow', 'later.monday']);
  assert.deepEqual(times.map((one) => fieldValue(one.at)), ['2026-01-16T11:31', '2026-01-16T20:00', '2026-01-17T09:00', '2026-01-19T09:00']);
  const sunday = usualTimes(new Date(2026, 0, 18, 21, 0));
  assert.deepEqual(sunday.map((one) => one.key), ['later.hour', 'later.tomorrow']);
  const monday = usualTimes(new Date(2026, 0, 19, 8, 0));
  assert.equal(fieldValue(monday.at(-1).at), '2026-01-26T09:00');
});

test('a moment of the field is one that is still to come', () => {
  const now = new Date(2026, 0, 16, 10, 30);
  assert.equal(fieldMoment('2026-01-16T10:31', now).getTime(), new Date(2026, 0, 16, 10, 31).getTime());
  for (const value of ['', '2026-01-16T10:30', '2025-01-16T10:31']) assert.equal(fieldMoment(value, now), null, value);
});

test('what goes out next comes first', () => {
  const all = [{ id: 1, scheduled_for: 'online' }, { id: 2, scheduled_for: '2026-01-17T09:00:00.000Z' }, { id: 3, scheduled_for: '2026-01-16T09:00:00.000Z' }];
  assert.deepEqual(inOrder(all).map((one) => one.id), [3, 2, 1]);
});

function world() {
  const saved = [];
  const texts = new Map();
  const timers = new Map();
  let next = 0;
  const time = { now: 0 };
  const conversation = (draft = null) => ({ id: '1', draft });
  const sync = new DraftSync({
    read: (one) => texts.get(one.id) ?? '',
    write: (one, text) => texts.set(one.id, text),
    save: async (id, draft) => { saved.push(draft.text); return { conversation: conversation(draft.text === '' ? null : draft) }; },
    clock: { set: (act) => { next += 1; timers.set(next, act); return next; }, clear: (timer) => timers.delete(timer), now: () => time.now },
  });
  const rest = async () => { const due = [...timers.values()]; timers.clear(); for (const act of due) await act(); };
  return { sync, saved, texts, conversation, rest, time };
}

// Protects: what somebody types is never replaced by what comes from elsewhere.
test('a draft from elsewhere never overwrites what is typed here', async () => {
  const { sync, saved, texts, conversation, rest, time } = world();
  assert.equal(sync.heard(conversation({ text: 'from the phone' })), true);
  assert.equal(texts.get('1'), 'from the phone');
  texts.set('1', 'from the phone, and more');
  sync.typed(conversation());
  assert.equal(sync.heard(conversation({ text: 'newer on the phone' })), false);
  assert.equal(texts.get('1'), 'from the phone, and more');
  await rest();
  assert.deepEqual(saved, ['from the phone, and more']);
  // An event from before the save that comes after its answer.
  assert.equal(sync.heard(conversation()), false);
  assert.equal(texts.get('1'), 'from the phone, and more');
  time.now = 5000;
  assert.equal(sync.heard(conversation({ text: 'from the phone, and more' })), false);
  // Nothing was typed since: now the phone's is the newer one.
  assert.equal(sync.heard(conversation()), true);
  assert.equal(texts.get('1'), '');
});

test('typing goes to Telegram once when the hands rest, and not when it is there already', async () => {
  const { sync, saved, texts, conversation, rest } = world();
  for (const text of ['a', 'ab', 'abc']) { texts.set('1', text); sync.typed(conversation()); }
  await rest();
  sync.typed(conversation());
  await rest();
  assert.deepEqual(saved, ['abc']);
});

test('formatting goes there and back', () => {
  assert.equal(sourceOf(draftOf('a **b** c')), 'a **b** c');
  assert.deepEqual(draftOf('as typed '), { text: 'as typed ', entities: [] });
  assert.equal(sourceOf(null), '');
});

function waiting(over = {}) {
  return { id: 7, conversation_id: 1, text: 'later', status: 'pending', delivery: null, scheduled_for: '2026-12-01T09:00:00.000Z', ...over };
}

// Protects: what waits stands in its own list, as it is, however late an answer comes, and leaves it when it is sent.
test('what waits for its time is a list of its own', () => {
  const told = (state, event, data) => reduce(state, { type: 'events', events: [{ event, data }], now: 0 });
  let state = told(initialState(), 'message_sent', { message: waiting() });
  state = reduce(state, { type: 'reply_answered', key: 'k', message: waiting({ delivery: 'queued' }) });
  state = reduce(state, { type: 'scheduled_loaded', id: '1', messages: [waiting({ delivery: 'in_flight' })] });
  assert.deepEqual(state.scheduled.get('1').map((one) => [one.id, one.delivery]), [['7', null]]);
  assert.equal(state.chats.size, 0);
  state = told(state, 'order_updated', { order: { id: 3, kind: 'withdraw', status: 'pending', conversation_id: 1, messages: [7] } });
  assert.equal(state.scheduled.get('1')[0].orders.length, 1);
  const gone = told(state, 'message_deleted', { conversation_id: 1, ids: [7], deleted_at: '2026-12-01T08:00:00.000Z' });
  assert.deepEqual(gone.scheduled.get('1'), []);
  const sent = told(state, 'message_sent', { message: waiting({ status: 'sent', scheduled_for: null, message_id: '12' }) });
  assert.deepEqual(sent.scheduled.get('1'), []);
});

// Protects: each topic of a forum has a field of its own; what stands in one is never shown in another.
test('the drafts of topics are told apart', async () => {
  const { sync, saved, texts, conversation, rest } = world();
  const forum = { ...conversation(), topic_drafts: [{ topic_id: '7', text: 'in the topic' }] };
  sync.told(forum);
  assert.equal(texts.get('1'), undefined);
  assert.equal(texts.get('1#7'), 'in the topic');
  assert.equal(fieldOf(forum, '1').id, '1');
  texts.set('1#7', 'in the topic, and more');
  sync.typed(fieldOf(forum, '7'));
  await rest();
  assert.deepEqual(saved, ['in the topic, and more']);
  const other = world();
  other.sync.told(forum);
  other.sync.told(other.conversation());
  assert.equal(other.texts.get('1#7'), '');
});
