/** Sentences made of data: what state an account is in, what a media message holds, why something failed. */

import { about, countdown, duration, fileSize, moment, number } from './format.js';
import { cleanName, cleanText, oneLine, safeHref } from './text.js';

const RINGS = {
  online: 'full', connecting: 'turning', signing_in: 'turning', reconnecting: 'broken', limited: 'broken', stopped: 'grey', signed_out: 'grey',
  needs_login: 'bad', banned: 'bad', failed: 'bad',
};

export function ringOf(account) {
  return RINGS[account.state] ?? 'grey';
}

/** A person has to act before this account works again. */
export function needsPerson(account) {
  return account.state === 'needs_login' || account.state === 'banned' || account.state === 'failed';
}

/** Replies are accepted (and wait when it is offline for now). */
export function canSend(account) {
  return account && !['needs_login', 'banned', 'stopped', 'signed_out', 'signing_in', 'failed'].includes(account.state);
}

export function colourOf(account, hueOf) {
  return Number.isInteger(account.colour) && account.colour >= 0 && account.colour < 12 ? account.colour : hueOf(account.id);
}

/** Why, in the page's language, by its code; by what the service says in English where the page is older than the code. */
export function reasonText(words, code, params, said = null) {
  const { t, has, lang } = words;
  const more = params ?? {};
  const key = [`reason.${code}.${more.kind ?? more.holds}`, `reason.${code}`].find((one) => code && has(one));
  if (!key) return said ? cleanText(said) : '';
  const technical = (text) => (text ? `\u2068${cleanText(String(text))}\u2069` : '');
  const way = ({ proxy, error, words: told }) => `${technical(`${proxy.kind}://${proxy.host}`)}: ${has(`way.error.${error}`) ? t(`way.error.${error}`) : cleanText(told)}`;
  return t(key, {
    time: Number.isFinite(more.seconds) ? countdown(lang, more.seconds * 1000) : '',
    detail: more.fault ? faultText(words, `store.fault.${more.fault.code}`, more.fault, more.detail) : technical(more.detail),
    error: technical(more.error),
    cause: more.cause ? reasonText(words, more.cause.code, more.cause) : '',
    ways: (more.ways ?? []).map(way).join('; '),
  });
}

/** Why the vault, or a webhook, does not work, by its key; as the service says it where the page is older than the code. */
export function faultText({ t, has }, key, params, said) {
  if (!has(key)) return said ? cleanText(said) : '';
  const technical = (text) => (text ? `\u2068${cleanText(String(text))}\u2069` : '');
  const { detail = '', address = '', ...more } = params ?? {};
  const told = t(key, { ...more, address: technical(address) });
  return detail ? `${told} (${technical(detail)})` : told;
}

/** What stands between an account here and its row in Supabase. */
export function disputeText({ t, has }, conflict) {
  const known = (conflict.codes ?? []).map((code) => `dispute.${code}`).filter((key) => has(key));
  return known.length > 0 ? known.map((key) => t(key)).join(' ') : cleanText(conflict.what);
}

/** Why an account is in its state. */
export function stateReason(words, account) {
  return reasonText(words, account.state_code, account.state_params, account.state_reason);
}

/** "Reconnecting in 4 sec: the connection was broken off". */
export function stateText(words, account, now) {
  const { t, lang } = words;
  const left = account.retry_at ? Date.parse(account.retry_at) - now : null;
  const reason = stateReason(words, account);
  const waiting = left !== null && left > 0 && ['reconnecting', 'limited', 'failed'].includes(account.state);
  const state = waiting ? t(`state.${account.state}.in`, { time: countdown(lang, left) }) : t(`state.${account.state}`);
  return reason ? t('state.because', { state, reason }) : state;
}

/** How much of an account's history is here, and how long the rest takes. */
export function historyText({ t, lang }, history) {
  if (!history) return '';
  const counts = { n: history.total, done: number(lang, history.done), total: number(lang, history.total) };
  return history.eta_s > 0 ? t('account.history.part', { ...counts, time: about(lang, history.eta_s) }) : t('account.history.whole', counts);
}

/** How a conversation is called where it has no name of its own. */
export function titleOf(conversation, t) {
  return cleanName(conversation.title) || (conversation.username ? `@${conversation.username}` : t('unnamed'));
}

/** Where Telegram's own apps open a conversation, or one message of it: by name, or, for members, by number. */
export function addressOf(conversation, message = null) {
  const number = message?.message_id && /^\d+$/.test(message.message_id) ? `/${message.message_id}` : '';
  const shared = ['supergroup', 'channel'].includes(conversation.kind);
  if (conversation.username) return safeHref(`https://t.me/${encodeURIComponent(conversation.username)}${shared ? number : ''}`);
  const match = /^-100(\d+)$/.exec(String(conversation.chat_id));
  return match ? `https://t.me/c/${match[1]}${number}` : null;
}

const MEDIA_ICONS = { photo: 'photo', video: 'video', video_note: 'video', animation: 'video', voice: 'voice', audio: 'audio', sticker: 'sticker', location: 'place', contact: 'person', poll: 'poll', web_page: 'link', todo: 'check', game: 'poll', story: 'photo', paid_media: 'photo', live_stream: 'video' };

export function mediaIcon(media) {
  return MEDIA_ICONS[media.kind] ?? 'file';
}

export function mediaName({ t, has }, media) {
  const key = `media.${media.kind}`;
  return has(key) ? t(key) : t('media.other');
}

const TITLED = new Set(['document', 'audio', 'contact', 'poll', 'todo', 'invoice', 'game', 'location']);

/** In a list: "Poll “When?”", "File “report.pdf”", "Sticker 🎉", else its kind alone. */
export function mediaTitle(words, media) {
  const kind = mediaName(words, media);
  const emoji = media.kind === 'sticker' ? cleanName(media.sticker?.emoji ?? media.name) : media.kind === 'dice' ? cleanName(media.dice?.emoji) : '';
  if (emoji) return `${kind} ${emoji}`;
  const name = TITLED.has(media.kind) ? oneLine(media.name, 60) : '';
  if (name) return words.t('media.titled', { kind, name });
  return media.kind === 'voice' && Number.isFinite(media.duration) ? `${kind} ${duration(words.lang, media.duration)}` : kind;
}

/** "report.pdf · 1.2 MB · 0:12" */
export function mediaFacts({ lang }, media) {
  const facts = [];
  if (media.name) facts.push(cleanName(media.name));
  if (Number.isFinite(media.duration)) facts.push(duration(lang, media.duration));
  if (Number.isFinite(media.size)) facts.push(fileSize(lang, media.size));
  return facts.join(' · ');
}

/** An amount in its currency's smallest unit; Telegram's own stars in words. */
export function money({ t }, amount, currency, lang) {
  const value = Number(amount);
  if (!Number.isFinite(value)) return '';
  if (currency === 'XTR') return t('money.stars', { n: value });
  if (currency === 'TON') return `${number(lang, value / 1e9)} TON`;
  try {
    const format = new Intl.NumberFormat(lang, { style: 'currency', currency });
    return format.format(value / 10 ** format.resolvedOptions().maximumFractionDigits);
  } catch {
    return `${number(lang, value)} ${cleanName(currency)}`;
  }
}

const SECONDS = new Set(['phone_call', 'group_call', 'conference_call', 'set_messages_ttl']);
const MOMENTS = new Set(['group_call_scheduled']);

/** What a value of a service message says, by what it is. */
function valueText(words, { kind, value, currency }) {
  const { lang } = words;
  if (value === undefined || value === null) return '';
  if (currency) return money(words, value, currency, lang);
  if (SECONDS.has(kind)) return kind === 'set_messages_ttl' ? (Number(value) > 0 ? about(lang, Number(value)) : '') : duration(lang, Number(value));
  if (MOMENTS.has(kind)) return Number.isNaN(Date.parse(value)) ? cleanName(value) : moment(lang, value);
  return cleanName(value);
}

/** What happened, in the page's language: from its data where there are words for it, else as the service said it. */
export function actionText(words, message) {
  const { t, has } = words;
  const { action } = message;
  if (!action) return null;
  const value = valueText(words, action);
  const names = (action.whom ?? []).map((one) => cleanName(one.name) || t('unnamed'));
  const self = names.length === 1 && action.whom[0].id === action.who?.id;
  const forms = [self && `action.${action.kind}.self`, names.length === 0 && value === '' && `action.${action.kind}.bare`, value === '' && `action.${action.kind}.novalue`, `action.${action.kind}`];
  const key = forms.find((one) => one && has(one));
  if (!key) return null;
  const who = message.direction === 'outgoing' ? t('you') : cleanName(action.who?.name) || cleanName(message.sender?.name) || t('someone');
  return t(key, { who, whom: names.join(', ') || t('someone'), value: value || '…', n: Number(action.value) || 0 });
}

/** "Contact one changed the photo": what happened, with its subject. */
export function serviceText(words, message) {
  const told = actionText(words, message);
  if (told) return oneLine(told, 400);
  const { t } = words;
  const who = message.direction === 'outgoing' ? t('you') : cleanName(message.sender?.name);
  const what = oneLine(message.service, 400);
  return who ? `\u2068${who}\u2069 ${what}` : what;
}

/** What is covered in the message is covered in a list and a notification too. */
function withoutSpoilers({ text, entities }) {
  const covers = (entities ?? []).filter((one) => one.type === 'spoiler' && one.offset >= 0 && one.length > 0);
  if (covers.length === 0 || !text) return text;
  const units = text.split('');
  for (const { offset, length } of covers) units.fill('▒', offset, offset + length);
  return units.join('');
}

/** What a message says in one line. */
export function previewOf(words, message) {
  if (message.deleted_at) return words.t('message.deleted');
  if (message.service) return serviceText(words, message);
  const text = oneLine(withoutSpoilers(message));
  if (!message.media) return text;
  const media = mediaTitle(words, message.media);
  return text ? `${media}: ${text}` : media;
}

/** A reply that still goes on, and that Telegram may have: whoever takes it back is told so first. */
export function mayHaveArrived(message) {
  return message.delivery === 'in_flight' || message.delivery === 'unanswered';
}

/** Why a reply is not sent yet, when there is more to say than that it is on its way. */
export function waitingText({ t, has, lang }, message, now) {
  if (message.status !== 'pending') return null;
  const left = message.retry_at ? Date.parse(message.retry_at) - now : 0;
  if (message.delivery === 'unanswered') return left > 0 ? t('message.unanswered', { time: countdown(lang, left) }) : t('message.unanswered.now');
  const why = `message.waits.${message.waits_for}`;
  return left > 0 ? t(has(why) ? why : 'message.waits', { time: countdown(lang, left) }) : null;
}

/** Where a code went, with what Telegram says of it. */
export function codeWay({ t, has }, login) {
  const key = `signin.via.${login.code_via}`;
  const hint = login.code_hint ? cleanText(login.code_hint) : '';
  return t(hint && has(`${key}.hint`) ? `${key}.hint` : has(key) ? key : 'signin.via.other', { hint: `\u2068${hint}\u2069` });
}

/** A code that is no number. */
export const isWords = (login) => login.code_via === 'sms_word' || login.code_via === 'sms_phrase';

/** What somebody can do who has forgotten the password. */
export function forgottenText({ t, lang }, recovery, resetAt) {
  if (resetAt) return t('signin.password.reset', { when: moment(lang, resetAt) });
  return t(recovery ? 'signin.password.recovery' : 'signin.password.norecovery');
}

/** Trouble in words. A code we have words for, else what the service said, else that it failed. */
export function explain(words, error, params = {}) {
  const { t, has, lang } = words;
  // Telegram's own numbers stand at the end of its words.
  const numbered = /^([A-Z_]+)_(\d+)$/.exec(error.code ?? '');
  if (numbered && has(`error.${numbered[1]}.n`)) return t(`error.${numbered[1]}.n`, { n: Number(numbered[2]) });
  const key = `error.${error.code}`;
  const more = error.body?.error?.params ?? {};
  // How long to wait, and what it would cost, where that is known.
  if (Number.isFinite(more.seconds) && has(`${key}.time`)) return t(`${key}.time`, { time: about(lang, more.seconds) });
  if (Number.isFinite(more.amount) && has(`${key}.price`)) return t(`${key}.price`, { price: money(words, more.amount, more.currency, lang) });
  if (has(`${key}.${more.reason}`)) return t(`${key}.${more.reason}`, { ...more, ...params });
  if (has(key)) return t(key, { ...more, ...params });
  return error.message ? cleanText(error.message) : t('error.unexpected');
}
