/** One message on the screen. What most messages do not have (a quote, media, trouble) is made only when it is there. */

import { el, icon, parts, setAttr, setIcon, setText, show, stamp } from '../dom.js';
import { badge, clock, fileSize, fullTime, moment, percent } from '../format.js';
import { shareOf } from '../outgoing.js';
import { cleanName, cleanText, oneLine } from '../text.js';
import { explain, mediaName, previewOf, waitingText } from '../words.js';
import { buttonsOf, notesOf, originOf, reactionsOf } from './extras.js';
import { albumOf, mediaOf } from './media.js';
import { Ring } from './ring.js';
import { richText } from './rich.js';

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
    setAttr(this.parts.more, 'aria-label', app.t('menu.label'));
    setAttr(this.parts.more, 'title', app.t('menu.label'));
  }

  /** @param {{message: import('../types.js').Message, joined: boolean, named: boolean, quoted: object|null, canReply: boolean, canReveal: boolean, found: boolean, read: boolean, album: object[], topics: boolean|object[], selecting: boolean, picked: boolean, going: boolean}} item */
  update(item, now) {
    const { message } = item;
    const waiting = message.status === 'pending' && message.retry_at && Date.parse(message.retry_at) > now;
    const left = waiting ? Math.ceil((Date.parse(message.retry_at) - now) / 1000) : 0;
    const inputs = [...item.album, item.topics, item.joined, item.named, item.quoted, item.canReply, item.canReveal, item.found, item.read, left, item.selecting, item.picked, item.going];
    this.ticking = Boolean(waiting);
    if (this.inputs?.length === inputs.length && inputs.every((input, n) => input === this.inputs[n])) return;
    if (this.message !== message) this.revealed = null;
    this.inputs = inputs;
    this.message = message;
    const own = message.direction === 'outgoing';
    const classes = ['message', own && 'own', item.joined ? 'joined' : 'first', message.status === 'failed' && 'failed', message.deleted_at && 'deleted', item.found && 'found', isBare(item) && 'bare', item.selecting && 'selecting', item.picked && 'picked', item.going && 'going'];
    setAttr(this.root, 'class', classes.filter(Boolean).join(' '));
    this.root.dataset.id = message.id;
    setAttr(this.root, 'data-status', message.status);
    this.sender(item);
    this.origin(item);
    this.quote(item);
    this.media(item);
    this.code(item);
    this.body(message);
    this.captions(item);
    this.extras(message);
    this.meta(message, own, item.read ? 'read' : message.status);
    this.trouble(message, now);
    this.orders(message);
    this.uploads(item);
    this.pick(item);
    show(this.parts.reply, item.canReply && !message.deleted_at && Boolean(message.message_id));
    show(this.parts.more, !item.selecting);
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
    const part = message.quote ? oneLine(message.quote, 300) : '';
    const whole = quoted ? previewOf(words, quoted) : '';
    const story = message.details?.reply_to_story ? t('message.story') : t('message.answers');
    setText(box.firstElementChild, quoted ? (quoted.direction === 'outgoing' ? t('you') : cleanName(quoted.sender?.name) || t('message.reply')) : story);
    setText(box.lastElementChild, part ? t('message.part', { text: part }) : quoted ? whole : t('message.jump'));
  }

  /** Whence it was forwarded, and its topic. */
  origin({ message, topics }) {
    const { bubble, body } = this.parts;
    const lines = message.deleted_at && !this.app.prefs.get('showDeleted') ? [] : originOf(this.app, message, topics);
    const box = this.part('origin', lines.length > 0, () => el('div', { class: 'origin' }), bubble, this.extra.quote ?? this.extra.media ?? body);
    box?.replaceChildren(...lines);
  }

  /** What is as it was keeps its element: a reaction does not interrupt a voice message. */
  media({ message, album }) {
    const hidden = message.deleted_at && !this.app.prefs.get('showDeleted');
    const box = this.part('media', Boolean(message.media) && !hidden, () => el('div', { class: 'media' }), this.parts.bubble, this.parts.body);
    if (!box) return;
    const shows = JSON.stringify(album.map((one) => [one.id, one.media]));
    if (box.shows === shows) return;
    box.shows = shows;
    box.replaceChildren(album.length > 1 ? albumOf(this.app, album) : mediaOf(this.app, message));
  }

  body(message) {
    const { body } = this.parts;
    const hidden = message.deleted_at && !this.app.prefs.get('showDeleted');
    const text = hidden ? '' : this.revealed ?? message.text ?? '';
    show(body, cleanText(text) !== '');
    const entities = this.revealed === null ? message.entities : null;
    const shown = `${JSON.stringify(entities ?? null)}${text}`;
    if (this.shown === shown) return;
    this.shown = shown;
    body.replaceChildren(...richText(this.app, text, entities));
  }

  /** Of an album whose pictures have words of their own, those of the others. */
  captions({ message, album }) {
    const others = message.deleted_at ? [] : album.filter((one) => one !== message && one.text);
    const box = this.part('captions', others.length > 0, () => el('div', { class: 'captions' }), this.parts.bubble, this.parts.meta);
    const shows = JSON.stringify(others.map((one) => [one.text, one.entities]));
    if (!box || box.shows === shows) return;
    box.shows = shows;
    box.replaceChildren(...others.map((one) => el('div', { class: 'body', dir: 'auto' }, ...richText(this.app, one.text, one.entities))));
  }

  /** Under the text: notes, buttons, reactions. */
  extras(message) {
    const { bubble, meta } = this.parts;
    const gone = Boolean(message.deleted_at);
    const made = [['notes', notesOf, message.details], ['buttons', buttonsOf, message.buttons], ['reactions', reactionsOf, message.reactions]];
    for (const [name, make, of] of made) {
      const shows = gone || !of ? '' : JSON.stringify(of);
      if ((this.extra[name]?.shows ?? '') === shows) continue;
      this.extra[name]?.remove();
      delete this.extra[name];
      const element = shows === '' ? null : make(this.app, message);
      if (!element) continue;
      element.shows = shows;
      bubble.insertBefore((this.extra[name] = element), this.after(name) ?? meta);
    }
  }

  /** Notes, buttons and reactions stand in this order. */
  after(name) {
    const order = ['notes', 'buttons', 'reactions', 'reveal'];
    return order.slice(order.indexOf(name) + 1).map((other) => this.extra[other]).find(Boolean);
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
      if (text === null || this.message !== message || !this.root.isConnected) return;
    }
    this.revealed = text;
    this.code({ message, canReveal: true });
    this.body(message);
  }

  meta(message, own, state) {
    const { meta, time } = this.parts;
    const { t, lang } = this.app;
    const mark = this.part('mark', Boolean(message.deleted_at), () => el('span'), meta, time);
    if (mark) setText(mark, t('message.deleted'));
    const edits = this.part('edits', Boolean(message.edited_at) && !message.deleted_at, () => el('button', { type: 'button', class: 'edits', 'data-part': 'versions', text: t('message.edited') }), meta, time);
    if (edits) setAttr(edits, 'title', `${t('versions.open')} · ${moment(lang, message.edited_at)}`);
    const views = message.details?.views;
    const seen = this.part('views', views > 0, () => el('span', { class: 'views' }), meta, meta.firstChild);
    if (seen) setText(seen, t('message.views', { n: views, count: badge(lang, views) }));
    const pinned = this.part('pinned', Boolean(message.details?.pinned), () => el('span'), meta, meta.firstChild);
    if (pinned) setText(pinned, t('message.pinned'));
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

  /** Files that are still on their way out: how far, and the way to stop them. One line for each of an album. */
  uploads({ album }) {
    const going = album.filter((one) => one.upload && one.status === 'pending');
    const box = this.part('uploads', going.length > 0, () => el('div', { class: 'uploads' }), this.parts.bubble, this.parts.meta);
    if (!box) {
      this.rings = null;
      return;
    }
    this.rings ??= new Map();
    const { app } = this;
    for (const [id, row] of this.rings) {
      if (going.some((one) => one.id === id)) continue;
      row.root.remove();
      this.rings.delete(id);
    }
    for (const one of going) {
      let row = this.rings.get(one.id);
      if (!row) {
        const name = cleanName(one.media?.name) || mediaName(app.words, one.media ?? { kind: 'document' });
        const ring = new Ring(app, app.t('files.going', { name }), () => app.actions.discardMessage(row.message));
        const text = el('span', { class: 'small quiet' });
        row = { ring, text, root: el('div', { class: 'upload' }, ring.root, el('span', { class: 'what' }, album.length > 1 ? el('bdi', { class: 'one-line', text: name }) : null, text)) };
        this.rings.set(one.id, row);
        box.append(row.root);
      }
      row.message = one;
      const share = shareOf(one.upload, one.local === true);
      row.ring.set(share);
      setText(row.text, [share === null ? '' : percent(app.lang, share), fileSize(app.lang, one.media?.size ?? one.upload.total)].filter(Boolean).join(' · '));
    }
  }

  /** While messages are selected each has a box to tick. */
  pick({ selecting, picked }) {
    const box = this.part('pick', selecting, () => el('input', { type: 'checkbox', class: 'pick', 'data-part': 'pick', 'aria-label': this.app.t('select.one') }), this.root, this.parts.bubble);
    if (box) box.checked = picked;
  }

  /** What was asked for and is not done: that it goes on, or why it could not be. */
  orders(message) {
    const { words, t } = this.app;
    const orders = message.orders ?? [];
    const shows = JSON.stringify(orders);
    const box = this.part('orders', orders.length > 0, () => el('div', { class: 'orders' }), this.root);
    if (!box || box.shows === shows) return;
    box.shows = shows;
    box.replaceChildren(...orders.map((order) => {
      const failed = order.status === 'failed';
      const what = words.has(`order.${order.kind}`) ? t(`order.${order.kind}`) : t('order.other');
      const why = failed ? (order.error ? explain(words, order.error) : t('status.failed')) : t('order.goes');
      const button = (part, key, danger) => el('button', { type: 'button', class: danger ? 'button danger' : 'button', 'data-part': part, 'data-order': order.id, text: t(key) });
      return el('div', { class: failed ? 'trouble' : 'trouble wait' }, el('span', { text: `${what}: ${why}` }), failed ? button('order-retry', 'retry', false) : null, button('order-drop', failed ? 'discard' : 'cancel', true));
    }));
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

/** Nothing but a picture: it needs no bubble around it. */
function isBare({ message, album }) {
  return album.length === 1 && !message.text && !message.deleted_at && ['sticker', 'video_note'].includes(message.media?.kind);
}
