/** The few things done to the document. Text goes in by textContent only; nothing here parses markup. */

/** @template {Element} T @returns {T} */
export function $(selector, root = document) {
  return root.querySelector(selector);
}

const templates = new Map();

/** A copy of the one element of a `<template>`, without the line breaks between its tags: they would be nodes too. */
export function stamp(id) {
  let template = templates.get(id);
  if (!template) {
    template = document.getElementById(id).content.firstElementChild;
    const texts = document.createNodeIterator(template, NodeFilter.SHOW_TEXT);
    const gaps = [];
    for (let text = texts.nextNode(); text; text = texts.nextNode()) if (/^\s*\n\s*$/.test(text.data)) gaps.push(text);
    for (const gap of gaps) gap.remove();
    templates.set(id, template);
  }
  return template.cloneNode(true);
}

/** The named parts of a stamped element: every descendant with `data-part`. */
export function parts(root) {
  const found = { root };
  for (const element of root.querySelectorAll('[data-part]')) found[element.dataset.part] = element;
  return found;
}

/** Writes a text only when it differs: an untouched node costs no layout. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function setAttr(element, name, value) {
  if (value === null || value === undefined || value === false) {
    if (element.hasAttribute(name)) element.removeAttribute(name);
    return;
  }
  const text = value === true ? '' : String(value);
  if (element.getAttribute(name) !== text) element.setAttribute(name, text);
}

/** By attribute: icons are SVG and know no `hidden` property. */
export function show(element, shown) {
  element.toggleAttribute('hidden', !shown);
}

/** @param {Record<string, unknown>} [attributes] `text` and `on` are special */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === 'text') element.textContent = value;
    else if (name === 'on') for (const [event, act] of Object.entries(value)) element.addEventListener(event, act);
    else setAttr(element, name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

const SVG = 'http://www.w3.org/2000/svg';

export function icon(name, className = '') {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('class', `icon ${className}`.trim());
  svg.setAttribute('aria-hidden', 'true');
  const use = document.createElementNS(SVG, 'use');
  use.setAttribute('href', `#i-${name}`);
  svg.append(use);
  return svg;
}

export function setIcon(svg, name) {
  setAttr(svg.firstElementChild, 'href', `#i-${name}`);
}

/** Makes the children of `parent` exactly `wanted`, in order, moving as little as possible. */
export function arrange(parent, wanted) {
  let at = parent.firstChild;
  for (const element of wanted) {
    if (at === element) at = at.nextSibling;
    else parent.insertBefore(element, at);
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

/** Pieces of text with some of them marked. */
export function marked(text, ranges) {
  const fragment = document.createDocumentFragment();
  let at = 0;
  for (const [start, end] of ranges) {
    fragment.append(text.slice(at, start), el('mark', { text: text.slice(start, end) }));
    at = end;
  }
  fragment.append(text.slice(at));
  return fragment;
}

/** Fills every `data-t…` attribute under a root with its words. */
export function translate(root, t) {
  for (const element of root.querySelectorAll('[data-t]')) setText(element, t(element.dataset.t));
  for (const [data, attribute] of [['tLabel', 'aria-label'], ['tTitle', 'title'], ['tPlaceholder', 'placeholder']]) {
    const name = data.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    for (const element of root.querySelectorAll(`[data-${name}]`)) setAttr(element, attribute, t(element.dataset[data]));
  }
}
