/** Foreign text made safe to show: names that cannot spoof, marks that cannot pile up, links that are only links. Pure. */

const BIDI = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
// eslint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\ufff9-\ufffb]/g;
const MARKS = /(\p{M}{4})\p{M}+/gu;
const NAME_LIMIT = 160;

/** At most four combining marks on one letter: more is a picture, not writing. */
export function capMarks(text) {
  return text.replace(MARKS, '$1');
}

/** One line, no direction overrides, no control characters. For names, titles and labels. */
export function cleanName(name) {
  if (!name) return '';
  const clean = capMarks(String(name).replace(BIDI, '').replace(CONTROL, '').replace(/\s+/gu, ' ').trim());
  return clean.length > NAME_LIMIT ? `${clean.slice(0, NAME_LIMIT)}…` : clean;
}

/** A message's text: its line breaks and its own directions stay (the element isolates them). */
export function cleanText(text) {
  if (!text) return '';
  return capMarks(String(text).replace(CONTROL, ''));
}

/** A preview: one line, cut. */
export function oneLine(text, limit = 140) {
  const line = cleanText(text).replace(BIDI, '').replace(/\s+/gu, ' ').trim();
  return line.length > limit ? `${line.slice(0, limit)}…` : line;
}

/** Up to two first letters, by grapheme. */
export function initials(name) {
  const words = cleanName(name).split(' ').filter((word) => /[\p{L}\p{N}]/u.test(word));
  const letters = words.slice(0, 2).map((word) => firstLetter(word));
  return letters.join('').toLocaleUpperCase() || '#';
}

/** For the rail, where "Sales" and "Support" stand one above the other: two letters also of a single word. */
export function monogram(label) {
  const letters = cleanName(label).match(/[\p{L}\p{N}]/gu) ?? [];
  const short = initials(label);
  return short === letters[0]?.toLocaleUpperCase() ? short + (letters[1] ?? '').toLocaleLowerCase() : short;
}

function firstLetter(word) {
  const start = word.search(/[\p{L}\p{N}]/u);
  return String.fromCodePoint(word.codePointAt(start));
}

/** A colour index 0…11 that is the same everywhere for the same id. */
export function hueOf(id) {
  let hash = 0x811c9dc5;
  for (const char of String(id)) hash = Math.imul(hash ^ char.codePointAt(0), 0x01000193);
  return (hash >>> 0) % 12;
}

const LINK = /\bhttps?:\/\/[^\s<>"'`\u0000-\u0020\u00ab\u00bb\u200b\u202a-\u202e\u2066-\u2069]+/giu;
const TRAILING = '.,;:!?…\'"’”»';

/**
 * Splits a text into plain and link pieces. Only http and https become links, and only when the URL parser agrees.
 * @returns {{text: string, href?: string}[]}
 */
export function linkify(text) {
  const pieces = [];
  let at = 0;
  for (const match of text.matchAll(LINK)) {
    const shown = trimLink(match[0]);
    const href = safeHref(shown);
    if (!href) continue;
    if (match.index > at) pieces.push({ text: text.slice(at, match.index) });
    pieces.push({ text: shown, href });
    at = match.index + shown.length;
  }
  if (at < text.length) pieces.push({ text: text.slice(at) });
  return pieces;
}

/** Takes the sentence's own punctuation off the end; brackets stay as far as the link opens them. One pass. */
function trimLink(link) {
  let open = 0;
  for (const char of link) open += '([{'.includes(char) ? 1 : ')]}'.includes(char) ? -1 : 0;
  let end = link.length;
  while (end > 0) {
    const last = link[end - 1];
    if (')]}'.includes(last) && open < 0) open += 1;
    else if (!TRAILING.includes(last)) break;
    end -= 1;
  }
  return link.slice(0, end);
}

/** The address when it is http(s) and names a host without credentials in front of it; else null. */
export function safeHref(address) {
  try {
    const url = new URL(address);
    if (url.protocol !== 'http:' && url.protocol !== 'https:') return null;
    if (!url.hostname || url.username || url.password) return null;
    return url.href;
  } catch {
    return null;
  }
}

/** Only inline pictures, of kinds that cannot carry script. */
export function safeImage(source) {
  return typeof source === 'string' && /^data:image\/(png|jpe?g|webp|gif);base64,[a-z0-9+/=]+$/i.test(source) ? source : null;
}

/**
 * Where to mark a hit: the server's ranges (start and length in UTF-16 units) when it sent any, else each word of the query.
 * @returns {[number, number][]} sorted, not overlapping
 */
export function highlightRanges(text, query, given) {
  const ranges = Array.isArray(given) ? given.map(asRange).filter(Boolean) : wordRanges(text, query);
  ranges.sort((a, b) => a[0] - b[0]);
  const merged = [];
  for (const [start, end] of ranges) {
    const from = Math.max(start, merged.length ? merged[merged.length - 1][1] : 0);
    if (end <= text.length && from < end) merged.push([from, end]);
  }
  return merged;
}

function asRange(range) {
  const [start, length] = Array.isArray(range) ? range.map(Number) : [NaN, NaN];
  return start >= 0 && length > 0 ? [start, start + length] : null;
}

function wordRanges(text, query) {
  const words = query.split(/\s+/u).filter(Boolean).map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  if (words.length === 0) return [];
  const found = text.matchAll(new RegExp(words.join('|'), 'giu'));
  return [...found].map((match) => [match.index, match.index + match[0].length]);
}

/** The part of a long text around its first mark, with the marks moved along. */
export function snippet(text, ranges, width = 160) {
  if (text.length <= width || ranges.length === 0) return { text: text.slice(0, width), ranges: ranges.filter(([, end]) => end <= width), cut: false };
  const start = Math.max(0, Math.min(ranges[0][0] - 40, text.length - width));
  const shown = text.slice(start, start + width);
  const moved = ranges.map(([from, to]) => [from - start, to - start]).filter(([from, to]) => from >= 0 && to <= width);
  return { text: shown, ranges: moved, cut: start > 0 };
}

/** Does any word of the name start with, or the name contain, the query? Case and accents don't matter. */
export function matchesName(query, ...names) {
  const wanted = fold(query);
  return wanted !== '' && names.some((name) => name && fold(name).includes(wanted));
}

function fold(text) {
  return cleanName(text).normalize('NFD').replace(/\p{M}/gu, '').toLocaleLowerCase().replace(/^@/, '');
}
