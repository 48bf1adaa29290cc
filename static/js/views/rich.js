/** Formatted text as elements. Every node is made by name and filled by textContent; links are checked before they are links. */

import { el, icon, setAttr, setText, show } from '../dom.js';
import { moment } from '../format.js';
import { hostOf, richNodes } from '../rich.js';
import { cleanName } from '../text.js';
import { confirm } from './sheet.js';

const TAGS = { bold: 'strong', italic: 'em', underline: 'u', strike: 's', diff_insert: 'ins', diff_delete: 's' };
const LONG_QUOTE = 360;
const LONG_LINES = 6;

/** The elements of a text. @param {import('../main.js').App} app */
export function richText(app, text, entities) {
  return build(app, richNodes(text, entities));
}

function build(app, nodes) {
  return nodes.map((node) => ('text' in node ? document.createTextNode(node.text) : made(app, node)));
}

function made(app, node) {
  const { type, entity } = node;
  if (node.href) return link(app, node);
  if (type in TAGS) return el(TAGS[type], {}, ...build(app, node.children));
  if (type === 'code') return el('code', { dir: 'auto' }, ...build(app, node.children));
  if (type === 'pre') return codeBlock(app, node);
  if (type === 'blockquote') return quote(app, node);
  if (type === 'spoiler') return spoiler(app, node);
  if (type === 'date' && entity.date) return el('time', { datetime: entity.date, title: moment(app.lang, entity.date) }, ...build(app, node.children));
  return el('span', { class: `e-${String(type).replace(/[^a-z_]/g, '')}` }, ...build(app, node.children));
}

/** An address that differs from the words is shown on hover and focus; where the words are another address, it is asked first. */
function link(app, node) {
  const anchor = el('a', { href: node.href, rel: 'noopener noreferrer', target: '_blank' }, ...build(app, node.children));
  const other = node.type === 'text_url' && anchor.textContent !== node.href;
  if (!other) return anchor;
  setAttr(anchor, 'title', node.href);
  setAttr(anchor, 'data-address', shortened(node.href));
  setAttr(anchor, 'aria-description', node.href);
  if (!node.misleading) return anchor;
  const host = hostOf(node.href) ?? node.href;
  setAttr(anchor, 'class', 'misleading');
  anchor.append(icon('alert', 'small'), el('span', { class: 'true-host' }, ' ', el('bdi', { dir: 'ltr', text: host })));
  anchor.addEventListener('click', (event) => {
    event.preventDefault();
    ask(app, node.href);
  });
  return anchor;
}

async function ask(app, href) {
  const yes = await confirm(app, { title: app.t('link.title'), text: app.t('link.text', { address: href }), act: app.t('link.open') });
  if (yes) window.open(href, '_blank', 'noopener,noreferrer');
}

function shortened(href) {
  return href.length > 120 ? `${href.slice(0, 119)}…` : href;
}

/** Covered text keeps its room, says nothing and has nothing to stumble on until somebody wants to see it. */
function spoiler(app, node) {
  const cover = el('span', { class: 'spoiler', role: 'button', tabindex: '0', 'aria-label': app.t('spoiler.show') }, el('span', { class: 'covered', 'aria-hidden': 'true', text: plain(node) }));
  const open = (event) => {
    if (event.type === 'keydown' && event.key !== 'Enter' && event.key !== ' ') return;
    event.preventDefault();
    const shown = el('span', { class: 'spoiler shown', tabindex: '-1' }, ...build(app, node.children));
    const focused = document.activeElement === cover;
    cover.replaceWith(shown);
    if (focused) shown.focus({ preventScroll: true });
  };
  cover.addEventListener('click', open);
  cover.addEventListener('keydown', open);
  return cover;
}

function plain(node) {
  return node.children.map((child) => ('text' in child ? child.text : plain(child))).join('');
}

function codeBlock(app, node) {
  const text = plain(node);
  const copy = el('button', { type: 'button', class: 'copy', text: app.t('code.copy'), on: { click: () => copied(app, copy, text) } });
  const head = el('div', { class: 'code-head' }, el('span', { text: cleanName(node.entity.language) }), copy);
  return el('div', { class: 'code-block', dir: 'ltr' }, head, el('pre', {}, el('code', { text })));
}

async function copied(app, button, text) {
  try {
    await navigator.clipboard.writeText(text);
    setText(button, app.t('code.copied'));
    app.say(app.t('code.copied'));
  } catch {
    app.toast(app.t('code.failed'));
  }
}

/** A long quotation is folded. */
function quote(app, node) {
  const box = el('blockquote', { dir: 'auto' }, ...build(app, node.children));
  const text = box.textContent;
  if (text.length <= LONG_QUOTE && text.split('\n').length <= LONG_LINES) return box;
  setAttr(box, 'class', 'folded');
  const more = el('button', { type: 'button', class: 'fold', 'aria-expanded': 'false', text: app.t('quote.more'), on: { click: () => {
    const folded = box.classList.toggle('folded');
    setAttr(more, 'aria-expanded', String(!folded));
    setText(more, app.t(folded ? 'quote.more' : 'quote.less'));
  } } });
  show(more, true);
  return el('div', { class: 'quoted' }, box, more);
}
