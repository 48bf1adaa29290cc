/**
 * Photos of chats, asked for when somebody looks at the chat. Few at a time: they must not stand in the way of messages, and each
 * may be a question to Telegram. Whoever has none is not asked about again for a while.
 */

import { ROOT } from './api.js';

const AT_ONCE = 2;
const AGAIN_MS = 15 * 60_000;
const MOST = 4000;

/** @type {Map<string, {there: boolean, at: number}>} by conversation */
const known = new Map();
/** @type {Map<string, Set<Element>>} who waits for which */
const waiting = new Map();
const queue = [];
let busy = 0;

function addressOf(id) {
  return new URL(`conversations/${encodeURIComponent(id)}/photo?else=nothing`, ROOT).href;
}

/** The photo's address when it is known to be there; else `box` gets it when it has come, as long as it is still for that chat. */
export function photoOf(id, box) {
  box.dataset.photo = id;
  const answer = known.get(id);
  if (answer && (answer.there || Date.now() - answer.at < AGAIN_MS)) return answer.there ? addressOf(id) : null;
  const boxes = waiting.get(id);
  if (boxes) boxes.add(box);
  else {
    waiting.set(id, new Set([box]));
    queue.push(id);
    // The row may not stand on the page yet.
    setTimeout(next, 150);
  }
  return null;
}

function next() {
  while (busy < AT_ONCE && queue.length > 0) {
    // Whoever is looked at now goes first.
    const id = queue.pop();
    const boxes = [...(waiting.get(id) ?? [])].filter((box) => box.isConnected && box.dataset.photo === id);
    if (boxes.length === 0) waiting.delete(id);
    else load(id);
  }
}

function load(id) {
  busy += 1;
  const image = new Image();
  const settle = (there) => {
    busy -= 1;
    if (known.size >= MOST) known.clear();
    known.set(id, { there, at: Date.now() });
    if (there) for (const box of waiting.get(id) ?? []) if (box.dataset.photo === id) put(box, image.src);
    waiting.delete(id);
    next();
  };
  image.addEventListener('load', () => settle(true));
  image.addEventListener('error', () => settle(false));
  image.src = addressOf(id);
}

/** A photo in the place of the letters. */
export function put(box, source) {
  if (box.firstElementChild?.getAttribute('src') === source) return;
  const image = document.createElement('img');
  image.src = source;
  image.alt = '';
  image.addEventListener('error', () => image.remove());
  box.replaceChildren(image);
}
