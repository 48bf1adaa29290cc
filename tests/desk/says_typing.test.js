import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SaysTyping } from '../../static/js/says_typing.js';

function scene(on = true) {
  const said = [];
  const clock = { at: 100_000 };
  const says = new SaysTyping({ prefs: { get: (name) => name === 'sayTyping' && on }, say: async (id) => { said.push(id); throw new Error('away'); }, now: () => clock.at });
  return { says, said, clock };
}

const person = { id: '1', kind: 'private' };
const online = { state: 'online' };

test('somebody who types is shown to the other side, again every few seconds and in every chat', () => {
  const { says, said, clock } = scene();
  says.typed(person, online);
  clock.at += 4_000;
  says.typed(person, online);
  assert.deepEqual(said, ['1']);
  clock.at += 1_000;
  says.typed(person, online);
  says.typed({ id: '2', kind: 'supergroup' }, online);
  says.sent();
  says.typed({ id: '2', kind: 'supergroup' }, online);
  assert.deepEqual(said, ['1', '1', '2', '2']);
});

test('nothing is said where nobody set it, in channels, or by an account that is away', () => {
  const off = scene(false);
  off.says.typed(person, online);
  const on = scene();
  on.says.typed(person, { state: 'reconnecting' });
  on.says.typed(person, null);
  on.says.typed({ id: '3', kind: 'channel' }, online);
  on.says.typed({ ...person, can_send: false }, online);
  assert.deepEqual([...off.said, ...on.said], []);
});
