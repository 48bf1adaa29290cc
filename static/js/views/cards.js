/** What is told in words where Telegram's apps draw it: polls, places, contacts, invoices, lists and the rest. */

import { ROOT } from '../api.js';
import { el, icon } from '../dom.js';
import { duration, moment, number, percent } from '../format.js';
import { placeOf, servedAt, shareOf } from '../media.js';
import { safeLink } from '../rich.js';
import { cleanName, cleanText, safeImage } from '../text.js';
import { addressOf, mediaIcon, mediaName, money } from '../words.js';

const MAKERS = { poll, location: place, contact, dice, invoice, giveaway, web_page: page, todo, game, story, paid_media: paid };

/** @param {import('../main.js').App} app @param {import('../types.js').Message} message */
export function cardOf(app, message) {
  const make = MAKERS[message.media.kind];
  const known = make?.(app, message.media);
  if (known) return known;
  const conversation = app.state.conversations.get(message.conversation_id);
  const href = conversation ? addressOf(conversation, message) : null;
  return plain(app, message.media, [href ? el('a', { class: 'small', href, rel: 'noopener noreferrer', target: '_blank', text: app.t('details.telegram') }) : '']);
}

/** Icon, title, and lines under it. */
function plain(app, media, lines, title = mediaName(app.words, media)) {
  const texts = lines.filter(Boolean).map((line) => (typeof line === 'string' ? el('div', { class: 'small quiet', dir: 'auto', text: line }) : line));
  const other = media.kind === 'other' || media.kind === 'live_stream' ? el('div', { class: 'small quiet', text: app.t('media.elsewhere') }) : null;
  return el('div', { class: 'content-card', 'data-kind': media.kind }, el('span', { class: 'kind' }, icon(mediaIcon(media))), el('div', { class: 'what' }, el('div', { class: 'card-title', dir: 'auto', text: title }), ...texts, other));
}

function poll(app, media) {
  const { poll: it } = media;
  if (!it) return null;
  const { t, lang } = app;
  const kind = [t(it.quiz ? 'poll.quiz' : it.anonymous ? 'poll.anonymous' : 'poll.public'), it.multiple ? t('poll.multiple') : '', it.closed ? t('poll.closed') : ''].filter(Boolean).join(' · ');
  const total = Number.isFinite(it.voters) ? it.voters : null;
  const options = it.options.map((option) => {
    const share = shareOf(option.votes, total);
    const marks = [option.mine ? t('poll.mine') : '', option.correct === true ? t('poll.right') : option.correct === false && option.mine ? t('poll.wrong') : ''].filter(Boolean).join(', ');
    const told = Number.isFinite(option.votes);
    const meter = el('span', { class: 'poll-bar', 'aria-hidden': 'true' });
    meter.style.setProperty('--share', `${Math.round(share * 100)}%`);
    return el('li', { class: option.mine ? 'mine' : null },
      el('span', { class: 'poll-line' }, el('span', { dir: 'auto', text: cleanText(option.text) }), el('span', { class: 'small quiet', text: told && total ? t('poll.votes', { n: option.votes, percent: percent(lang, share) }) : '' })),
      told ? meter : null, marks ? el('span', { class: 'small poll-mark' }, icon('check', 'small'), marks) : null);
  });
  const foot = total === null ? t('poll.hidden') : t('poll.voters', { n: total });
  const closes = it.closes_at && !it.closed ? t('poll.closes', { time: moment(lang, it.closes_at) }) : '';
  return el('div', { class: 'poll' }, el('div', { class: 'small quiet', text: kind }), el('div', { class: 'card-title', dir: 'auto', text: cleanText(it.question) }), el('ul', {}, ...options),
    el('div', { class: 'small quiet', text: [foot, closes].filter(Boolean).join(' · ') }), it.explanation ? el('div', { class: 'small', dir: 'auto', text: cleanText(it.explanation) }) : null);
}

function place(app, media) {
  const { location: it } = media;
  const where = it && placeOf(it);
  if (!where) return null;
  const { t, lang } = app;
  const live = Number.isFinite(it.live_for) ? t('place.live', { time: duration(lang, it.live_for) }) : '';
  const near = it.accuracy > 0 ? t('place.accuracy', { n: it.accuracy }) : '';
  const link = el('a', { href: where.href, rel: 'noopener noreferrer', target: '_blank', class: 'small' }, t('place.map'));
  const title = cleanName(it.title) || mediaName(app.words, media);
  return plain(app, media, [it.address ? cleanText(it.address) : '', el('div', { class: 'small quiet' }, el('bdi', { dir: 'ltr', text: where.text }), near ? ` · ${near}` : ''), live, link], title);
}

function contact(app, media) {
  const { contact: it } = media;
  if (!it) return null;
  const { t } = app;
  const name = cleanName(`${it.first_name ?? ''} ${it.last_name ?? ''}`) || t('unnamed');
  const digits = String(it.phone ?? '').replace(/[^\d+]/g, '');
  const phone = digits ? el('div', { class: 'small' }, el('a', { href: `tel:${digits.startsWith('+') ? '' : '+'}${digits}`, rel: 'noopener noreferrer', dir: 'ltr', text: `${digits.startsWith('+') ? '' : '+'}${digits}` })) : null;
  const chat = it.user_id ? el('div', { class: 'small' }, el('a', { href: `tg://user?id=${encodeURIComponent(it.user_id)}`, rel: 'noopener noreferrer', text: t('details.telegram') })) : t('contact.absent');
  return plain(app, media, [phone, chat], name);
}

function dice(app, media) {
  const { dice: it } = media;
  if (!it) return null;
  const { t } = app;
  return el('div', { class: 'content-card' }, el('span', { class: 'dice', 'aria-hidden': 'true', text: cleanName(it.emoji) }), el('div', { class: 'what' }, el('div', { class: 'card-title', text: mediaName(app.words, media) }), el('div', { class: 'small quiet', text: it.value > 0 ? t('dice.value', { n: it.value }) : t('dice.waits') })));
}

function invoice(app, media) {
  const { invoice: it } = media;
  if (!it) return null;
  const { t, lang } = app;
  const state = [t(it.paid ? 'invoice.paid' : 'invoice.open'), it.test ? t('invoice.test') : ''].filter(Boolean).join(' · ');
  return plain(app, media, [it.description ? cleanText(it.description) : '', el('div', { class: 'amount', text: money(app.words, it.amount, it.currency, lang) }), state], cleanText(it.title));
}

function giveaway(app, media) {
  const { giveaway: it } = media;
  if (!it) return null;
  const { t, lang } = app;
  const prize = it.prize ? cleanText(it.prize) : it.stars ? money(app.words, it.stars, 'XTR', lang) : it.months ? t('giveaway.months', { n: it.months }) : '';
  const end = it.until ? t(it.finished ? 'giveaway.ended' : 'giveaway.until', { time: moment(lang, it.until) }) : '';
  return plain(app, media, [t('giveaway.winners', { n: it.winners }), prize, end]);
}

function page(app, media) {
  const { page: it } = media;
  if (!it) return null;
  const href = safeLink(it.url);
  const image = servedAt(media.thumb_url, ROOT) ?? safeImage(media.thumb);
  const site = cleanName(it.site) || (href ? new URL(href).host : '');
  if (it.pending) return plain(app, media, [app.t('page.pending')], site || mediaName(app.words, media));
  const title = cleanText(it.title) || site || mediaName(app.words, media);
  const shown = href ? el('a', { class: 'card-title', dir: 'auto', href, title: href, rel: 'noopener noreferrer', target: '_blank', text: title }) : el('span', { class: 'card-title', dir: 'auto', text: title });
  return el('div', { class: 'content-card page' }, el('div', { class: 'what' }, el('div', { class: 'small quiet', dir: 'auto', text: [site, cleanName(it.author)].filter(Boolean).join(' · ') }), shown, it.description ? el('div', { class: 'small page-text', dir: 'auto', text: cleanText(it.description) }) : null),
    image ? el('img', { class: 'page-picture', src: image, alt: '', width: 64, height: 64, loading: 'lazy', on: { error: (event) => event.target.remove() } }) : null);
}

function todo(app, media) {
  const { todo: it } = media;
  if (!it) return null;
  const { t, lang } = app;
  const done = it.items.filter((item) => item.done_at || item.done_by).length;
  const items = it.items.map((item) => {
    const ticked = Boolean(item.done_at || item.done_by);
    const who = [cleanName(item.done_by?.name), item.done_at ? moment(lang, item.done_at) : ''].filter(Boolean).join(', ');
    return el('li', { class: ticked ? 'done' : null }, icon(ticked ? 'check' : 'circle', 'small'), el('span', {}, el('span', { class: 'unseen', text: `${t(ticked ? 'todo.done' : 'todo.open')}: ` }), el('span', { dir: 'auto', text: cleanText(item.text) }), who ? el('span', { class: 'small quiet', text: ` ${who}` }) : null));
  });
  return el('div', { class: 'todo' }, el('div', { class: 'card-title', dir: 'auto', text: cleanText(it.title) }), el('ul', {}, ...items), el('div', { class: 'small quiet', text: t('todo.count', { n: it.items.length, done: number(lang, done) }) }));
}

function game(app, media) {
  const { game: it } = media;
  return it ? plain(app, media, [it.description ? cleanText(it.description) : '', app.t('media.elsewhere')], cleanText(it.title)) : null;
}

function story(app, media) {
  const { story: it } = media;
  return it ? plain(app, media, [it.mention ? app.t('story.mention') : '', it.text ? cleanText(it.text) : '', app.t('media.elsewhere')]) : null;
}

/** What is sold inside: of what is not bought there is only a preview. */
function paid(app, media) {
  const { paid: it } = media;
  if (!it) return null;
  const { t, lang } = app;
  const kinds = it.items.map((item) => mediaName(app.words, item)).join(', ');
  const tiny = it.items.map((item) => safeImage(item.thumb)).filter(Boolean).slice(0, 4).map((src) => el('img', { class: 'page-picture', src, alt: '', width: 64, height: 64 }));
  const row = tiny.length > 0 ? el('div', { class: 'paid-row' }, ...tiny) : null;
  return plain(app, media, [kinds, money(app.words, it.stars, 'XTR', lang), t(it.bought ? 'paid.bought' : 'paid.closed'), row]);
}
