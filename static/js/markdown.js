/**
 * Formatting as people type it: `**bold**`, `__italic__`, `++underline++`, `~~strike~~`, `||spoiler||`, `` `code` ``, fenced
 * blocks, `[words](address)` and `> ` before a line. Pure: a text comes in, a text with entities in UTF-16 units goes out, and back.
 */

const MARKS = { '**': 'bold', __: 'italic', '++': 'underline', '~~': 'strike', '||': 'spoiler' };
const SIGNS = Object.fromEntries(Object.entries(MARKS).map(([mark, type]) => [type, mark]));
const FENCE = /```([\w+#-]{0,32}\n)?([\s\S]+?)```/g;
const INLINE = /\\([\\*_+~|`[\]>])|`([^`\n]+)`|\[([^\]\n]+)\]\(((?:https?:\/\/|tg:\/\/|mailto:)[^\s)]+)\)|(\*\*|__|\+\+|~~|\|\|)(?=\S)([\s\S]*?\S)\5/g;

/** @returns {{text: string, entities: Array<{type: string, offset: number, length: number, url?: string, language?: string}>}} */
export function parseMarkdown(source) {
  const out = { text: '', entities: [] };
  let at = 0;
  for (const match of source.matchAll(FENCE)) {
    lines(out, source.slice(at, match.index));
    const language = match[1]?.trim();
    const code = match[2].replace(/\n$/, '');
    out.entities.push({ type: 'pre', offset: out.text.length, length: code.length, ...(language ? { language } : {}) });
    out.text += code;
    at = match.index + match[0].length;
  }
  lines(out, source.slice(at));
  out.entities = out.entities.filter((one) => one.length > 0).sort((a, b) => a.offset - b.offset || b.length - a.length);
  return out;
}

/** Lines that begin with `> ` are quotations; those that follow each other are one. */
function lines(out, source) {
  let quoted = null;
  const close = () => {
    if (quoted !== null) out.entities.push({ type: 'blockquote', offset: quoted, length: out.text.length - quoted });
    quoted = null;
  };
  const groups = source.split('\n').reduce((all, line) => {
    const quote = /^> ?(?=\S)/.exec(line);
    const last = all[all.length - 1];
    const text = quote ? line.slice(quote[0].length) : line;
    if (last && last.quote === Boolean(quote)) last.text += `\n${text}`;
    else all.push({ quote: Boolean(quote), text });
    return all;
  }, []);
  groups.forEach(({ quote, text }, n) => {
    if (n > 0) out.text += '\n';
    if (quote) quoted = out.text.length;
    inline(out, text);
    close();
  });
}

function inline(out, source) {
  let at = 0;
  for (const match of source.matchAll(INLINE)) {
    out.text += source.slice(at, match.index);
    at = match.index + match[0].length;
    const [, escaped, code, words, url, mark, inner] = match;
    const offset = out.text.length;
    if (escaped) out.text += escaped;
    else if (code) out.text += code;
    else inline(out, words ?? inner);
    const length = out.text.length - offset;
    if (code) out.entities.push({ type: 'code', offset, length });
    else if (url) out.entities.push({ type: 'text_url', offset, length, url });
    else if (mark) out.entities.push({ type: MARKS[mark], offset, length });
  }
  out.text += source.slice(at);
}

/** As it would be typed. What can't be typed (a mention by name, a custom emoji) is its plain words. */
export function toMarkdown(text, entities) {
  const kept = (entities ?? []).filter(({ type, offset, length, url }) => length > 0 && offset >= 0 && offset + length <= text.length && (type in SIGNS || type === 'code' || type === 'pre' || (type === 'text_url' && /^(https?:\/\/|tg:\/\/|mailto:)[^\s)]+$/.test(url ?? ''))));
  const quotes = (entities ?? []).filter((one) => one.type === 'blockquote');
  const literal = kept.filter(({ type }) => type === 'code' || type === 'pre');
  const opening = new Map();
  const closing = new Map();
  const put = (map, at, sign) => map.set(at, [...(map.get(at) ?? []), sign]);
  for (const one of [...kept].sort((a, b) => a.offset - b.offset || b.length - a.length)) {
    const [before, after] = signsOf(one);
    put(opening, one.offset, before);
    closing.set(one.offset + one.length, [after, ...(closing.get(one.offset + one.length) ?? [])]);
  }
  const quotedAt = (at) => quotes.some(({ offset, length }) => at >= offset && at < offset + length);
  let out = '';
  for (let at = 0; at <= text.length; at += 1) {
    out += (closing.get(at) ?? []).join('');
    if (at < text.length && (at === 0 || text[at - 1] === '\n') && quotedAt(at)) out += '> ';
    out += (opening.get(at) ?? []).join('');
    if (at === text.length) break;
    const inside = literal.some(({ offset, length }) => at >= offset && at < offset + length);
    out += inside ? text[at] : escaped(text, at);
  }
  return out;
}

function signsOf({ type, url, language }) {
  if (type === 'code') return ['`', '`'];
  if (type === 'pre') return [`\`\`\`${language ?? ''}\n`, '\n```'];
  if (type === 'text_url') return ['[', `](${url})`];
  return [SIGNS[type], SIGNS[type]];
}

/** A sign that would mean something is set off by a backslash. */
function escaped(text, at) {
  const one = text[at];
  const doubled = '*_+~|'.includes(one) && (text[at + 1] === one || text[at - 1] === one);
  const quote = one === '>' && (at === 0 || text[at - 1] === '\n');
  return doubled || quote || '\\`['.includes(one) ? `\\${one}` : one;
}

/**
 * Puts marks around what is selected in a field, or takes them away where they are.
 * @returns {{value: string, start: number, end: number}}
 */
export function wrapped(value, start, end, before, after = before) {
  const has = value.slice(start - before.length, start) === before && value.slice(end, end + after.length) === after;
  if (has) {
    return { value: value.slice(0, start - before.length) + value.slice(start, end) + value.slice(end + after.length), start: start - before.length, end: end - before.length };
  }
  return { value: value.slice(0, start) + before + value.slice(start, end) + after + value.slice(end), start: start + before.length, end: end + before.length };
}
