/** What a message carries besides text: pictures at their size, films, sounds, files. What is a card of words is in cards.js. */

import { ROOT } from '../api.js';
import { el, icon, setAttr } from '../dom.js';
import { duration } from '../format.js';
import { boxOf, gridOf, isPicture, servedAt } from '../media.js';
import { cleanName, safeImage } from '../text.js';
import { mediaIcon, mediaName } from '../words.js';
import { cardOf } from './cards.js';
import { fileOf } from './file.js';
import { Ring } from './ring.js';
import { soundOf } from './sound.js';
import { troubleBox } from './trouble.js';

const FILMS = new Set(['video', 'animation', 'video_note']);

/** @param {import('../main.js').App} app @param {import('../types.js').Message} message */
export function mediaOf(app, message) {
  const { media } = message;
  if (media.vanishes_after !== undefined && media.vanishes_after !== null) return vanishing(app, media);
  const href = servedAt(media.url, ROOT);
  if (isPicture(media)) return media.kind === 'sticker' ? sticker(app, message) : picture(app, message);
  if ((media.kind === 'voice' || media.kind === 'audio') && href) return soundOf(app, message, href);
  if (['document', 'voice', 'audio'].includes(media.kind)) return fileOf(app, message, href);
  return cardOf(app, message);
}

/** Several pictures of one album, in rows that fill one box. */
export function albumOf(app, messages) {
  const pictured = messages.every((message) => isPicture(message.media));
  if (!pictured) return el('div', { class: 'album-list' }, ...messages.map((message) => mediaOf(app, message)));
  const grid = el('div', { class: 'album', role: 'group', 'aria-label': app.t('media.album', { n: messages.length }) });
  let at = 0;
  for (const count of gridOf(messages.length)) {
    const row = el('div', { class: 'album-row' });
    row.style.setProperty('aspect-ratio', String(count * (count === 1 ? 1.6 : 1)));
    for (const message of messages.slice(at, at + count)) row.append(picture(app, message, true));
    at += count;
    grid.append(row);
  }
  return grid;
}

/** It is not kept here: once opened it is gone. */
function vanishing(app, media) {
  const { t, lang } = app;
  const text = media.vanishes_after > 0 ? t('media.vanishes.in', { time: duration(lang, media.vanishes_after) }) : t('media.vanishes');
  return el('div', { class: 'content-card' }, el('span', { class: 'kind' }, icon('clock')), el('div', { class: 'what' }, el('div', { text: mediaName(app.words, media) }), el('div', { class: 'small quiet', text })));
}

function named(app, message) {
  const { media } = message;
  const facts = [mediaName(app.words, media)];
  if (media.name) facts.push(cleanName(media.name));
  if (Number.isFinite(media.duration)) facts.push(duration(app.lang, media.duration));
  return facts.join(', ');
}

/**
 * A picture, or the first of a film. The box has its size before anything is there: first the tiny preview that came with the
 * message, over it the small picture when it has come.
 */
function picture(app, message, inAlbum = false) {
  const { media } = message;
  const { t, lang } = app;
  const film = FILMS.has(media.kind);
  const box = el('button', { type: 'button', class: `picture${media.kind === 'video_note' ? ' round' : ''}`, 'aria-label': t(film ? 'media.play' : 'media.open', { what: named(app, message) }) });
  const room = el('div', { class: inAlbum ? 'picture-room in-album' : 'picture-room' }, box);
  if (!inAlbum) {
    const { width, height } = boxOf(media);
    room.style.setProperty('inline-size', `${width}px`);
    room.style.setProperty('aspect-ratio', `${width} / ${height}`);
  }
  layers(app, box, message, room);
  if (film) box.append(el('span', { class: 'play-mark' }, icon('play')));
  const badge = media.kind === 'animation' ? t('media.animation') : Number.isFinite(media.duration) ? duration(lang, media.duration) : '';
  if (badge) box.append(el('span', { class: 'badge-on', text: badge }));
  if (media.spoiler) cover(app, box);
  box.addEventListener('click', () => {
    if (box.classList.contains('covered')) return uncover(box, app, message);
    return film && !inAlbum ? play(app, room, box, message) : app.openViewer(message.id);
  });
  return room;
}

/** Tiny preview, small picture, and what is said when that does not come. */
function layers(app, box, message, room) {
  const { media } = message;
  const tiny = safeImage(media.thumb);
  if (tiny) box.append(el('img', { class: 'tiny', src: tiny, alt: '' }));
  const source = servedAt(media.thumb_url, ROOT) ?? (media.kind === 'photo' ? servedAt(media.url, ROOT) : null);
  if (!source) {
    if (!tiny) box.append(el('span', { class: 'no-picture' }, icon(mediaIcon(media))));
    return;
  }
  const image = el('img', { class: 'small-picture', alt: '', loading: 'lazy', decoding: 'async', src: source });
  image.addEventListener('load', () => setAttr(image, 'data-there', true));
  image.addEventListener('error', async () => {
    image.remove();
    const trouble = await troubleBox(app, source, () => {
      trouble.remove();
      setAttr(image, 'src', null);
      setAttr(image, 'src', source);
      box.insertBefore(image, box.querySelector('.play-mark, .badge-on'));
    });
    room.append(trouble);
  });
  box.append(image);
}

function cover(app, box) {
  box.classList.add('covered');
  setAttr(box, 'aria-label', app.t('spoiler.picture'));
}

function uncover(box, app, message) {
  box.classList.remove('covered');
  setAttr(box, 'aria-label', app.t('media.open', { what: named(app, message) }));
}

/** A film in its place, with the browser's own controls; only because somebody asked. */
export function filmOf(app, message) {
  const { media } = message;
  const href = servedAt(media.url, ROOT);
  if (!href) return null;
  const moving = media.kind === 'animation';
  const film = el('video', { class: 'film', controls: true, playsinline: true, preload: 'metadata', loop: moving, poster: servedAt(media.thumb_url, ROOT), src: href, 'aria-label': named(app, message) });
  film.muted = moving;
  return film;
}

async function play(app, room, box, message) {
  const film = filmOf(app, message);
  if (!film) return;
  app.player.pause();
  if (message.media.kind === 'video_note') film.classList.add('round');
  film.addEventListener('error', async () => {
    if (!film.isConnected) return;
    film.replaceWith(box);
    const trouble = await troubleBox(app, film.src, () => {
      trouble.remove();
      play(app, room, box, message);
    });
    room.querySelector('.media-trouble')?.remove();
    room.append(trouble);
  });
  box.replaceWith(film);
  film.focus({ preventScroll: true });
  await untilItPlays(app, room, box, film);
}

/** Until enough of a film has come one sees so, and can stop it: then the picture stands there again. */
async function untilItPlays(app, room, box, film) {
  const ring = new Ring(app, app.t('file.coming', { name: app.t('media.video') }), () => {
    film.replaceWith(box);
    film.removeAttribute('src');
    film.load();
    box.focus({ preventScroll: true });
  });
  room.append(ring.root);
  await film.play().catch(() => {});
  ring.root.remove();
}

function sticker(app, message) {
  const { media } = message;
  const still = ['image/webp', 'image/png', 'image/jpeg'].includes(media.mime);
  const source = (still ? servedAt(media.url, ROOT) : null) ?? servedAt(media.thumb_url, ROOT);
  const emoji = cleanName(media.sticker?.emoji ?? media.name);
  const label = emoji ? app.t('media.sticker.of', { emoji }) : app.t('media.sticker');
  const { width, height } = boxOf(media);
  const room = el('div', { class: 'sticker', role: 'img', 'aria-label': label });
  room.style.setProperty('inline-size', `${width}px`);
  room.style.setProperty('aspect-ratio', `${width} / ${height}`);
  const words = () => el('span', { class: 'sticker-emoji', 'aria-hidden': 'true', text: emoji || '' }, emoji ? null : icon('sticker'));
  if (!source) {
    room.append(words());
    return room;
  }
  const image = el('img', { src: source, alt: '', loading: 'lazy', decoding: 'async' });
  image.addEventListener('error', () => image.replaceWith(words()));
  room.append(image);
  return room;
}
