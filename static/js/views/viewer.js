/** Pictures and films over the whole window: the album in order, zoom by wheel, fingers and keys, save, the way to the message. */

import { ROOT } from '../api.js';
import { el, icon, setAttr, setText, show } from '../dom.js';
import { fetchFile } from '../fetching.js';
import { moment } from '../format.js';
import { galleryOf, servedAt } from '../media.js';
import { cleanName, safeImage } from '../text.js';
import { mediaName } from '../words.js';
import { filmOf } from './media.js';
import { richText } from './rich.js';
import { Ring } from './ring.js';
import { troubleBox } from './trouble.js';

const MOST = 8;
const STEP = 1.4;

/**
 * @param {import('../main.js').App} app @param {object[]} messages among which it is @param {string} id of the message to begin with
 * @param {((message: object) => boolean)|null} answerable what can be replied to, where anything can
 */
export function openViewer(app, messages, id, answerable = null) {
  const message = messages.find((one) => one.id === id);
  if (message?.media) new Viewer(app, galleryOf(messages, message), id, answerable).open();
}

class Viewer {
  constructor(app, gallery, id, answerable) {
    this.app = app;
    this.answerable = answerable;
    this.gallery = gallery;
    this.at = Math.max(0, gallery.findIndex((one) => one.id === id));
    this.pointers = new Map();
    const { t } = app;
    const tool = (name, key, act) => el('button', { type: 'button', class: 'icon-button', 'aria-label': t(key), title: t(key), on: { click: act } }, icon(name));
    this.count = el('span', { class: 'grow one-line' });
    this.save = el('a', { class: 'icon-button', 'aria-label': t('media.save'), title: t('media.save') }, icon('download'));
    this.zooms = [tool('minus', 'viewer.out', () => this.zoom(1 / STEP)), tool('plus', 'viewer.in', () => this.zoom(STEP))];
    const jump = app.actions ? tool('place', 'viewer.jump', () => this.jump()) : null;
    this.reply = answerable ? tool('reply', 'message.reply', () => this.answer()) : null;
    this.head = el('header', {}, this.count, ...this.zooms, this.save, this.reply, jump, tool('close', 'close', () => this.root.close()));
    this.stage = el('div', { class: 'stage' });
    this.back = tool('back', 'viewer.previous', () => this.step(-1));
    this.next = tool('back', 'viewer.next', () => this.step(1));
    this.back.classList.add('side', 'before');
    this.next.classList.add('side', 'after');
    this.caption = el('div', { class: 'caption', dir: 'auto' });
    this.root = el('dialog', { class: 'viewer', 'aria-label': t('viewer.label') }, this.head, el('div', { class: 'middle' }, this.stage, this.back, this.next), this.caption);
    this.listen();
  }

  open() {
    this.focused = document.activeElement;
    document.body.append(this.root);
    this.app.sheet?.close();
    this.app.sheet = this;
    this.root.showModal();
    this.show();
  }

  get isOpen() {
    return this.root.open;
  }

  close() {
    if (this.root.open) this.root.close();
  }

  listen() {
    this.root.addEventListener('close', () => {
      this.pending?.abort();
      this.root.remove();
      if (this.app.sheet === this) this.app.sheet = null;
      if (this.focused?.isConnected) this.focused.focus({ preventScroll: true });
    });
    this.root.addEventListener('keydown', (event) => this.key(event));
    this.stage.addEventListener('wheel', (event) => {
      event.preventDefault();
      this.zoom(event.deltaY < 0 ? 1.15 : 1 / 1.15, event);
    }, { passive: false });
    this.stage.addEventListener('dblclick', (event) => this.zoom(this.scale > 1 ? 1 / this.scale : 2.5, event));
    this.stage.addEventListener('pointerdown', (event) => this.down(event));
    this.stage.addEventListener('pointermove', (event) => this.move(event));
    for (const name of ['pointerup', 'pointercancel']) this.stage.addEventListener(name, (event) => this.up(event));
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const film = event.target.closest?.('video');
    const forwards = this.app.words.dir === 'rtl' ? -1 : 1;
    const acts = {
      ArrowRight: () => this.step(forwards), ArrowLeft: () => this.step(-forwards), PageDown: () => this.step(1), PageUp: () => this.step(-1),
      Home: () => this.step(-this.at), End: () => this.step(this.gallery.length - 1 - this.at),
      '+': () => this.zoom(STEP), '=': () => this.zoom(STEP), '-': () => this.zoom(1 / STEP), 0: () => this.zoom(1 / this.scale), s: () => this.save.click(),
    };
    // A film's own arrows move within it.
    if (!(event.key in acts) || (film && event.key.startsWith('Arrow'))) return;
    event.preventDefault();
    event.stopPropagation();
    acts[event.key]();
  }

  step(by) {
    const at = Math.max(0, Math.min(this.gallery.length - 1, this.at + by));
    if (at === this.at) return;
    this.at = at;
    this.show();
  }

  show() {
    const { t, lang, words } = this.app;
    const message = this.gallery[this.at];
    const { media } = message;
    const href = servedAt(media.url, ROOT);
    Object.assign(this, { scale: 1, x: 0, y: 0 });
    this.pending?.abort();
    this.root.querySelector('.coming-ring, .come')?.remove();
    const where = t('viewer.count', { n: this.at + 1, total: this.gallery.length });
    const who = message.direction === 'outgoing' ? t('you') : cleanName(message.sender?.name);
    setText(this.count, [where, who, moment(lang, message.timestamp)].filter(Boolean).join(' · '));
    setAttr(this.save, 'href', href);
    setAttr(this.save, 'download', cleanName(media.name) || '');
    show(this.save, Boolean(href));
    if (this.reply) show(this.reply, this.answerable(message));
    show(this.back, this.at > 0);
    show(this.next, this.at < this.gallery.length - 1);
    this.caption.replaceChildren(...richText(this.app, message.text ?? '', message.entities));
    show(this.caption, Boolean(message.text));
    this.root.querySelector('.media-trouble')?.remove();
    const photo = media.kind === 'photo';
    this.zooms.forEach((button) => show(button, photo));
    this.stage.replaceChildren(...(photo ? this.layers(message, href, `${mediaName(words, media)}, ${where}`) : [this.film(message)].filter(Boolean)));
    this.place();
    this.app.say(where);
  }

  film(message) {
    const film = filmOf(this.app, message);
    film?.addEventListener('error', () => this.failed(film, film.src));
    return film;
  }

  /** The tiny preview, the small picture and the whole one lie over each other. */
  layers(message, href, label) {
    const { media } = message;
    const size = { width: media.width ?? 800, height: media.height ?? 600 };
    const tiny = safeImage(media.thumb);
    const small = servedAt(media.thumb_url, ROOT);
    const frame = el('div', { class: 'frame', role: 'img', 'aria-label': label });
    frame.style.setProperty('--ratio', String(size.width / size.height));
    if (tiny) frame.append(el('img', { src: tiny, alt: '', class: 'tiny' }));
    if (small) frame.append(el('img', { src: small, alt: '', on: { error: (event) => event.target.remove() } }));
    const source = href ?? small;
    if (source) this.bring(frame, source, media.size);
    return [frame];
  }

  /** The whole picture: one sees how far it is, and can do without it. */
  async bring(frame, source, size) {
    const { t } = this.app;
    const pending = new AbortController();
    this.pending = pending;
    const middle = this.stage.parentElement;
    const ring = new Ring(this.app, t('viewer.coming'), () => {
      pending.abort();
      const come = el('button', { type: 'button', class: 'icon-button come', 'aria-label': t('viewer.come'), title: t('viewer.come'), on: { click: () => { come.remove(); this.bring(frame, source, size); } } }, icon('download'));
      middle.append(come);
      come.focus();
    });
    middle.append(ring.root);
    try {
      const blob = await fetchFile(source, { signal: pending.signal, size, onProgress: (share) => ring.set(share) });
      const address = URL.createObjectURL(blob);
      const whole = el('img', { src: address, alt: '', draggable: 'false' });
      whole.addEventListener('load', () => URL.revokeObjectURL(address));
      whole.addEventListener('error', () => this.failed(whole, source));
      frame.append(whole);
    } catch (error) {
      if (error.name !== 'AbortError') this.failed(frame, source);
    } finally {
      ring.root.remove();
    }
  }

  async failed(element, source) {
    if (!element.isConnected) return;
    const trouble = await troubleBox(this.app, source, () => this.show());
    if (!element.isConnected) return;
    if (!element.classList.contains('frame')) element.remove();
    this.stage.append(trouble);
  }

  answer() {
    // The focus belongs to the answer, and not to where it was before.
    this.focused = null;
    this.close();
    this.app.composer.answer(this.gallery[this.at]);
  }

  jump() {
    const message = this.gallery[this.at];
    this.close();
    this.app.actions.open(message.conversation_id, message.id);
  }

  // ---- zoom and move ----

  zoom(by, event = null) {
    const before = this.scale;
    this.scale = Math.min(MOST, Math.max(1, this.scale * by));
    const box = this.stage.getBoundingClientRect();
    const [px, py] = event ? [event.clientX - box.left - box.width / 2, event.clientY - box.top - box.height / 2] : [0, 0];
    const change = this.scale / before;
    this.x = px - (px - this.x) * change;
    this.y = py - (py - this.y) * change;
    this.place();
  }

  place() {
    const { clientWidth: width, clientHeight: height } = this.stage;
    const [mx, my] = [(width * (this.scale - 1)) / 2, (height * (this.scale - 1)) / 2];
    this.x = Math.min(mx, Math.max(-mx, this.x));
    this.y = Math.min(my, Math.max(-my, this.y));
    const frame = this.stage.querySelector('.frame');
    frame?.style.setProperty('transform', `translate(${this.x}px, ${this.y}px) scale(${this.scale})`);
    this.stage.classList.toggle('zoomed', this.scale > 1);
  }

  down(event) {
    if (event.target.closest('video, .media-trouble')) return;
    this.pointers.set(event.pointerId, [event.clientX, event.clientY]);
    this.begun = { x: event.clientX, y: event.clientY };
    this.stage.setPointerCapture(event.pointerId);
  }

  move(event) {
    const last = this.pointers.get(event.pointerId);
    if (!last) return;
    const other = [...this.pointers].find(([id]) => id !== event.pointerId)?.[1];
    this.pointers.set(event.pointerId, [event.clientX, event.clientY]);
    if (other) {
      const apart = (point) => Math.max(1, Math.hypot(point[0] - other[0], point[1] - other[1]));
      this.begun = null;
      return this.zoom(apart([event.clientX, event.clientY]) / apart(last), { clientX: (event.clientX + other[0]) / 2, clientY: (event.clientY + other[1]) / 2 });
    }
    if (this.scale === 1) return undefined;
    this.x += event.clientX - last[0];
    this.y += event.clientY - last[1];
    return this.place();
  }

  /** A finger drawn across an unzoomed picture turns the page. */
  up(event) {
    const begun = this.begun;
    if (!this.pointers.delete(event.pointerId) || !begun || this.scale > 1 || event.type === 'pointercancel') return;
    this.begun = null;
    const across = event.clientX - begun.x;
    if (Math.abs(across) < 60 || Math.abs(across) < Math.abs(event.clientY - begun.y)) return;
    const forwards = this.app.words.dir === 'rtl' ? -1 : 1;
    this.step(across < 0 ? forwards : -forwards);
  }
}
