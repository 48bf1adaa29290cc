/**
 * A formatted text as a tree: what lies in what, and what may be done with each part. Pure: UTF-16 units come in, nodes without
 * markup go out. Entities come from strangers: they may cross, repeat, point beyond the text or split a character.
 */

import { cleanText, linkify, safeHref } from './text.js';

/** Nothing more is nested: deeper is a toy. */
const DEEPEST = 12;
const MOST = 600;
const BLOCKS = new Set(['pre', 'blockquote']);
const LINKS = new Set(['url', 'text_url', 'email', 'phone', 'mention', 'mention_name']);
/** In these the characters are meant as they stand. */
const LITERAL = new Set(['code', 'pre']);

/**
 * @typedef {{text: string}|{type: string, entity: object, href?: string|null, misleading?: boolean, children: RichNode[]}} RichNode
 * @param {string} text
 * @param {Array<{type: string, offset: number, length: number}>|null|undefined} entities
 * @returns {RichNode[]}
 */
export function richNodes(text, entities) {
  if (!entities || entities.length === 0) return leaves(text, true);
  const parts = entities.filter((one) => usable(one, text)).slice(0, MOST).map((one) => ({ ...one, end: Math.min(text.length, one.offset + one.length) }));
  parts.sort((a, b) => a.offset - b.offset || b.end - a.end || Number(BLOCKS.has(b.type)) - Number(BLOCKS.has(a.type)));
  return within(text, 0, text.length, parts, { links: true, depth: 0 });
}

function usable(entity, text) {
  return Number.isInteger(entity.offset) && Number.isInteger(entity.length) && entity.offset >= 0 && entity.length > 0 && entity.offset < text.length;
}

/** The nodes between two units. What reaches beyond its parent is cut there and goes on behind it. */
function within(text, start, end, parts, inside) {
  const nodes = [];
  const queue = [...parts];
  let at = start;
  while (queue.length > 0) {
    const one = queue.shift();
    if (one.end <= at) continue;
    if (one.offset >= end) break;
    const from = whole(text, Math.max(at, one.offset));
    const to = whole(text, Math.min(end, one.end));
    if (to <= from) continue;
    if (from > at) nodes.push(...leaves(text.slice(at, from), inside.links));
    const inner = [];
    const later = [];
    for (const other of queue) {
      if (other.offset < to && other.end > from) inner.push({ ...other, end: Math.min(other.end, to) });
      if (other.end > to) later.push(other.offset < to ? { ...other, offset: to } : other);
    }
    later.sort((a, b) => a.offset - b.offset || b.end - a.end);
    nodes.push(...wrapped(text, from, to, one, inner, inside));
    at = to;
    if (BLOCKS.has(one.type) && text[at] === '\n' && at < end) at += 1;
    queue.splice(0, queue.length, ...later);
  }
  if (at < end) nodes.push(...leaves(text.slice(at, end), inside.links));
  return nodes;
}

function wrapped(text, from, to, entity, inner, inside) {
  const known = LINKS.has(entity.type);
  const href = known && inside.links ? hrefOf(entity, text.slice(from, to)) : null;
  const links = inside.links && !known && !LITERAL.has(entity.type);
  const deeper = inside.depth + 1 < DEEPEST ? inner : [];
  const children = within(text, from, to, deeper, { links, depth: inside.depth + 1 });
  const shown = text.slice(from, to);
  const misleading = entity.type === 'text_url' && Boolean(href) && (Boolean(entity.misleading) || looksElsewhere(shown, href));
  return [{ type: entity.type, entity, href, misleading, children }];
}

/** Not between the two halves of a character. */
function whole(text, at) {
  const low = text.charCodeAt(at);
  const high = text.charCodeAt(at - 1);
  return low >= 0xdc00 && low <= 0xdfff && high >= 0xd800 && high <= 0xdbff ? at + 1 : at;
}

/** Plain text; addresses in it become links where links may stand. */
function leaves(text, links) {
  const clean = cleanText(text);
  if (clean === '') return [];
  if (!links) return [{ text: clean }];
  return linkify(clean).map((piece) => (piece.href ? { type: 'url', entity: { type: 'url' }, href: piece.href, misleading: false, children: [{ text: piece.text }] } : { text: piece.text }));
}

/** Where a part leads, if it leads to something that a browser may open. */
function hrefOf(entity, shown) {
  const text = cleanText(shown).trim();
  switch (entity.type) {
    case 'text_url': return safeLink(entity.url);
    case 'url': return safeLink(/^[a-z][a-z0-9+.-]*:/i.test(text) && !/^[^/:]+:\d/.test(text) ? text : `https://${text}`);
    case 'email': return /^[^\s@<>"]+@[^\s@<>"]+$/.test(text) ? safeLink(`mailto:${text}`) : null;
    case 'phone': return /^\+?[\d\s().-]{3,32}$/.test(text) ? `tel:${text.replace(/[^\d+]/g, '')}` : null;
    case 'mention': return /^@\w{2,64}$/.test(text) ? `https://t.me/${text.slice(1)}` : null;
    case 'mention_name': return /^\d{1,20}$/.test(entity.user_id ?? '') ? `tg://user?id=${entity.user_id}` : null;
    default: return null;
  }
}

const SCHEMES = new Set(['tg:', 'mailto:', 'tel:']);

/** http(s) without credentials, and what opens Telegram, a mail or a call; else null. */
export function safeLink(address) {
  if (typeof address !== 'string' || address === '') return null;
  const web = safeHref(address);
  if (web) return web;
  try {
    const url = new URL(address);
    return SCHEMES.has(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

/** The words are an address themselves, on another host than the one they lead to. */
export function looksElsewhere(shown, href) {
  const text = cleanText(shown).trim().toLowerCase();
  if (/\s/.test(text)) return false;
  const match = /^(?:[a-z][a-z0-9+.-]*:\/\/)?(?:[^/@]*@)?([\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)+)(?=[/:?#]|$)/u.exec(text);
  if (!match) return false;
  const host = hostOf(href);
  const named = hostOf(`https://${match[1]}`) ?? match[1];
  return host === null || bare(host) !== bare(named);
}

function bare(host) {
  return host.replace(/^www\./, '');
}

export function hostOf(href) {
  try {
    return new URL(href).host || null;
  } catch {
    return null;
  }
}
