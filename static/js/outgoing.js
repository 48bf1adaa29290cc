/** Files that are to go out: what Telegram takes, how far each is, and how loud a recording was. Pure. */

export const MOST_FILES = 10;
export const MOST_CAPTION = 1024;
const MIB = 1024 * 1024;
export const LARGEST_FILE = 2000 * MIB;
/** With Premium; whether an account has it the service finds out. */
export const LARGEST_PREMIUM = 2 * LARGEST_FILE;
export const LONGEST_CAPTION = 4096;
export const LARGEST_PHOTO = 10_000_000;
const PHOTOS = new Set(['image/jpeg', 'image/png', 'image/webp', 'image/heic', 'image/bmp', 'image/tiff']);
const BARS = 100;
const LOUDEST = 31;

/** Why a file can't go; null: it can. @param {{size: number}} file */
export function troubleOf(file) {
  if (file.size === 0) return 'file_empty';
  return file.size > LARGEST_PREMIUM ? 'file_too_large' : null;
}

/** How a file goes when nobody wants it as a file. */
export function kindOf(file) {
  if (PHOTOS.has(file.type)) return file.size <= LARGEST_PHOTO ? 'photo' : 'document';
  if (file.type.startsWith('video/')) return 'video';
  return file.type.startsWith('audio/') ? 'audio' : 'document';
}

/** What is moved to another place. */
export function moved(list, from, to) {
  if (to < 0 || to >= list.length) return list;
  const next = [...list];
  next.splice(to, 0, ...next.splice(from, 1));
  return next;
}

/** Of what has gone of all of them, what each has: they go one behind the other. */
export function sharesOf(sizes, gone) {
  let before = 0;
  return sizes.map((size) => {
    const done = Math.max(0, Math.min(size, gone - before));
    before += size;
    return done;
  });
}

/** From the browser to the service is the first half of the way, from there to Telegram the second. */
export function shareOf(upload, local) {
  if (!upload?.total) return null;
  const share = Math.min(1, upload.done / upload.total);
  return local ? share / 2 : 0.5 + share / 2;
}

/** Loudness that was measured now and then, as the bars that go with a voice message. @param {number[]} levels from 0 to 1 */
export function waveformOf(levels) {
  if (levels.length === 0) return [];
  const loudest = Math.max(...levels, 0.01);
  const count = Math.min(BARS, levels.length);
  return Array.from({ length: count }, (_, n) => {
    const from = Math.floor((n * levels.length) / count);
    const to = Math.max(from + 1, Math.floor(((n + 1) * levels.length) / count));
    return Math.round((Math.max(...levels.slice(from, to)) / loudest) * LOUDEST);
  });
}
