import test from 'node:test';
import assert from 'node:assert/strict';
import { twinsOf } from '../../static/js/twins.js';

// Protects: whoever answers sees that another account has the same chat, and none that is no longer here.
test('a chat of two accounts is known as one', () => {
  const one = { id: '1', account_id: 'a', chat_id: '-1001' };
  const other = { id: '2', account_id: 'b', chat_id: '-1001' };
  const alone = { id: '3', account_id: 'b', chat_id: '5' };
  const gone = { id: '4', account_id: 'gone', chat_id: '-1001' };
  const conversations = new Map([one, other, alone, gone].map((each) => [each.id, each]));
  const state = { conversations, accounts: new Map([['a', {}], ['b', {}]]) };
  assert.deepEqual(twinsOf(state, one), [other]);
  assert.deepEqual(twinsOf(state, other), [one]);
  assert.deepEqual(twinsOf(state, alone), []);
});
