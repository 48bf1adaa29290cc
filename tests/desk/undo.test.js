// What can be taken back is done once, or never.
import test from 'node:test';
import assert from 'node:assert/strict';
import { Undo } from '../../static/js/undo.js';
import { isInvitation, recipientOf } from '../../static/js/recipient.js';

function made() {
  const done = [];
  const timers = new Map();
  let next = 0;
  const clock = { set: (f) => { timers.set(++next, f); return next; }, clear: (timer) => timers.delete(timer) };
  const undo = new Undo({ onChange: (thing) => done.push(thing ? `offer ${thing.text}` : 'gone'), clock });
  const thing = (text) => ({ text, act: () => done.push(`act ${text}`), back: () => done.push(`back ${text}`) });
  const pass = () => { for (const [timer, f] of [...timers]) { timers.delete(timer); f(); } };
  return { done, undo, thing, pass };
}

test('a thing is done when its time is over, and then can no longer be taken back', () => {
  const { done, undo, thing, pass } = made();
  undo.add(thing('a'));
  pass();
  undo.takeBack();
  pass();
  assert.deepEqual(done, ['offer a', 'gone', 'act a']);
});

test('what is taken back is never done; the next thing and the end of the page do it at once', () => {
  const { done, undo, thing, pass } = made();
  undo.add(thing('a'));
  undo.takeBack();
  pass();
  undo.add(thing('b'));
  undo.add(thing('c'));
  undo.flush();
  pass();
  assert.deepEqual(done, ['offer a', 'gone', 'back a', 'offer b', 'gone', 'act b', 'offer c', 'gone', 'act c']);
});

// Protects: a name that is not exact never becomes a recipient.
test('a recipient is what Telegram knows somebody by', () => {
  const table = [['@contact1', '@contact1'], ['https://t.me/contact1', '@contact1'], ['t.me/contact1/', '@contact1'], ['+999 66 (20) 000', '+9996620000'], ['12345', '12345'], ['-1001234567890', '-1001234567890'],
    ['Contact one', null], ['contact', null], ['@a b', null], ['', null], ['+12', null], ['https://t.me/+9996620000', '+9996620000'], ['tg://resolve?domain=contact1&start=x', '@contact1'], ['tg://resolve?phone=9996620000', '+9996620000'],
    ['https://t.me/+AbCd0123_-', 'https://t.me/+AbCd0123_-'], ['t.me/joinchat/AbCd0123', 't.me/joinchat/AbCd0123'], ['t.me/contact1/5', '@contact1'], ['https://t.me/+12', null], ['https://evil.example/t.me/x', null]];
  for (const [typed, wanted] of table) assert.equal(recipientOf(typed), wanted, typed);
  for (const [typed, invites] of [['https://t.me/+AbCd0123', true], ['tg://join?invite=AbCd0123', true], ['https://t.me/+9996620000', false], ['@contact1', false]]) assert.equal(isInvitation(typed), invites, typed);
});
