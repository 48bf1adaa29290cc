/** One message on the screen. What most messages do not have (a quote, media, trouble) is made only when it is there. */

import { el, icon, parts, setAttr, setIcon, setText, show, stamp } from '../dom.js';
import { clock, fullTime } from '../format.js';
import { cleanName, cleanText, linkify, safeImage } from '../text.js';
import { explain, mediaFacts, mediaIcon, mediaName, previewOf, waitingText } from '../words.js';

const TICKS = { pending: 'clock', sent: 'check', failed: 'alert', read: 'read' };

export class Bubble {
  constructor(app) {
    this.app = app;
    this.parts = parts(stamp('t-message'));
    this.root = this.parts.root;
    /** @type {Record<string, Element>} the parts made so far */
    this.extra = {};
    /** @type {string|null} what a masked message says, while a person looks at it */
    this.revealed = null;
    setAttr(this.parts.reply, 'aria-label', app.t('message.reply'));
    setAttr(this.parts.reply, 'title', app.t('message.reply'));
  }

  /** @param {{message: import('../types.js').Message, joined: boolean, named: boolean, quoted: object|null, canReply: boolean, canReveal: boolean, found: boolean, read: boolean}} item */
  update(item, now) {
    const { message } = item;
    const waiting = message.status === 'pending' && message.retry_at && Date.parse(message.retry_at) > now;
    const left = waiting ? Math.ceil((Date.parse(message.retry_at) - now) / 1000) : 0;
    const inputs = [message, item.joined, item.named, item.quoted, item.canReply, item.canReveal, item.found, item.read, left];
    this.ticking = Boolean(waiting);
    if (this.inputs && inputs.every((input, n) => input === this.inputs[n])) return;
    if (this.inputs?.[0] !== message) this.revealed = null;
    this.inputs = inputs;
    const own = message.direction === 'outgoing';
    const classes = ['message', own && 'own', item.joined ? 'joined' : 'first', message.status === 'failed' && 'failed', message.deleted_at && 'deleted', item.found && 'found'];
    setAttr(this.root, 'class', classes.filter(Boolean).join(' '));
    this.root.dataset.id = message.id;
    setAttr(this.root, 'data-status', message.status);
    this.sender(item);
    this.quote(item);
    this.media(message);
    this.code(item);
    this.body(message);
    this.meta(message, own, item.read ? 'read' : message.status);
    this.trouble(message, now);
    show(this.parts.reply, item.canReply && !message.deleted_at && Boolean(message.message_id));
  }

  /** The part called `name`: made and put before `next` when it is wanted, taken away when not. */
  part(name, wanted, make, parent, next = null) {
    const known = this.extra[name];
    if (wanted && known) return known;
    if (known) {
      known.remove();
      delete this.extra[name];
    }
    if (!wanted) return null;
    this.extra[name] = make();
    parent.insertBefore(this.extra[name], next);
    return this.extra[name];
  }

  sender({ message, named }) {
    const { bubble } = this.parts;
    const box = this.part('sender', named && Boolean(message.sender), () => stamp('t-sender'), bubble, bubble.firstChild);
    if (!box) return;
    setText(box.firstElementChild, cleanName(message.sender.name));
    setText(box.lastElementChild, message.sender.username ? `@${message.sender.username}` : '');
  }

  quote({ message, quoted }) {
    const { bubble, body } = this.parts;
    const box = this.part('quote', Boolean(message.reply_to_message_id), () => stamp('t-quote'), bubble, this.extra.media ?? body);
    if (!box) return;
    const { words, t } = this.app;
    setText(box.firstElementChild, quoted ? (quoted.direction === 'outgoing' ? t('you') : cleanName(quoted.sender?.name) || t('message.reply')) : t('message.answers'));
    setText(box.lastElementChild, quoted ? previewOf(words, quoted) : t('message.jump'));
  }

  media(message) {
    const box = this.part('media', Boolean(message.media), () => el('div', { class: 'media' }), this.parts.bubble, this.parts.body);
    if (!box || box.shows === message.media) return;
    box.shows = message.media;
    const thumb = safeImage(message.media.thumb);
    const name = mediaName(this.app.words, message.media);
    const picture = thumb ? el('img', { class: 'thumb', src: thumb, alt: name, width: 72, height: 72 }) : el('span', { class: 'kind' }, icon(mediaIcon(message.media)));
    const facts = mediaFacts(this.app.words, message.media);
    box.replaceChildren(picture, el('div', { class: 'what' }, el('div', { text: name }), el('div', { class: 'small quiet', dir: 'auto', text: facts })));
  }

  body(message) {
    const { body } = this.parts;
    const hidden = message.deleted_at && !this.app.prefs.get('showDeleted');
    const text = hidden ? '' : cleanText(this.revealed ?? message.text);
    show(body, text !== '');
    if (this.shown === text) return;
    this.shown = text;
    body.replaceChildren(...linkify(text).map((piece) => (piece.href
      ? el('a', { href: piece.href, rel: 'noopener noreferrer', target: '_blank', text: piece.text })
      : document.createTextNode(piece.text))));
  }

  /** What was taken out of a masked message can be looked at by whoever may. */
  code({ message, canReveal }) {
    const { t } = this.app;
    const wanted = Boolean(message.masked) && canReveal && !message.deleted_at;
    if (!wanted) this.revealed = null;
    const button = this.part('reveal', wanted, () => el('button', { type: 'button', class: 'button reveal', 'data-part': 'reveal' }), this.parts.bubble, this.parts.meta);
    if (!button) return;
    setText(button, t(this.revealed === null ? 'message.reveal' : 'message.conceal'));
    setAttr(button, 'title', t(this.revealed === null ? 'message.reveal.what' : 'message.conceal.what'));
  }

  async toggleCode(message) {
    const button = this.extra.reveal;
    if (!button || button.disabled) return;
    let text = null;
    if (this.revealed === null) {
      button.disabled = true;
      text = await this.app.actions.reveal(message);
      button.disabled = false;
      // The message may have changed meanwhile, or be no longer on the screen.
      if (text === null || this.inputs?.[0] !== message || !this.root.isConnected) return;
    }
    this.revealed = text;
    this.code({ message, canReveal: true });
    this.body(message);
  }

  meta(message, own, state) {
    const { meta, time } = this.parts;
    const { t, lang } = this.app;
    const marks = message.deleted_at ? t('message.deleted') : message.edited_at ? t('message.edited') : '';
    const mark = this.part('mark', marks !== '', () => el('span'), meta, time);
    if (mark) setText(mark, marks);
    setText(time, clock(lang, message.timestamp));
    setAttr(time, 'datetime', message.timestamp);
    setAttr(time, 'title', fullTime(lang, message.timestamp));
    const name = own ? TICKS[state] : null;
    const tick = this.part('tick', Boolean(name), () => icon(name), meta);
    const status = this.part('status', Boolean(name), () => el('span', { class: 'unseen' }), meta);
    if (!tick || !status) return;
    setIcon(tick, name);
    setAttr(tick, 'class', name === 'alert' ? 'icon bad' : 'icon');
    setText(status, t(`status.${state}`));
  }

  trouble(message, now) {
    const failed = message.status === 'failed';
    const waiting = waitingText(this.app.words, message, now);
    const box = this.part('trouble', failed || waiting !== null, () => stamp('t-trouble'), this.root);
    if (!box) {
      delete this.extra.retry;
      delete this.extra.takeBack;
      return;
    }
    const { words, t } = this.app;
    const button = (name, danger) => el('button', { type: 'button', class: danger ? 'button danger' : 'button', 'data-part': name, text: t(name) });
    setAttr(box, 'class', failed ? 'trouble' : 'trouble wait');
    if (failed) setText(box.firstElementChild, message.error ? explain(words, message.error) : t('status.failed'));
    else setText(box.firstElementChild, waiting);
    this.part('retry', failed, () => button('retry', false), box);
    this.part('takeBack', true, () => button('discard', true), box);
  }
}
