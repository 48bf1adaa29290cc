/** Questions about media: how large they stand on the screen, where they are served, which belong together. Pure. */

export const WIDEST = 360;
export const TALLEST = 380;
const LEAST = 96;
const PICTURED = new Set(['photo', 'video', 'animation', 'video_note', 'sticker']);
const ADDRESS = /^\/(messages\/[\w:-]{1,64}\/media(?:\/thumb)?|conversations\/[\w:-]{1,64}\/photo)$/;

/** Of our own service, and a file of a message or a photo of a chat; else null. Relative to where the desk stands. */
export function servedAt(url, root) {
  const match = typeof url === 'string' ? ADDRESS.exec(url) : null;
  return match ? new URL(match[1], root).href : null;
}

export function isPicture(media) {
  return Boolean(media) && PICTURED.has(media.kind) && media.vanishes_after === undefined;
}

/** What the full-screen view can show and walk through. */
export function isViewable(message) {
  return Boolean(message.media) && !message.deleted_at && ['photo', 'video', 'animation'].includes(message.media.kind) && isPicture(message.media);
}

/** The room that a picture takes, known before it is there. Absurd sides are brought to what can be looked at. */
export function boxOf(media) {
  const square = media.kind === 'sticker' || media.kind === 'video_note';
  const widest = square ? 180 : WIDEST;
  const tallest = square ? 180 : TALLEST;
  const width = sides(media.width) ?? (square ? 512 : 320);
  const height = sides(media.height) ?? (square ? 512 : 240);
  const scale = Math.min(widest / width, tallest / height, media.kind === 'photo' ? 1.5 : 2);
  return { width: clamp(width * scale, LEAST, widest), height: clamp(height * scale, square ? LEAST : 72, tallest) };
}

function sides(value) {
  return Number.isFinite(value) && value > 0 && value <= 20_000 ? value : null;
}

function clamp(value, low, high) {
  return Math.round(Math.min(high, Math.max(low, value)));
}

/** Runs of messages that are one album, by the id of their first; whatever is no album stands alone. */
export function groupAlbums(messages) {
  const groups = [];
  for (const message of messages) {
    const last = groups[groups.length - 1];
    const joins = message.album_id && last && last[0].album_id === message.album_id && last[0].direction === message.direction && last.length < 10 && !message.service;
    if (joins) last.push(message);
    else groups.push([message]);
  }
  return groups;
}

/** How many stand in each row of an album's grid. */
export function gridOf(count) {
  if (count <= 1) return [count];
  if (count <= 3) return count === 2 ? [2] : [1, 2];
  const rows = Math.ceil(count / 3);
  const base = Math.floor(count / rows);
  const more = count - base * rows;
  return Array.from({ length: rows }, (_, n) => base + (n >= rows - more ? 1 : 0));
}

/** A waveform in as many bars as fit, each from 0 to 1; of none, a quiet line. */
export function barsOf(waveform, count) {
  const given = Array.isArray(waveform) ? waveform.filter((value) => Number.isFinite(value)) : [];
  if (given.length === 0) return Array.from({ length: count }, () => 0.12);
  return Array.from({ length: count }, (_, n) => {
    const from = Math.floor((n * given.length) / count);
    const to = Math.max(from + 1, Math.floor(((n + 1) * given.length) / count));
    const loudest = Math.max(...given.slice(from, to));
    return Math.max(0.08, Math.min(1, loudest / 31));
  });
}

/** The pictures that belong together on the full screen: its album, else all of the loaded stretch. */
export function galleryOf(messages, message) {
  const album = message.album_id ? messages.filter((one) => one.album_id === message.album_id && isViewable(one)) : [];
  return album.length > 1 ? album : messages.filter(isViewable);
}

/** A place in degrees as a person writes it, and a map that shows it; nothing is loaded from there. */
export function placeOf({ latitude, longitude }) {
  if (!(Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180)) return null;
  const [lat, lon] = [latitude.toFixed(5), longitude.toFixed(5)];
  return { text: `${lat}, ${lon}`, href: `https://www.openstreetmap.org/?mlat=${lat}&mlon=${lon}#map=16/${lat}/${lon}` };
}

/** A part of the votes, from 0 to 1. */
export function shareOf(votes, voters) {
  return Number.isFinite(votes) && voters > 0 ? Math.min(1, votes / voters) : 0;
}
