// A conversation by a client that openapi-typescript and openapi-fetch made of /openapi.json: waits for a message, answers it once,
// and sees that it was sent. What the description promises is checked by the compiler.
import createClient from 'openapi-fetch';
import type { components, paths } from './schema.js';

declare const process: { env: Record<string, string | undefined> };
const token = process.env.SWITCHBOARD_TOKEN ?? '';
const client = createClient<paths>({ baseUrl: process.env.SWITCHBOARD ?? '', headers: { Authorization: `Bearer ${token}` } });

function must<T>(answer: { data?: T; error?: unknown }): T {
  if (answer.data === undefined) throw new Error(JSON.stringify(answer.error));
  return answer.data;
}

const accounts: components['schemas']['Account'][] = must(await client.GET('/accounts')).accounts;
if (accounts[0]?.state !== 'online') throw new Error(`the account is ${accounts[0]?.state}`);
let after = must(await client.GET('/events')).next_after;
console.log('listening');
let asked: components['schemas']['Message'] | undefined;
while (!asked) {
  const told = must(await client.GET('/events', { params: { query: { after, wait: 20 } } }));
  after = told.next_after;
  for (const event of told.events) {
    if (event.event === 'message_received') asked = (event.data as { message: components['schemas']['Message'] }).message;
  }
}
const params = { path: { id: asked.conversation_id }, header: { 'Idempotency-Key': `answer-${asked.id}` } };
const body = { text: `You wrote: ${asked.text}` };
const first = must(await client.POST('/conversations/{id}/reply', { params, body })).message;
const again = must(await client.POST('/conversations/{id}/reply', { params, body })).message;
if (again.id !== first.id) throw new Error('it was sent twice');
let now = first;
while (now.status === 'pending') now = must(await client.GET('/messages/{id}', { params: { path: { id: first.id } } })).message;
const missing = await client.GET('/messages/{id}', { params: { path: { id: 987654321 } } });
if (missing.error?.error.code !== 'message_not_found') throw new Error(JSON.stringify(missing));
console.log(now.status);
