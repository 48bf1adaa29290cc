// Replies between this browser and the service: none lost, none sent twice, in order.
import test from 'node:test';
import assert from 'node:assert/strict';
import { Outbox } from '../../static/js/outbox.js';
import { Drafts, Prefs, memoryStorage } from '../../static/js/prefs.js';

const settle = () => new Promise((resolve) => { setImmediate(resolve); });
const entry = (key, conversation = '1') => ({ key, conversation_id: conversation, account_id: 'a', text: key, reply_to_message_id: null, at: '2026-03-20T10:00:00.000Z', error: null });

function desk(storage, post) {
  const actions = [];
  const timers = [];
  const outbox = new Outbox({ storage, post, dispatch: (action) => actions.push(action), clock: { set: (act) => timers.push(act), clear: () => {} } });
  return { outbox, actions, timers, kinds: () => actions.map((action) => `${action.type} ${action.key ?? action.local?.key}`) };
}

// Protects: a reply typed just before a crash or reload is sent, with the key that makes a repeat harmless.
test('a reply without an answer survives a reload and is repeated with its key', async () => {
  const storage = memoryStorage();
  const first = desk(storage, () => new Promise(() => {}));
  first.outbox.add(entry('k1'));
  const keys = [];
  const second = desk(storage, async (one) => { keys.push(one.key); return { message: { id: 9 } }; });
  second.outbox.resume();
  await settle();
  assert.deepEqual(keys, ['k1']);
  assert.deepEqual(second.kinds(), ['reply_added k1', 'reply_answered k1']);
  assert.equal(storage.getItem('switchboard.outbox'), '[]');
});

test('trouble on the way is retried, a refusal is kept and said', async () => {
  const errors = [Object.assign(new Error('x'), { final: false, code: 'unreachable' }), Object.assign(new Error('no'), { final: true, code: 'account_unavailable' })];
  let calls = 0;
  const { outbox, actions, timers } = desk(memoryStorage(), async () => { throw errors[calls++]; });
  outbox.add(entry('k1'));
  await settle();
  assert.equal(timers.length, 1);
  timers[0]();
  await settle();
  assert.equal(calls, 2);
  assert.deepEqual(actions.at(-1), { type: 'reply_rejected', key: 'k1', error: { code: 'account_unavailable', message: 'no' } });
  assert.equal(outbox.entries.size, 1);
});

test('a refused reply goes out again on Retry and disappears on Discard', async () => {
  let fail = true;
  const { outbox, kinds } = desk(memoryStorage(), async () => { if (fail) throw Object.assign(new Error(), { final: true, code: 'x' }); return { message: { id: 1 } }; });
  outbox.add(entry('k1'));
  outbox.add(entry('k2'));
  await settle();
  await settle();
  fail = false;
  outbox.retry('k1');
  outbox.discard('k2');
  await settle();
  assert.ok(kinds().includes('reply_answered k1'));
  assert.ok(kinds().includes('reply_discarded k2'));
  assert.equal(outbox.entries.size, 0);
});

// Protects: two quick replies arrive in the order they were typed.
test('one conversation is sent in order, others do not wait for it', async () => {
  const open = new Map();
  const sent = [];
  const { outbox } = desk(memoryStorage(), (one) => { sent.push(one.key); return new Promise((resolve) => open.set(one.key, () => resolve({ message: { id: one.key } }))); });
  outbox.add(entry('a1'));
  outbox.add(entry('a2'));
  outbox.add(entry('b1', '2'));
  assert.deepEqual(sent, ['a1', 'b1']);
  open.get('a1')();
  await settle();
  assert.deepEqual(sent, ['a1', 'b1', 'a2']);
});

test('two tabs share the storage without dropping each other\'s replies', () => {
  const storage = memoryStorage();
  const one = desk(storage, () => new Promise(() => {}));
  const two = desk(storage, () => new Promise(() => {}));
  one.outbox.add(entry('one'));
  two.outbox.add(entry('two'));
  one.outbox.discard('one');
  assert.deepEqual(JSON.parse(storage.getItem('switchboard.outbox')).map(({ key }) => key), ['two']);
});

test('drafts belong to an account and chat; a full or broken storage breaks nothing', () => {
  const storage = memoryStorage();
  const drafts = new Drafts(storage);
  drafts.set({ account_id: 'a', chat_id: '1' }, 'half a sen');
  assert.equal(drafts.get({ account_id: 'a', chat_id: '1' }), 'half a sen');
  assert.equal(drafts.get({ account_id: 'b', chat_id: '1' }), '');
  drafts.set({ account_id: 'a', chat_id: '1' }, '  ');
  assert.equal(storage.length, 0);
  const full = { ...memoryStorage(), setItem() { throw new Error('full'); }, getItem() { return '{broken'; } };
  new Drafts(full).set({ account_id: 'a', chat_id: '1' }, 'x');
  new Prefs(full).set('theme', 'dark');
});
