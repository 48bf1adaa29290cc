/** The service's REST calls. Every answer is JSON or an ApiError that says what kind of trouble it was. */

export const ROOT = new URL('../../', import.meta.url);
const LIMIT_MS = 20_000;
/** Sixteen proxies that lead nowhere, and five data centres. */
const TEST_LIMIT_MS = 120_000;
/** A file from Telegram, and its copy. */
const FETCH_LIMIT_MS = 600_000;

export class ApiError extends Error {
  /** @param {number} status 0 when there was no answer at all */
  constructor(status, code, message, body = null) {
    super(message || code);
    this.name = 'ApiError';
    this.status = status;
    this.code = code;
    this.body = body;
  }

  /** The service said no and will say no again; anything else may work later. */
  get final() {
    return this.status >= 400 && this.status < 500 && ![408, 425, 429].includes(this.status);
  }
}

/** @param {{method?: string, body?: unknown, headers?: Record<string, string>, signal?: AbortSignal, query?: Record<string, unknown>, patience?: number}} [options] */
export async function call(path, options = {}) {
  const { method = 'GET', body, headers = {}, signal, query, patience = LIMIT_MS } = options;
  const url = new URL(path.replace(/^\//, ''), ROOT);
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== null && value !== undefined && value !== '' && value !== false) url.searchParams.set(name, String(value));
  }
  const limit = AbortSignal.timeout(patience);
  const request = { method, headers: { Accept: 'application/json', ...headers }, signal: signal ? AbortSignal.any([signal, limit]) : limit };
  if (method !== 'GET') {
    request.headers['Content-Type'] = 'application/json';
    // Sent also while the page goes away.
    request.keepalive = options.keepalive === true;
    if (body !== undefined) request.body = JSON.stringify(body);
  }
  return told(await send(url, request, signal));
}

async function told(answer) {
  const json = await answer.json().catch(() => null);
  if (answer.ok) return json ?? {};
  const error = json?.error;
  throw new ApiError(answer.status, error?.code ?? json?.code ?? 'unexpected', error?.message ?? json?.message ?? '', json);
}

/** A file of any size: it takes as long as it takes. */
async function upload(path, file) {
  const headers = { Accept: 'application/json', 'Content-Type': 'application/json' };
  return told(await send(new URL(path, ROOT), { method: 'POST', headers, body: file }));
}

/** A form with files: it takes as long as they are large. */
async function sendForm(path, form, key) {
  const headers = { Accept: 'application/json', 'Idempotency-Key': key };
  return told(await send(new URL(path, ROOT), { method: 'PATCH', headers, body: form }));
}

/** Where an export comes from: `kind` is conversations or accounts. */
export function exportHref(kind, what, format) {
  return new URL(`export/${kind}/${encodeURIComponent(what)}?format=${format}`, ROOT).href;
}

async function send(url, request, signal) {
  try {
    return await fetch(url, request);
  } catch (error) {
    if (signal?.aborted) throw new ApiError(0, 'aborted', '');
    throw new ApiError(0, error.name === 'TimeoutError' ? 'timeout' : 'unreachable', error.message);
  }
}

/** What keeps a file away: an ApiError, or null when it comes. One byte of it is asked for. */
export async function mediaTrouble(href) {
  try {
    const answer = await fetch(href, { headers: { Range: 'bytes=0-0' }, signal: AbortSignal.timeout(LIMIT_MS) });
    if (answer.ok) {
      await answer.body?.cancel();
      return null;
    }
    const json = await answer.json().catch(() => null);
    return new ApiError(answer.status, json?.error?.code ?? 'unexpected', json?.error?.message ?? '', json);
  } catch (error) {
    return new ApiError(0, error.name === 'TimeoutError' ? 'timeout' : 'unreachable', error.message);
  }
}

const id = encodeURIComponent;
/** Asked for once, however often it is sent. */
const once = () => ({ 'Idempotency-Key': crypto.randomUUID() });
const numbers = (ids) => ids.map(Number);

export const api = {
  accounts: () => call('accounts'),
  account: (account) => call(`accounts/${id(account)}`),
  addAccount: (body) => call('accounts/add', { method: 'POST', body }),
  changeAccount: (account, body) => call(`accounts/${id(account)}`, { method: 'PATCH', body }),
  restart: (account) => call(`accounts/${id(account)}/restart`, { method: 'POST' }),
  logout: (account) => call(`accounts/${id(account)}/logout`, { method: 'POST' }),
  removeAccount: (account, history) => call(`accounts/${id(account)}`, { method: 'DELETE', query: { history } }),

  testAccountWays: (account, proxies) => call(`accounts/${id(account)}/proxy/test`, { method: 'POST', body: proxies ? { proxies } : {}, patience: TEST_LIMIT_MS }),
  look: (account) => call(`accounts/${id(account)}/mark`, { method: 'POST' }),
  retention: (query) => call('retention', { query }),
  sessions: (account) => call(`accounts/${id(account)}/sessions`),
  endSession: (account, hash) => call(`accounts/${id(account)}/sessions/${id(hash)}`, { method: 'DELETE' }),
  proxies: () => call('proxies'),
  testProxies: (proxies) => call('proxies/test', { method: 'POST', body: proxies ? { proxies } : {}, patience: TEST_LIMIT_MS }),
  importHistory: (account, file) => upload(`accounts/${id(account)}/import`, file),

  login: (account) => call(`accounts/${id(account)}/login`),
  startLogin: (account, body) => call(`accounts/${id(account)}/login`, { method: 'POST', body }),
  sendEmail: (account, email) => call(`accounts/${id(account)}/login/email`, { method: 'POST', body: { email } }),
  sendCode: (account, code) => call(`accounts/${id(account)}/login/code`, { method: 'POST', body: { code } }),
  sendPassword: (account, password) => call(`accounts/${id(account)}/login/password`, { method: 'POST', body: { password } }),
  resendCode: (account) => call(`accounts/${id(account)}/login/resend`, { method: 'POST' }),
  cancelLogin: (account) => call(`accounts/${id(account)}/login`, { method: 'DELETE' }),

  conversations: (query) => call('conversations', { query }),
  conversation: (conversation) => call(`conversations/${id(conversation)}`),
  messages: (conversation, query, signal) => call(`conversations/${id(conversation)}/messages`, { query, signal }),
  reply: (entry) => call(`conversations/${id(entry.conversation_id)}/reply`, {
    method: 'POST',
    headers: { 'Idempotency-Key': entry.key },
    body: {
      text: entry.text, ...(entry.reply_to_message_id ? { reply_to_message_id: entry.reply_to_message_id } : {}), ...(entry.topic_id ? { topic_id: entry.topic_id } : {}),
      ...(entry.entities ? { entities: entry.entities } : {}), ...(entry.quote ? { quote: { text: entry.quote } } : {}), ...(entry.scheduled_for ? { scheduled_for: entry.scheduled_for } : {}),
    },
  }),
  scheduled: (conversation) => call(`conversations/${id(conversation)}/scheduled`),
  saveDraft: (conversation, draft) => call(`conversations/${id(conversation)}/draft`, { method: 'PUT', body: draft }),
  reschedule: (message, body) => call(`messages/${id(message)}/schedule`, { method: 'PATCH', headers: once(), body }),
  sendNow: (message) => call(`messages/${id(message)}/schedule/send`, { method: 'POST', headers: once() }),
  withdraw: (message) => call(`messages/${id(message)}/schedule`, { method: 'DELETE', headers: once() }),
  media: (conversation, query, signal) => call(`conversations/${id(conversation)}/media`, { query, signal }),
  topics: (conversation) => call(`conversations/${id(conversation)}/topics`),
  markRead: (conversation) => call(`conversations/${id(conversation)}/read`, { method: 'POST' }),
  sendTo: (account, recipient, text) => call(`accounts/${id(account)}/send`, { method: 'POST', body: { recipient, text } }),
  contacts: (account, query) => call(`accounts/${id(account)}/contacts`, { query }),
  find: (account, recipient) => call(`accounts/${id(account)}/find`, { method: 'POST', body: { recipient } }),
  join: (account, recipient) => call(`accounts/${id(account)}/join`, { method: 'POST', headers: once(), body: { recipient } }),
  retry: (message) => call(`messages/${id(message)}/retry`, { method: 'POST' }),
  takeBack: (message, force) => call(`messages/${id(message)}`, { method: 'DELETE', query: force ? { force: true } : {} }),
  changeConversation: (conversation, body) => call(`conversations/${id(conversation)}`, { method: 'PATCH', headers: once(), body }),
  reportConversation: (conversation) => call(`conversations/${id(conversation)}/report`, { method: 'POST', headers: once(), body: {} }),
  clearConversation: (conversation, whom) => call(`conversations/${id(conversation)}/clear`, { method: 'POST', headers: once(), body: { for: whom } }),
  typing: (conversation) => call(`conversations/${id(conversation)}/typing`, { method: 'POST' }),
  edit: (message, body) => call(`messages/${id(message)}`, { method: 'PATCH', headers: once(), body }),
  react: (message, emoji) => call(`messages/${id(message)}/reaction`, { method: 'PUT', headers: once(), body: { emoji } }),
  pin: (message, pinned) => call(`messages/${id(message)}/pin`, { method: 'PUT', headers: once(), body: { pinned } }),
  deleteMessages: (messages, whom) => call('messages/delete', { method: 'POST', keepalive: true, headers: once(), body: { message_ids: numbers(messages), for: whom } }),
  // Files for another account are fetched before the answer.
  forward: (messages, conversations, hide, topic) => call('messages/forward', { method: 'POST', headers: once(), patience: FETCH_LIMIT_MS, body: { message_ids: numbers(messages), conversation_ids: numbers(conversations), hide_origin: hide, topic_id: topic } }),
  replaceFile: (message, form, key) => sendForm(`messages/${id(message)}`, form, key),
  retryOrder: (order) => call(`orders/${id(order)}/retry`, { method: 'POST' }),
  dropOrder: (order, force) => call(`orders/${id(order)}`, { method: 'DELETE', query: force ? { force: true } : {} }),
  reveal: (message) => call(`messages/${id(message)}/reveal`, { method: 'POST' }),
  versions: (message) => call(`messages/${id(message)}/versions`),
  search: (query, signal) => call('search', { query, signal }),

  webhooks: () => call('webhooks'),
  makeWebhook: (body) => call('webhooks', { method: 'POST', body }),
  changeWebhook: (webhook, body) => call(`webhooks/${id(webhook)}`, { method: 'PATCH', body }),
  removeWebhook: (webhook) => call(`webhooks/${id(webhook)}`, { method: 'DELETE' }),
  testWebhook: (webhook) => call(`webhooks/${id(webhook)}/test`, { method: 'POST' }),
  tokens: () => call('tokens'),
  makeToken: (body) => call('tokens', { method: 'POST', body }),
  rotateToken: (token) => call(`tokens/${id(token)}/rotate`, { method: 'POST' }),
  revokeToken: (token) => call(`tokens/${id(token)}`, { method: 'DELETE' }),
  audit: (limit) => call('audit', { query: { limit, newest: true } }),
  about: () => call('about'),
  clearFiles: () => call('files', { method: 'DELETE' }),
  nodes: () => call('nodes'),
  drainNode: (node, draining) => call(`nodes/${id(node)}/drain`, { method: 'POST', body: { draining } }),
  alive: () => call('health/live'),
};
