/** One message on the screen: its bubble, its marks, its trouble. */

import { el, icon, parts, setAttr, setIcon, setText, show, stamp } from '../dom.js';
import { clock, countdown, fullTime } from '../format.js';
import { cleanName, cleanText, linkify, safeImage } from '../text.js';
import { explain, mediaFacts, mediaIcon, mediaName, previewOf } from '../words.js';

const TICKS = { pending: 'clock', sent: 'check', failed: 'alert', read: 'read' };

export class Bubble {
  constructor(app) {
    this.app = app;
    this.parts = parts(stamp('t-message'));
    this.root = this.parts.root;
    setText(this.parts.retry, app.t('retry'));
    setText(this.parts.discard, app.t('discard'));
    setAttr(this.parts.reply, 'aria-label', app.t('message.reply'));
    setAttr(this.parts.reply, 'title', app.t('message.reply'));
  }

  /** @param {{message: import('../types.js').Message, joined: boolean, named: boolean, quoted: object|null, canReply: boolean, found: boolean, read: boolean}} item */
  update(item, now) {
    const { message } = item;
    const waiting = message.status === 'pending' && message.retry_at && Date.parse(message.retry_at) > now;
    const signature = waiting ? Math.ceil((Date.parse(message.retry_at) - now) / 1000) : 0;
    const inputs = [message, item.joined, item.named, item.quoted, item.canReply, item.found, item.read, signature];
    this.ticking = Boolean(waiting);
    if (this.inputs && inputs.every((input, n) => input === this.inputs[n])) return;
    this.inputs = inputs;
    const own = message.direction === 'outgoing';
    const classes = ['message', own && 'own', item.joined ? 'joined' : 'first', message.status === 'failed' && 'failed', message.deleted_at && 'deleted', item.found && 'found'];
    setAttr(this.root, 'class', classes.filter(Boolean).join(' '));
    this.root.dataset.id = message.id;
    setAttr(this.root, 'data-status', message.status);
    this.sender(item);
    this.quote(item);
    this.media(message);
    this.body(message);
    this.meta(message, own, item.read ? 'read' : message.status);
    this.trouble(message, now, waiting);
    show(this.parts.reply, item.canReply && !message.deleted_at && Boolean(message.message_id));
  }

  sender({ message, named }) {
    const { sender, senderName, senderUser } = this.parts;
    show(sender, named && Boolean(message.sender));
    if (!named || !message.sender) return;
    setText(senderName, cleanName(message.sender.name));
    setText(senderUser, message.sender.username ? `@${message.sender.username}` : '');
  }

  quote({ message, quoted }) {
    const { quote, quoteWho, quoteText } = this.parts;
    show(quote, Boolean(message.reply_to_message_id));
    if (!message.reply_to_message_id) return;
    const { words, t } = this.app;
    quote.dataset.target = quoted?.id ?? '';
    setText(quoteWho, quoted ? (quoted.direction === 'outgoing' ? t('you') : cleanName(quoted.sender?.name) || t('message.reply')) : t('message.answers'));
    setText(quoteText, quoted ? previewOf(words, quoted) : t('message.notloaded'));
  }

  media(message) {
    const box = this.parts.media;
    show(box, Boolean(message.media));
    if (!message.media || box.shows === message.media) return;
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
    const text = hidden ? '' : cleanText(message.text);
    show(body, text !== '');
    if (this.shown === text) return;
    this.shown = text;
    body.replaceChildren(...linkify(text).map((piece) => (piece.href
      ? el('a', { href: piece.href, rel: 'noopener noreferrer', target: '_blank', text: piece.text })
      : document.createTextNode(piece.text))));
  }

  meta(message, own, state) {
    const { mark, time, tick, status } = this.parts;
    const { t, lang } = this.app;
    const marks = [message.deleted_at ? t('message.deleted') : '', message.edited_at && !message.deleted_at ? t('message.edited') : ''];
    setText(mark, marks.filter(Boolean).join(' · '));
    setText(time, clock(lang, message.timestamp));
    setAttr(time, 'datetime', message.timestamp);
    setAttr(time, 'title', fullTime(lang, message.timestamp));
    const name = own ? TICKS[state] : null;
    show(tick, Boolean(name));
    if (name) setIcon(tick, name);
    setAttr(tick, 'class', name === 'alert' ? 'icon bad' : 'icon');
    setText(status, own ? t(`status.${state}`) : '');
  }

  trouble(message, now, waiting) {
    const { trouble, reason, retry, discard } = this.parts;
    const failed = message.status === 'failed';
    show(trouble, failed || Boolean(waiting));
    if (!failed && !waiting) return;
    const { words, t, lang } = this.app;
    setAttr(trouble, 'class', failed ? 'trouble' : 'trouble wait');
    if (failed) setText(reason, message.error ? explain(words, message.error) : t('status.failed'));
    else setText(reason, t('message.waits', { time: countdown(lang, Date.parse(message.retry_at) - now) }));
    show(retry, failed);
  }
}
