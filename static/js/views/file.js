/** A file in its bubble: what it is, how large, and the way to have it. */

import { el, icon, setAttr, setText, show } from '../dom.js';
import { fetchFile } from '../fetching.js';
import { percent } from '../format.js';
import { cleanName } from '../text.js';
import { mediaFacts, mediaIcon, mediaName } from '../words.js';
import { Ring } from './ring.js';
import { troubleBox } from './trouble.js';

/** Larger ones are left to the browser, which writes them to the disk while they come. */
const HELD = 64 * 1024 * 1024;

/** @param {import('../main.js').App} app */
export function fileOf(app, message, href) {
  const { media } = message;
  const name = cleanName(media.name) || mediaName(app.words, media);
  const facts = mediaFacts(app.words, { ...media, name: name === cleanName(media.name) ? null : media.name });
  const what = el('span', { class: 'what' }, el('bdi', { class: 'file-name', text: name }), el('span', { class: 'small quiet', dir: 'auto', text: [extensionOf(name), facts].filter(Boolean).join(' · ') }));
  const kind = el('span', { class: 'kind' }, icon(mediaIcon(media)));
  if (!href) return el('div', { class: 'content-card file' }, kind, what);
  return new File(app, message, href, name, kind, what).root;
}

function extensionOf(name) {
  const match = /\.([\p{L}\p{N}]{1,5})$/u.exec(name);
  return match ? match[1].toLocaleUpperCase() : '';
}

class File {
  constructor(app, message, href, name, kind, what) {
    this.app = app;
    this.href = href;
    this.name = name;
    this.size = message.media.size;
    this.link = el('a', { class: 'content-card file', href, download: name, title: app.t('media.save'), on: { click: (event) => this.click(event) } }, kind, what, el('span', { class: 'unseen', text: app.t('media.save') }), icon('download', 'small'));
    this.ring = new Ring(app, app.t('file.coming', { name }), () => this.pending?.abort());
    this.done = el('span', { class: 'small quiet' });
    this.coming = el('div', { class: 'file-coming', hidden: true }, this.ring.root, this.done);
    this.root = el('div', { class: 'file-room' }, this.link, this.coming);
  }

  click(event) {
    if (!(this.size <= HELD)) return;
    event.preventDefault();
    if (!this.pending) this.fetch();
  }

  /** Fetched with its progress to be seen, then given to the browser to keep. */
  async fetch() {
    this.root.querySelector('.media-trouble')?.remove();
    this.pending = new AbortController();
    show(this.coming, true);
    try {
      const options = { signal: this.pending.signal, size: this.size, onProgress: (share) => this.progress(share) };
      this.keep(new Blob([await fetchFile(this.href, options)], { type: 'application/octet-stream' }));
    } catch (error) {
      if (error.name !== 'AbortError') this.root.append(await troubleBox(this.app, this.href, () => this.fetch()));
    } finally {
      this.pending = null;
      show(this.coming, false);
    }
  }

  progress(share) {
    this.ring.set(share);
    setText(this.done, share === null ? '' : percent(this.app.lang, share));
  }

  keep(blob) {
    const address = URL.createObjectURL(blob);
    const link = el('a', { href: address, download: this.name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), 60_000);
    setAttr(this.link, 'data-saved', true);
    this.app.say(this.app.t('file.saved', { name: this.name }));
  }
}
