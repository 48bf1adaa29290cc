/** What stands around a message's words: whence it came, notes, buttons, reactions. */

import { el, icon } from '../dom.js';
import { about, duration, moment, number } from '../format.js';
import { offers } from '../offers.js';
import { safeLink } from '../rich.js';
import { cleanName, cleanText } from '../text.js';
import { money } from '../words.js';

/** Over the text: its topic in a forum, from whom it was forwarded. @param {import('../main.js').App} app @param {boolean|object[]} topics the forum's, where they are to be named */
export function originOf(app, message, topics) {
  const { t, lang } = app;
  const lines = [];
  if (topics) lines.push(el('div', { class: 'topic one-line' }, el('bdi', { text: cleanName(titleOf(message, topics)) || (message.topic ? t('topic.unnamed') : t('topic.general')) })));
  const from = message.forwarded_from;
  if (from) {
    const name = cleanName(from.name) || t('message.hidden');
    lines.push(el('div', { class: 'small quiet', dir: 'auto', title: from.date ? moment(lang, from.date) : null, text: t('message.forwarded', { name }) }));
    if (from.date) lines.push(el('div', { class: 'small quiet', text: t('message.forwarded.at', { time: moment(lang, from.date) }) }));
  }
  if (message.details?.via_bot) lines.push(el('div', { class: 'small quiet', text: t('message.via', { name: cleanName(message.details.via_bot.name) || t('kind.bot') }) }));
  return lines;
}

/** A message may have come before its topic's title was known. */
function titleOf(message, topics) {
  const known = Array.isArray(topics) ? topics.find((one) => String(one.id) === String(message.topic?.id)) : null;
  return message.topic?.title || known?.title;
}

/** Under the text, in words: what is special about it. */
export function notesOf(app, message) {
  const { t, lang, words } = app;
  const details = message.details ?? {};
  const notes = [
    details.business_bot && t('message.bot', { name: cleanName(details.business_bot.name) || t('kind.bot') }),
    details.automatic && t('message.automatic'),
    details.paid_stars && t('message.paid', { amount: money(words, details.paid_stars, 'XTR', lang) }),
    details.protected && t('message.protected'),
    details.deletes_after && t('message.deletes', { time: details.deletes_after < 120 ? duration(lang, details.deletes_after) : about(lang, details.deletes_after) }),
    details.partial && t('message.partial'),
    details.suggested_post && ['waiting', 'accepted', 'rejected'].includes(details.suggested_post) && t(`suggested.${details.suggested_post}`),
    details.fact_check && t('message.checked', { text: cleanText(details.fact_check) }),
    details.restricted && t('message.restricted', { text: cleanText(details.restricted) }),
    details.replies > 0 && t('message.replies', { n: details.replies }),
  ].filter(Boolean);
  if (notes.length === 0) return null;
  return el('div', { class: 'notes' }, ...notes.map((text) => el('div', { dir: 'auto', text })));
}

/** A bot's buttons. Addresses are links; what only Telegram's apps can do says so. */
export function buttonsOf(app, message) {
  if (!message.buttons?.length) return null;
  const { t } = app;
  const rows = message.buttons.map((row) => el('div', { class: 'bot-row' }, ...row.map((one) => {
    const text = cleanName(one.text);
    const href = one.kind === 'url' ? safeLink(one.url) : null;
    if (href) return el('a', { class: 'bot-button', href, title: href, 'aria-description': href, rel: 'noopener noreferrer', target: '_blank' }, el('bdi', { text }), icon('link', 'small'));
    return el('span', { class: 'bot-button off', title: t('button.only') }, el('bdi', { text }), el('span', { class: 'unseen', text: ` (${t('button.only')})` }));
  })));
  const closed = message.buttons.flat().some((one) => one.kind !== 'url');
  return el('div', { class: 'bot-buttons' }, ...rows, closed ? el('div', { class: 'small quiet', text: t('button.only') }) : null);
}

/** Reactions with their counts, ours marked; who, where Telegram says it. */
export function reactionsOf(app, message) {
  if (!message.reactions?.length) return null;
  const { t, lang } = app;
  const items = message.reactions.map((one) => {
    const name = one.emoji ? cleanName(one.emoji) : t('reaction.custom');
    const who = (one.who ?? []).map((person) => cleanName(person.name)).filter(Boolean).join(', ');
    const said = t(one.mine ? 'reaction.mine' : 'reaction.other', { name, n: one.count });
    const parts = [el('span', { class: 'unseen', text: who ? `${said}: ${who}` : said }), el('span', { 'aria-hidden': 'true', text: one.emoji ? name : '◆' }), el('span', { 'aria-hidden': 'true', text: number(lang, one.count) })];
    const attributes = { class: one.mine ? 'mine' : null, title: who || said };
    if (!one.emoji || !offers('orders')) return el('li', {}, el('span', attributes, ...parts));
    return el('li', {}, el('button', { type: 'button', ...attributes, 'data-part': 'react', 'data-emoji': one.emoji, 'aria-pressed': String(Boolean(one.mine)) }, ...parts));
  });
  return el('ul', { class: 'reactions', 'aria-label': t('reaction.label') }, ...items);
}
