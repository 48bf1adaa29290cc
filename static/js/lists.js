/** Questions about the state: which conversations are listed, in which order, and which queries that takes. Pure. */

/** The key under which the pages of one list query are remembered. */
function pageKey(account, kind, unread) {
  return `${account ?? '*'}|${kind ?? ''}|${unread ? 'unread' : ''}`;
}

const GROUPED_LIMIT = 50;

/** The queries a filter needs: one per chosen account and kind, or one for all. */
export function pageKeysOf(state, filter = state.filter) {
  const chosen = filter.accounts.filter((id) => state.accounts.has(id));
  const split = chosen.length > 0 ? chosen : filter.grouped && state.accounts.size <= GROUPED_LIMIT ? [...state.accounts.keys()] : [];
  const accounts = split.length === 0 ? [null] : split;
  const kinds = filter.kind === null ? [null] : KINDS[filter.kind] ?? [filter.kind];
  return accounts.flatMap((account) => kinds.map((kind) => ({ account, kind, unread: filter.unread, key: pageKey(account, kind, filter.unread) })));
}

export function sortKey(conversation) {
  return conversation.last_message_at ?? '';
}

export function newerFirst(a, b) {
  const [x, y] = [sortKey(a), sortKey(b)];
  if (x !== y) return x < y ? 1 : -1;
  return Number(b.id) - Number(a.id) || (a.id < b.id ? 1 : -1);
}

const KINDS = { private: ['private'], bot: ['bot'], group: ['group', 'supergroup'], channel: ['channel'] };

export function kindMatches(filterKind, kind) {
  return filterKind === null || (KINDS[filterKind] ?? [filterKind]).includes(kind);
}

/** Does a conversation belong in the list? The open one stays although it was just read. */
export function passes(conversation, filter, selected = null) {
  if (filter.accounts.length > 0 && !filter.accounts.includes(conversation.account_id)) return false;
  if (!kindMatches(filter.kind, conversation.kind)) return false;
  // The open one stays in sight while it is put away.
  if (Boolean(conversation.archived) !== Boolean(filter.archived) && conversation.id !== selected) return false;
  return !filter.unread || conversation.unread > 0 || Boolean(conversation.marked_unread) || conversation.id === selected;
}

/**
 * The ids to list, newest first. Rows older than what has been loaded of the query wait until their page comes,
 * so that nothing is inserted between rows already shown.
 */
export function listedIds(state) {
  const boundary = boundaryOf(state);
  const ids = state.order.filter((id) => {
    const conversation = state.conversations.get(id);
    return passes(conversation, state.filter, state.selected) && (boundary === null || sortKey(conversation) >= boundary);
  });
  return state.filter.grouped ? groupByAccount(state, ids) : ids;
}

function boundaryOf(state) {
  let boundary = null;
  for (const { key } of pageKeysOf(state)) {
    const page = state.pages.get(key);
    if (!page || page.done || page.boundary === null) continue;
    if (boundary === null || page.boundary > boundary) boundary = page.boundary;
  }
  return boundary;
}

function groupByAccount(state, ids) {
  const rank = new Map([...state.accounts.keys()].map((id, n) => [id, n]));
  const place = (id) => rank.get(state.conversations.get(id).account_id) ?? rank.size;
  return ids.map((id, n) => [place(id), n, id]).sort((a, b) => a[0] - b[0] || a[1] - b[1]).map(([, , id]) => id);
}

export function totalUnread(state) {
  let total = 0;
  for (const account of state.accounts.values()) total += account.unread ?? 0;
  return total;
}

/** Accounts' unread totals follow their conversations; a conversation seen for the first time makes them uncertain. */
export function countUnread(before, after, ids) {
  const changes = new Map();
  let stale = after.staleAccounts;
  for (const id of ids) {
    const known = before.conversations.get(id);
    const conversation = after.conversations.get(id);
    if (!known) stale = true;
    const change = (conversation.unread ?? 0) - (known?.unread ?? 0);
    if (change !== 0 && known) changes.set(conversation.account_id, (changes.get(conversation.account_id) ?? 0) + change);
  }
  if (changes.size === 0) return stale === after.staleAccounts ? after : { ...after, staleAccounts: stale };
  const accounts = new Map(after.accounts);
  for (const [id, change] of changes) {
    const account = accounts.get(id);
    if (account) accounts.set(id, { ...account, unread: Math.max(0, (account.unread ?? 0) + change) });
  }
  return { ...after, accounts, staleAccounts: stale };
}
