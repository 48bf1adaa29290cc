// Times, sizes and counts as people read them.
import test from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { about, badge, clock, countdown, dayKey, dayLine, daysBetween, duration, fileSize, listTime, percent } from '../../static/js/format.js';
import { bannerOf } from '../../static/js/views/banner.js';
import { historyText, mayHaveArrived, stateText, waitingText } from '../../static/js/words.js';
import { codeFrom } from '../../static/js/views/fields.js';
import { Words } from '../../static/js/i18n.js';
import { initialState, reduce } from '../../static/js/state.js';

const at = (text) => new Date(text);

test('a countdown is in seconds below a minute, then a clock, and never negative', () => {
  assert.equal(countdown('en', 3200), '4 sec');
  assert.equal(countdown('en', -5000), '0 sec');
  assert.equal(countdown('en', 750_000), '12:30');
  assert.equal(countdown('en', 7_500_000), '2:05:00');
  assert.equal(duration('en', 7), '0:07');
});

test('a long wait is told in its largest unit', () => {
  const told = [0, 59, 119, 121, 7_199, 7_201, 172_799, 172_801, 864_000].map((seconds) => about('en', seconds));
  assert.deepEqual(told, ['0 min', '1 min', '2 min', '3 min', '120 min', '3 hr', '48 hr', '3 days', '10 days']);
});

// Protects: whoever waits for a whole history sees its end, and that it has come.
test('a history says how much of it is here', () => {
  const words = { t: (key, with_) => `${key} ${with_.done}/${with_.total} ${with_.time ?? ''}`.trim(), lang: 'en' };
  assert.equal(historyText(words, null), '');
  assert.equal(historyText(words, { done: 1200, total: 50_000, eta_s: 4000 }), 'account.history.part 1,200/50,000 67 min');
  assert.equal(historyText(words, { done: 50_000, total: 50_000, eta_s: 0 }), 'account.history.whole 50,000/50,000');
});

test('the time of a row is the clock today, then the weekday, then the date', () => {
  const now = at('2026-03-20T15:00:00');
  const iso = (text) => at(text).toISOString();
  assert.match(listTime('en-GB', iso('2026-03-20T09:05:00'), now), /^09:05$/);
  assert.equal(listTime('en', iso('2026-03-18T09:05:00'), now), 'Wed');
  assert.equal(listTime('en', iso('2026-01-02T09:05:00'), now), 'Jan 2');
  assert.equal(listTime('en', iso('2024-01-02T09:05:00'), now), '01/02/24');
  assert.equal(listTime('en', null, now), '');
});

// Protects: two messages around midnight stand under two date lines, by the reader's calendar.
test('days are counted by the local calendar, across summer time too', () => {
  assert.equal(daysBetween(at('2026-03-28T23:59:00'), at('2026-03-29T00:01:00')), 1);
  assert.equal(daysBetween(at('2026-10-24T12:00:00'), at('2026-10-26T01:00:00')), 2);
  assert.notEqual(dayKey(at('2026-03-28T23:59:00').toISOString()), dayKey(at('2026-03-29T00:01:00').toISOString()));
  const words = { today: 'Today', yesterday: 'Yesterday' };
  const now = at('2026-03-29T10:00:00');
  assert.equal(dayLine('en', now.toISOString(), now, words), 'Today');
  assert.equal(dayLine('en', at('2026-03-28T23:00:00').toISOString(), now, words), 'Yesterday');
  assert.equal(dayLine('en', at('2026-03-20T23:00:00').toISOString(), now, words), 'Friday, March 20');
  assert.match(dayLine('en', at('2024-03-20T23:00:00').toISOString(), now, words), /2024/);
});

test('badges stay short and sizes get a unit', () => {
  assert.equal(badge('en', 999), '999');
  assert.equal(badge('en', 1234), '1.2K');
  assert.equal(fileSize('en', 999), '999 byte');
  assert.equal(fileSize('en', 1_240_000), '1.2 MB');
  assert.equal(fileSize('en', Number.NaN), '');
  assert.equal(percent('en', 0.37), '37%');
  assert.match(clock('en-GB', at('2026-03-20T09:05:00').toISOString()), /^09:05$/);
});

test('a code is read out of whatever was pasted', () => {
  assert.equal(codeFrom('Login code: 12345. Do not give it away', 5), '12345');
  assert.equal(codeFrom('1-2-3-4-5', 5), '12345');
  assert.equal(codeFrom('١٢٣٤٥', 5), '12345');
  assert.equal(codeFrom('1234567', 5), '12345');
});

// Protects: the one line at the top says the most important thing, and not for a blink of the line.
test('the banner prefers the line to accounts, and accounts to the vault', () => {
  const account = { id: 'a', label: 'Sales', state: 'needs_login' };
  const base = { ...initialState(), accounts: new Map([['a', account]]), vault: { state: 'offline' } };
  const live = (phase, extra = {}) => ({ ...base, live: { phase, retryAt: 9000, attempt: 1, since: 0, brokenAt: 0, ...extra } });
  assert.equal(bannerOf(live('offline'), 5000).key, 'banner.offline');
  assert.equal(bannerOf(live('waiting'), 5000).params.left, 4000);
  assert.equal(bannerOf(live('waiting', { brokenAt: 4900 }), 5000).key, 'banner.needs_login');
  assert.equal(bannerOf(live('connecting'), 5000).key, 'banner.connecting');
  assert.equal(bannerOf(live('open', { attempt: 0 }), 5000).account, 'a');
  assert.equal(bannerOf({ ...live('open', { attempt: 0 }), accounts: new Map() }, 5000).key, 'banner.vault');
  assert.equal(bannerOf({ ...live('open', { attempt: 0 }), accounts: new Map(), vault: null }, 5000), null);
});

// Protects: a vault that is away, and rows that wait for a person, are said in the words that fit.
test('the banner tells what the vault waits for', () => {
  const account = { id: 'a', label: 'Sales', state: 'online' };
  const say = (vault) => bannerOf({ ...initialState(), accounts: new Map([['a', account]]), live: { phase: 'open', retryAt: null, attempt: 0, since: 0 }, vault }, 5000);
  const conflict = (id) => ({ account_id: id, what: 'the label was changed here and in Supabase', settled_here: true });
  const online = (...conflicts) => ({ state: 'online', reason: null, queued: 0, conflicts });
  assert.equal(say(online()), null);
  const away = say({ state: 'offline', reason: 'paused', queued: 2, conflicts: [conflict('a')] });
  assert.deepEqual([away.key, away.params.n, away.vault.reason], ['banner.vault.queued', 2, 'paused']);
  assert.deepEqual([say(online(conflict('a'))).key, say(online(conflict('a'))).account], ['banner.vault.conflict', 'a']);
  assert.deepEqual([say(online(conflict('a'), conflict('b'))).key, say(online(conflict('a'), conflict('b'))).params.n], ['banner.vault.conflicts', 2]);
  assert.equal(say(online(conflict('unknown'))).key, 'banner.vault.row');
});

// Protects: where several services share a database, one that does not reach the vault is named, also where it is not the one that serves
// the page; this one's own is taken as it is told now, not as its row says.
test('the banner names the node that does not reach the vault', () => {
  const live = { phase: 'open', retryAt: null, attempt: 0, since: 0 };
  const vault = (state) => ({ state, reason: state, queued: 0, conflicts: [] });
  const say = (own, ...others) => {
    const nodes = [{ name: 'here', own: true, vault: null }, ...others.map((state, at) => ({ name: `node ${at}`, own: false, vault: state && vault(state) }))];
    const banner = bannerOf({ ...initialState(), live, vault: vault(own), nodes }, 5000);
    return banner && [banner.key, banner.params.nodes ?? null, banner.vault.reason];
  };
  assert.equal(say('online', 'online', null), null);
  assert.deepEqual(say('online', 'online', 'offline'), ['banner.vault.nodes', ['node 1'], 'offline']);
  assert.deepEqual(say('offline', 'online', 'offline'), ['banner.vault.nodes', ['here', 'node 1'], 'offline']);
  assert.deepEqual(say('offline', 'offline'), ['banner.vault', null, 'offline']);
  assert.deepEqual(say('offline'), ['banner.vault', null, 'offline']);
  const state = { ...initialState(), nodes: [{ name: 'a', own: true, vault: null }] };
  assert.equal(reduce(state, { type: 'nodes_seen', nodes: [{ name: 'a', own: true, vault: null }] }), state);
});

test('the state of an account says why and for how long', () => {
  const t = (key, params = {}) => `${key}${params.time ? `(${params.time})` : ''}${params.reason ? `[${params.state}: ${params.reason}]` : ''}`;
  const words = { t, lang: 'en', has: () => false };
  const now = Date.parse('2026-03-20T10:00:00Z');
  const state = (more) => stateText(words, { state: 'reconnecting', state_reason: null, retry_at: null, ...more }, now);
  assert.equal(state({ retry_at: '2026-03-20T10:00:04Z' }), 'state.reconnecting.in(4 sec)');
  assert.equal(state({ retry_at: '2026-03-20T09:00:00Z' }), 'state.reconnecting');
  assert.equal(state({ state_reason: 'connection reset' }), 'state.because[state.reconnecting: connection reset]');
});

// Protects who reads another language: a reason is said from its code, with what belongs to it and what lies behind it.
test('the reason of a state is read in the language of the page', () => {
  for (const [lang, told, refused, left] of [['en', 'no longer answers', 'the proxy refuses the login', '30 sec'], ['ru', 'больше не отвечает', 'прокси', '30 с'], ['ar', 'لم يعد الخط يجيب', 'الوكيل', '٣٠|30']]) {
    const words = new Words(lang, JSON.parse(readFileSync(new URL(`../../static/i18n/${lang}.json`, import.meta.url), 'utf8')));
    const say = (code, params) => stateText(words, { state: 'reconnecting', state_reason: 'in English', state_code: code, state_params: params, retry_at: null }, 0);
    const ping = say('ping_failed', { cause: { code: 'no_answer' } });
    assert.match(ping, new RegExp(told));
    assert.ok(ping.includes(words.t('reason.no_answer')), ping);
    const ways = [{ proxy: { kind: 'socks5', host: '127.0.0.1:1080' }, error: 'proxy_login_refused', words: 'in English' }];
    const none = say('no_way', { ways });
    assert.match(none, new RegExp(refused));
    assert.ok(none.includes('socks5://127.0.0.1:1080'), none);
    assert.match(say('flood_wait', { seconds: 30, holds: 'sending' }), new RegExp(left));
    assert.ok(say('network', { kind: 'reset', detail: 'os error 104' }).includes(words.t('reason.network.reset')));
    for (const said of [ping, none]) assert.ok(!said.includes('English') && !said.includes('{'), said);
    assert.ok(say('of_a_later_version', {}).includes('in English'));
  }
});

// Protects the person who waits: what Telegram asked for and what it never answered are two things, and only one may be there already.
test('a reply that waits says whether it may have arrived', () => {
  const words = { lang: 'en', has: (key) => key === 'message.waits.pace_strangers', t: (key, params) => (params?.time ? `${key}(${params.time})` : key) };
  const now = Date.parse('2026-03-20T10:00:00Z');
  const reply = (more) => ({ status: 'pending', delivery: 'queued', retry_at: null, ...more });
  const later = '2026-03-20T10:00:04Z';
  for (const [more, text, forced] of [
    [{}, null, false],
    [{ retry_at: later }, 'message.waits(4 sec)', false],
    [{ retry_at: later, waits_for: 'flood_wait' }, 'message.waits(4 sec)', false],
    [{ retry_at: later, waits_for: 'pace_strangers' }, 'message.waits.pace_strangers(4 sec)', false],
    [{ delivery: 'in_flight' }, null, true],
    [{ delivery: 'unanswered', retry_at: later }, 'message.unanswered(4 sec)', true],
    [{ delivery: 'unanswered' }, 'message.unanswered.now', true],
    [{ status: 'failed', delivery: 'given_up' }, null, false],
    [{ status: 'sent', delivery: null }, null, false],
  ]) {
    assert.equal(waitingText(words, reply(more), now), text, JSON.stringify(more));
    assert.equal(mayHaveArrived(reply(more)), forced, JSON.stringify(more));
  }
});
