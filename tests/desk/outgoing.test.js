// Files that go out: what can go is known before, each is sent once, and what was taken back is not sent at all.
import test from 'node:test';
import assert from 'node:assert/strict';
import { webcrypto } from 'node:crypto';
import { LARGEST_PHOTO, LARGEST_PREMIUM, kindOf, moved, shareOf, sharesOf, troubleOf, waveformOf } from '../../static/js/outgoing.js';
import { Uploads } from '../../static/js/uploads.js';

// Every browser has it, and Node from 20 on.
globalThis.crypto ??= webcrypto;

test('what a file goes as, and why it can not', () => {
  const file = (type, size) => ({ type, size });
  assert.equal(kindOf(file('image/jpeg', 5)), 'photo');
  assert.equal(kindOf(file('image/jpeg', LARGEST_PHOTO + 1)), 'document');
  assert.equal(kindOf(file('image/svg+xml', 5)), 'document');
  assert.equal(kindOf(file('video/mp4', 5)), 'video');
  assert.equal(kindOf(file('application/pdf', 5)), 'document');
  assert.equal(troubleOf(file('', 0)), 'file_empty');
  assert.equal(troubleOf(file('', LARGEST_PREMIUM)), null);
  assert.equal(troubleOf(file('', LARGEST_PREMIUM + 1)), 'file_too_large');
});

test('files are moved within their bounds, and progress is told apart', () => {
  assert.deepEqual(moved(['a', 'b', 'c'], 2, 0), ['c', 'a', 'b']);
  assert.deepEqual(moved(['a', 'b', 'c'], 0, 1), ['b', 'a', 'c']);
  assert.deepEqual(moved(['a'], 0, -1), ['a']);
  assert.deepEqual(sharesOf([10, 20, 5], 15), [10, 5, 0]);
  assert.deepEqual(sharesOf([10, 20, 5], 99), [10, 20, 5]);
  assert.equal(shareOf({ done: 5, total: 10 }, true), 0.25);
  assert.equal(shareOf({ done: 5, total: 10 }, false), 0.75);
  assert.equal(shareOf(null, false), null);
});

test('a recording has as many bars as fit, the loudest one whole', () => {
  assert.deepEqual(waveformOf([]), []);
  assert.deepEqual(waveformOf([0, 0.25, 0.5]), [0, 16, 31]);
  const many = waveformOf(Array.from({ length: 1000 }, (_, n) => n / 1000));
  assert.equal(many.length, 100);
  assert.ok(many.every((one) => Number.isInteger(one) && one >= 0 && one <= 31) && many[99] === 31);
});

function made(answers) {
  const told = [];
  const sent = [];
  const timers = [];
  const send = (wanted, key, { signal, onProgress }) => {
    sent.push([key, signal]);
    onProgress(3);
    return answers.shift()();
  };
  const uploads = new Uploads({ dispatch: (action) => told.push(action), send, clock: { set: (f) => timers.push(f), clear: () => {} } });
  const wanted = { conversation: { id: '1', account_id: 'a' }, files: [{ name: 'x', size: 2, type: '' }, { name: 'y', size: 4, type: '' }], as: null, text: 'caption', entities: [], replyTo: null, topic: null, keepMetadata: false };
  return { told, sent, timers, uploads, wanted };
}
const turn = () => new Promise((done) => setImmediate(done));
const types = (told) => told.map((one) => one.type);

// Protects: a broken line sends the same files with the same key, so that they arrive once.
test('what breaks off is sent again with its key', async () => {
  const { told, sent, timers, uploads, wanted } = made([() => Promise.reject(Object.assign(new Error(''), { final: false })), () => Promise.resolve({ messages: [{ id: 8 }, { id: 9 }] })]);
  uploads.add(wanted);
  await turn();
  assert.equal(timers.length, 1);
  assert.ok(uploads.busy);
  timers[0]();
  await turn();
  assert.equal(sent[0][0], sent[1][0]);
  assert.deepEqual(types(told), ['reply_added', 'reply_added', 'upload_moved', 'upload_moved', 'reply_answered', 'reply_answered']);
  assert.deepEqual(Object.values(told[2].done), [2, 1]);
  assert.deepEqual([told[0].local.text, told[1].local.text], ['caption', '']);
  assert.ok(!uploads.busy);
});

test('a refusal is told and can be tried again; what is taken back is stopped and forgotten', async () => {
  const refusal = () => Promise.reject(Object.assign(new Error('no'), { final: true, code: 'file_too_large' }));
  const { told, sent, uploads, wanted } = made([refusal, () => new Promise(() => {})]);
  uploads.add(wanted);
  await turn();
  assert.deepEqual(told.slice(-1)[0].error, { code: 'file_too_large', message: 'no' });
  const [{ local }] = told;
  uploads.retry(local.key);
  assert.equal(sent.length, 2);
  assert.ok(uploads.discard(local.key));
  assert.ok(sent[1][1].aborted);
  assert.deepEqual(types(told).slice(-2), ['reply_discarded', 'reply_discarded']);
  assert.ok(!uploads.discard(local.key));
});
