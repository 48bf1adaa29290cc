/** Sentences made of data: what state an account is in, what a media message holds, why something failed. */

import { about, countdown, duration, fileSize, number } from './format.js';
import { cleanName, cleanText, oneLine } from './text.js';

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

/** "Reconnecting in 4 sec: connection reset by peer". */
export function stateText({ t, lang }, account, now) {
  const left = account.retry_at ? Date.parse(account.retry_at) - now : null;
  const reason = account.state_reason ? cleanText(account.state_reason) : '';
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

const MEDIA_ICONS = { photo: 'photo', video: 'video', video_note: 'video', animation: 'video', voice: 'voice', audio: 'audio', sticker: 'sticker', location: 'place', contact: 'person', poll: 'poll', web_page: 'link' };

export function mediaIcon(media) {
  return MEDIA_ICONS[media.kind] ?? 'file';
}

export function mediaName({ t, has }, media) {
  const key = `media.${media.kind}`;
  return has(key) ? t(key) : t('media.other');
}

/** "report.pdf · 1.2 MB · 0:12" */
export function mediaFacts({ lang }, media) {
  const facts = [];
  if (media.name) facts.push(cleanName(media.name));
  if (Number.isFinite(media.duration)) facts.push(duration(lang, media.duration));
  if (Number.isFinite(media.size)) facts.push(fileSize(lang, media.size));
  return facts.join(' · ');
}

/** "Contact one changed the photo": what happened, with its subject. */
export function serviceText({ t }, message) {
  const who = message.direction === 'outgoing' ? t('you') : cleanName(message.sender?.name);
  const what = oneLine(message.service, 400);
  return who ? `\u2068${who}\u2069 ${what}` : what;
}

/** What a message says in one line. */
export function previewOf(words, message) {
  if (message.deleted_at) return words.t('message.deleted');
  if (message.service) return serviceText(words, message);
  const text = oneLine(message.text);
  if (!message.media) return text;
  const media = mediaName(words, message.media);
  return text ? `${media}: ${text}` : media;
}

/** A reply that still goes on, and that Telegram may have: whoever takes it back is told so first. */
export function mayHaveArrived(message) {
  return message.delivery === 'in_flight' || message.delivery === 'unanswered';
}

/** Why a reply is not sent yet, when there is more to say than that it is on its way. */
export function waitingText({ t, lang }, message, now) {
  if (message.status !== 'pending') return null;
  const left = message.retry_at ? Date.parse(message.retry_at) - now : 0;
  if (message.delivery === 'unanswered') return left > 0 ? t('message.unanswered', { time: countdown(lang, left) }) : t('message.unanswered.now');
  return left > 0 ? t('message.waits', { time: countdown(lang, left) }) : null;
}

/** Trouble in words. A code we have words for, else what the service said, else that it failed. */
export function explain({ t, has }, error, params = {}) {
  const key = `error.${error.code}`;
  if (has(key)) return t(key, params);
  return error.message ? cleanText(error.message) : t('error.unexpected');
}
