// Waits for the next message and answers it. Node 18 or newer, nothing to install.
//
// SWITCHBOARD=http://127.0.0.1:8080 SWITCHBOARD_TOKEN=swb_… node answer.mjs
const BASE = process.env.SWITCHBOARD ?? 'http://127.0.0.1:8080';
const TOKEN = process.env.SWITCHBOARD_TOKEN;

async function call(method, path, body, key) {
  const headers = { 'Content-Type': 'application/json' };
  if (TOKEN) headers.Authorization = `Bearer ${TOKEN}`;
  if (key) headers['Idempotency-Key'] = key;
  const answer = await fetch(BASE + path, { method, headers, body: body && JSON.stringify(body), signal: AbortSignal.timeout(70_000) });
  const json = await answer.json();
  if (!answer.ok) throw new Error(`${json.error.code}: ${json.error.message}`);
  return json;
}

let after = (await call('GET', '/events')).next_after;
console.log('listening');
let received;
while (!received) {
  const page = await call('GET', `/events?after=${after}&wait=60`);
  after = page.next_after;
  received = page.events.find((event) => event.event === 'message_received')?.data;
}
const path = `/conversations/${received.conversation.id}/reply`;
// The same key for the same answer: sent once, however often this is tried.
let { message } = await call('POST', path, { text: `You wrote: ${received.message.text}` }, `answer-${received.message.id}`);
while (message.status === 'pending') {
  await call('GET', `/events?after=${after}&wait=5`);
  ({ message } = await call('GET', `/messages/${message.id}`));
}
console.log(message.status);
process.exitCode = message.status === 'sent' ? 0 : 1;
