// A caller of the user API, written as one of the old system's would be: `fetch`, and nothing about the service that
// the description does not say.

import assert from 'node:assert/strict';
import { createInterface } from 'node:readline/promises';

const [base, phone, recipient] = process.argv.slice(2);
const lines = createInterface({ input: process.stdin });

async function call(method, path, body) {
  const answer = await fetch(`${base}${path}`, {
    method,
    headers: { 'Content-Type': 'application/json' },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  return [answer.status, await answer.json()];
}

const [, started] = await call('POST', '/telegram/user/auth/start', { user_id: 'user123', phone_number: phone });
assert.equal(started.status, 'code_sent', JSON.stringify(started));
console.log('code?');
const code = await new Promise((resolve) => { lines.once('line', resolve); });
const [, verified] = await call('POST', '/telegram/user/auth/verify', { user_id: 'user123', phone_code: code.trim() });
assert.equal(verified.status, 'authorized', JSON.stringify(verified));
assert.equal(verified.user.phone_number, phone);
const [, status] = await call('GET', '/telegram/user/status/user123');
assert.equal(status.authorized, true);
assert.equal(status.user_info.id, verified.user.id);
const [, sent] = await call('POST', '/telegram/user/send', { user_id: 'user123', recipient_id: recipient, text: 'From JavaScript' });
assert.ok(sent.success && Number.isInteger(sent.message_id), JSON.stringify(sent));
const [refused, nobody] = await call('POST', '/telegram/user/send', { user_id: 'nobody', recipient_id: recipient, text: 'Hello' });
assert.deepEqual([refused, nobody.code], [404, 'unknown_user']);

// The answer as a stream, read as it comes.
const stream = await fetch(`${base}/message_stream`, {
  method: 'POST',
  headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify({ user_id: 'user123', send_to_telegram: true, send_as_user: true, recipient_id: recipient, messages: [{ role: 'user', content: 'Greet them' }] }),
});
let text = '';
const decoder = new TextDecoder();
for await (const part of stream.body) text += decoder.decode(part, { stream: true });
const events = text.split('\n').filter((line) => line.startsWith('data: ')).map((line) => JSON.parse(line.slice(6)));
assert.equal(events.filter((event) => event.type === 'content').map((event) => event.content).join(''), 'Good morning to you');
assert.equal(events.at(-1).type, 'done');
assert.equal(events.at(-1).message_ids.length, 1);
const [, gone] = await call('POST', '/telegram/user/disconnect', { user_id: 'user123' });
assert.equal(gone.status, 'ok');
console.log('done');
lines.close();
