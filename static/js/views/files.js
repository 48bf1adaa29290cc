/** The sheet of what is about to go out: its order, its caption, as pictures or as files, and what can't go. */

import { $, el, icon, setText, show } from '../dom.js';
import { fileSize, number } from '../format.js';
import { parseMarkdown } from '../markdown.js';
import { offers } from '../offers.js';
import { LARGEST_FILE, LARGEST_PHOTO, LONGEST_CAPTION, MOST_CAPTION, MOST_FILES, kindOf, moved, troubleOf } from '../outgoing.js';
import { cleanName } from '../text.js';
import { WhenField } from './later.js';
import { Sheet } from './sheet.js';

const ICONS = { photo: 'photo', video: 'video', audio: 'audio', document: 'file' };

/** @param {import('../main.js').App} app @param {{conversation: object, replyTo: string|null, topic: string|null, text: string}} where @param {Iterable<File>} files */
export function openFiles(app, where, files) {
  return new FilesSheet(app, where, [...files]);
}

class FilesSheet {
  constructor(app, where, files) {
    this.app = app;
    this.where = where;
    this.files = files;
    this.addresses = new Map();
    const { t, lang } = app;
    this.sheet = new Sheet(app, t('files.title'), { onClose: () => this.closed() });
    this.list = el('ol', { class: 'outgoing', 'aria-label': t('files.title') });
    this.note = el('p', { class: 'error', role: 'alert' });
    const limits = { n: MOST_FILES, size: fileSize(lang, LARGEST_FILE), photo: fileSize(lang, LARGEST_PHOTO) };
    this.asFiles = el('input', { type: 'radio', name: 'as', value: 'file', on: { change: () => this.draw() } });
    this.asPictures = el('input', { type: 'radio', name: 'as', value: 'photo', checked: true, on: { change: () => this.draw() } });
    this.as = el('fieldset', {}, el('legend', { class: 'unseen', text: t('files.as') }), el('label', { class: 'choice' }, this.asPictures, el('span', { text: t('files.as.photos') })), el('label', { class: 'choice' }, this.asFiles, el('span', { text: t('files.as.files') })));
    this.clean = el('input', { type: 'checkbox', checked: true });
    this.cleanRow = el('label', { class: 'choice' }, this.clean, el('span', { text: t('files.clean') }));
    this.caption = el('textarea', { class: 'input', rows: 2, dir: 'auto', 'aria-label': t('files.caption'), placeholder: t('files.caption'), on: { input: () => this.count(), keydown: (event) => this.key(event) } });
    this.caption.value = where.text;
    this.units = el('span', { class: 'small quiet', role: 'status' });
    this.pick = el('input', { type: 'file', multiple: true, class: 'unseen', tabindex: '-1', 'aria-hidden': 'true', on: { change: () => this.add(this.pick.files) } });
    this.more = el('button', { type: 'button', class: 'button', on: { click: () => this.pick.click() } }, icon('plus', 'small'), t('files.more'));
    this.go = el('button', { type: 'button', class: 'button primary', text: t('composer.send'), on: { click: () => this.send() } });
    this.when = new WhenField(app, where.conversation);
    this.sheet.body.append(this.list, this.note, el('div', { class: 'actions' }, this.more, this.pick), this.as, this.cleanRow, this.caption, this.units, el('p', { class: 'hint', text: t('files.limits', limits) }),
      el('div', { class: 'actions end' }, el('button', { type: 'button', class: 'button', text: t('cancel'), on: { click: () => this.sheet.close() } }), this.when.root, this.go));
    this.sheet.root.addEventListener('dragover', (event) => event.preventDefault());
    this.sheet.root.addEventListener('drop', (event) => this.dropped(event));
    this.draw();
    this.count();
    this.sheet.open();
    this.caption.focus();
  }

  closed() {
    for (const address of this.addresses.values()) URL.revokeObjectURL(address);
  }

  add(files) {
    this.files = [...this.files, ...files];
    this.pick.value = '';
    this.draw();
  }

  dropped(event) {
    if (!event.dataTransfer?.files.length) return;
    event.preventDefault();
    event.stopPropagation();
    this.add(event.dataTransfer.files);
  }

  key(event) {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing || !this.app.prefs.get('enterSends')) return;
    event.preventDefault();
    this.send();
  }

  get written() {
    const typed = this.caption.value.trim();
    return offers('caption_format') ? parseMarkdown(typed) : { text: typed, entities: [] };
  }

  get trouble() {
    const { t } = this.app;
    if (this.files.length > MOST_FILES) return t('files.many', { n: MOST_FILES });
    return this.files.some(troubleOf) ? t('files.cannot') : '';
  }

  draw() {
    const { t } = this.app;
    const pictured = this.files.some((file) => ['photo', 'video'].includes(kindOf(file)));
    show(this.as, pictured);
    show(this.cleanRow, this.files.some((file) => this.kind(file) === 'photo'));
    const focused = document.activeElement?.dataset?.move;
    const of = this.files[Number(document.activeElement?.closest('li')?.dataset.at)];
    this.list.replaceChildren(...this.files.map((file, at) => this.row(file, at)));
    if (focused && of) this.list.children[this.files.indexOf(of)]?.querySelector(`[data-move="${focused}"]:not([disabled]), button:not([disabled])`)?.focus();
    setText(this.note, this.trouble);
    this.go.disabled = this.files.length === 0 || this.trouble !== '' || this.over;
    if (this.files.length === 0) setText(this.note, t('files.none'));
  }

  get over() {
    return this.written.text.length > LONGEST_CAPTION;
  }

  count() {
    const { t, lang } = this.app;
    const { length } = this.written.text;
    setText(this.units, length < MOST_CAPTION - 200 ? '' : this.over ? t('composer.over', { n: length - LONGEST_CAPTION }) : length > MOST_CAPTION ? t('files.premium', { limit: number(lang, MOST_CAPTION) }) : `${number(lang, length)} / ${number(lang, MOST_CAPTION)}`);
    this.go.disabled = this.files.length === 0 || this.trouble !== '' || this.over;
  }

  kind(file) {
    return this.asFiles.checked ? 'document' : kindOf(file);
  }

  row(file, at) {
    const { t, lang } = this.app;
    const kind = this.kind(file);
    const trouble = troubleOf(file);
    const tooLarge = !this.asFiles.checked && file.type.startsWith('image/') && kind === 'document' && file.size > LARGEST_PHOTO;
    const premium = file.size > LARGEST_FILE ? t('files.premium', { limit: fileSize(lang, LARGEST_FILE) }) : '';
    const facts = [t(`media.${kind}`), fileSize(lang, file.size), tooLarge ? t('files.photo.large') : premium].filter(Boolean).join(' · ');
    const name = cleanName(file.name) || t('media.document');
    const tool = (move, glyph, key, by) => el('button', { type: 'button', class: 'icon-button', 'data-move': move, disabled: by !== 0 && (at + by < 0 || at + by >= this.files.length), 'aria-label': t(key, { name }), title: t(key, { name }), on: { click: () => this.move(at, by) } }, icon(glyph, 'small'));
    const row = el('li', { 'data-at': at, draggable: 'true' }, this.picture(file, kind), el('span', { class: 'what' }, el('bdi', { class: 'one-line', text: name }), el('span', { class: 'small quiet', text: facts }), trouble ? el('span', { class: 'small bad', text: t(`error.${trouble}`) }) : null),
      this.files.length > 1 ? tool('up', 'up', 'files.up', -1) : null, this.files.length > 1 ? tool('down', 'down', 'files.down', 1) : null, tool('out', 'close', 'files.out', 0));
    row.addEventListener('dragstart', (event) => { this.dragged = at; event.dataTransfer.effectAllowed = 'move'; event.dataTransfer.setData('text/plain', name); });
    row.addEventListener('dragover', (event) => { if (this.dragged !== undefined) event.preventDefault(); });
    row.addEventListener('drop', (event) => this.dropOn(event, at));
    return row;
  }

  dropOn(event, at) {
    if (this.dragged === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    this.files = moved(this.files, this.dragged, at);
    this.dragged = undefined;
    this.draw();
  }

  move(at, by) {
    this.files = by === 0 ? this.files.filter((_, n) => n !== at) : moved(this.files, at, at + by);
    this.draw();
  }

  picture(file, kind) {
    const words = el('span', { class: 'kind' }, icon(ICONS[kind] ?? 'file'));
    if (!file.type.startsWith('image/') || file.size === 0) return words;
    if (!this.addresses.has(file)) this.addresses.set(file, URL.createObjectURL(file));
    const image = el('img', { class: 'kind', src: this.addresses.get(file), alt: '' });
    image.addEventListener('error', () => image.replaceWith(words));
    return image;
  }

  send() {
    if (this.go.disabled) return;
    const when = this.when.value;
    if (when === undefined) return;
    const { text, entities } = this.written;
    const { conversation, replyTo, topic } = this.where;
    this.app.uploads.add({ conversation, files: this.files, as: this.asFiles.checked ? 'file' : null, text, entities, replyTo, topic, keepMetadata: !this.clean.checked, when });
    this.sheet.close();
    this.where.sent();
  }
}

/** They are dropped on the chat, pasted or picked. @param {import('./composer.js').Composer} composer */
export function takeFiles(composer) {
  const { attach, pick } = composer.parts;
  show(attach, true);
  attach.addEventListener('click', () => pick.click());
  pick.addEventListener('change', () => { composer.files(pick.files); pick.value = ''; });
  composer.text.addEventListener('paste', (event) => {
    if (!event.clipboardData?.files.length) return;
    event.preventDefault();
    composer.files(event.clipboardData.files);
  });
  const chat = $('#chat');
  const drop = $('#drop');
  const holdsFiles = (event) => event.dataTransfer?.types.includes('Files') && composer.conversation && !composer.blockedNow;
  chat.addEventListener('dragover', (event) => {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    show(drop, true);
  });
  chat.addEventListener('dragleave', (event) => { if (!chat.contains(event.relatedTarget)) show(drop, false); });
  chat.addEventListener('drop', (event) => {
    show(drop, false);
    if (!holdsFiles(event)) return;
    event.preventDefault();
    composer.files(event.dataTransfer.files);
  });
}
