/** One conversation's messages: built from a bounded stretch, kept in place while history grows above and news arrives below. */

import { $, arrange, el, parts, setAttr, setText, show, stamp } from '../dom.js';
import { dayKey, dayLine, minuteKey } from '../format.js';
import { groupAlbums } from '../media.js';
import { awayRuns } from '../messages.js';
import { shownMessages } from '../chats.js';
import { conversationOf, openKey, topicOf } from '../topics.js';
import { explain, mayHaveArrived, serviceText } from '../words.js';
import { Bubble } from './bubble.js';
import { Handles } from './handles.js';
import { openVersions } from './versions.js';

const NEAR = 600;
const BOTTOM = 24;

export class Chat {
  /** @param {import('../main.js').App} app */
  constructor(app) {
    this.app = app;
    this.scroller = $('#scroller');
    this.log = $('#log');
    this.below = parts($('#below'));
    this.top = new Edge(app);
    this.foot = new Edge(app);
    /** @type {Map<string, Bubble|{root: Element}>} */
    this.pieces = new Map();
    this.shown = null;
    this.handles = new Handles(app, this);
    this.listen();
    app.store.view((state) => this.paint(state));
  }

  listen() {
    this.scroller.addEventListener('scroll', () => this.scrolled(), { passive: true });
    new ResizeObserver(() => { if (this.pinned) this.toBottom(); }).observe(this.scroller);
    this.below.latest.addEventListener('click', () => this.toLatest());
    this.log.addEventListener('click', (event) => this.click(event));
  }

  click(event) {
    if (this.handles.endPress(event)) return;
    const element = event.target.closest('.message');
    const message = this.find(element?.dataset.id);
    const { deeds } = this.app;
    const { order, emoji } = event.target.closest('[data-part]')?.dataset ?? {};
    const part = event.target.closest('[data-part]')?.dataset.part;
    if (!message) return;
    const album = this.albums.get(element.dataset.home);
    if (this.app.state.selection) {
      if (part !== 'pick') event.preventDefault();
      return this.handles.toggle(album);
    }
    const known = message.orders?.find((one) => String(one.id) === order);
    if (part === 'more') this.handles.menuBelow(element, event.target.closest('.more'));
    else if (part === 'react') deeds.react(message, message.reactions?.find((one) => one.emoji === emoji)?.mine ? null : emoji);
    else if (part === 'order-retry') deeds.retryOrder(order);
    else if (part === 'order-drop') deeds.dropOrder(order, mayHaveArrived(known ?? {}));
    else if (part === 'retry') this.app.actions.retryMessage(message);
    else if (part === 'discard') this.app.actions.discardMessage(message);
    else if (part === 'reveal') this.pieces.get(this.homes.get(message.id) ?? message.id)?.toggleCode(message);
    else if (part === 'reply') this.app.composer.answer(message);
    else if (part === 'quote') this.jumpToQuoted(message);
    else if (part === 'versions') openVersions(this.app, message);
  }

  find(id) {
    return id ? shownMessages(this.app.state, this.shown).find((message) => message.id === id) ?? null : null;
  }

  jumpToQuoted(message) {
    const quoted = this.byNumber?.get(message.reply_to_message_id);
    if (quoted) this.app.actions.open(conversationOf(this.shown), quoted.id, topicOf(this.shown));
    else this.app.actions.loadQuoted(this.shown, message.reply_to_message_id);
  }

  async toLatest() {
    const id = this.shown;
    await this.app.actions.toLatest(id);
    this.pinned = true;
    this.app.store.dispatch({ type: 'chat_bottom', id, atBottom: true });
    this.wantBottom = true;
    this.app.store.ask();
  }

  get distance() {
    return this.scroller.scrollHeight - this.scroller.scrollTop - this.scroller.clientHeight;
  }

  toBottom() {
    this.scroller.scrollTop = this.scroller.scrollHeight;
  }

  scrolled() {
    const id = this.shown;
    if (id === null || this.placing) return;
    const chat = this.app.state.chats.get(id);
    if (!chat) return;
    const atBottom = this.distance <= BOTTOM && chat.atEnd;
    this.pinned = atBottom;
    this.app.store.dispatch({ type: 'chat_bottom', id, atBottom });
    this.fetch(chat, id);
    if (atBottom) this.app.readIfAsked(conversationOf(id));
  }

  /** More of the chat, when an end of the stretch comes near. */
  fetch(chat, id) {
    if (!chat.loaded || chat.loading || chat.error) return;
    if (this.scroller.scrollTop < NEAR && !chat.atStart && !chat.dry) this.app.actions.loadMessages(id, 'older');
    else if (this.distance < NEAR && !chat.atEnd) this.app.actions.loadMessages(id, 'newer');
  }

  paint(state) {
    const id = openKey(state);
    const chat = id === null ? null : state.chats.get(id);
    show(this.scroller, Boolean(chat));
    show(this.below.root, Boolean(chat));
    if (!chat) {
      if (this.shown !== null) this.clear();
      return undefined;
    }
    const fresh = id !== this.shown;
    if (fresh) this.clear();
    this.shown = id;
    this.latestButton(chat);
    this.typing(state, conversationOf(id));
    this.goOn(state, chat, conversationOf(id));
    const about = state.conversations.get(conversationOf(id));
    const inputs = [chat.messages, chat.atEnd, chat.loaded, chat.unreadFrom, chat.jump, state.locals, state.scope, state.selection, state.going, about?.kind, about?.can_send, about?.read_outbox_max_id, new Date().toDateString()];
    const same = this.inputs && inputs.every((input, n) => input === this.inputs[n]);
    if (same && !fresh && !this.ticking && !this.wantBottom) return this.edge(chat);
    this.inputs = inputs;
    return this.draw(state, chat, id);
  }

  clear() {
    this.pieces.clear();
    this.log.replaceChildren();
    this.shown = null;
    this.inputs = null;
    this.pinned = true;
    this.placed = false;
    this.jumped = null;
  }

  draw(state, chat, id) {
    const messages = shownMessages(state, id);
    const anchor = this.placed && !this.pinned ? this.anchor() : null;
    // What was loaded on request is not news: a reader's voice must not read the backlog aloud.
    setAttr(this.log, 'aria-live', this.placed && chat.loading === null && this.pinned ? 'polite' : 'off');
    this.placing = true;
    this.build(state, chat, id, messages);
    this.place(chat, messages, anchor);
    this.placing = false;
    this.fetch(chat, id);
  }

  /** The first message still on the screen and where it stands. */
  anchor() {
    const top = this.scroller.getBoundingClientRect().top;
    for (const element of this.log.querySelectorAll('.message, .service')) {
      const box = element.getBoundingClientRect();
      if (box.bottom > top) return { element, offset: box.top };
    }
    return null;
  }

  place(chat, messages, anchor) {
    if (chat.jump !== null && chat.jump !== this.jumped && this.show(chat.jump)) return;
    if (chat.jump === null) this.jumped = null;
    if (!this.placed) {
      if (!chat.loaded) return;
      this.placed = true;
      this.begin(chat);
    } else if (this.wantBottom && chat.atEnd) {
      this.wantBottom = false;
      this.toBottom();
    } else if (anchor?.element.isConnected) {
      this.scroller.scrollTop += anchor.element.getBoundingClientRect().top - anchor.offset;
    } else if (this.pinned && chat.atEnd) this.toBottom();
    this.newsOf(messages);
  }

  /** A chat opens at its first unread message, else at its end. */
  begin(chat) {
    const line = this.log.querySelector('.unread-line');
    this.toBottom();
    if (line && chat.unreadFrom) {
      const top = line.getBoundingClientRect().top - this.scroller.getBoundingClientRect().top;
      if (top < 0) this.scroller.scrollTop += top - 48;
    }
    this.pinned = chat.atEnd && this.distance <= BOTTOM;
    this.app.store.dispatch({ type: 'chat_bottom', id: this.shown, atBottom: this.pinned });
    if (this.pinned) this.app.readIfAsked(conversationOf(this.shown));
  }

  /** Brings a message into the middle and marks it. */
  show(id) {
    const piece = this.pieces.get(this.homes.get(id) ?? id);
    if (!piece?.root.isConnected) return false;
    this.jumped = id;
    this.placed = true;
    const box = piece.root.getBoundingClientRect();
    const view = this.scroller.getBoundingClientRect();
    this.scroller.scrollTop += box.top - view.top - Math.max(60, (view.height - box.height) / 2);
    const chat = this.app.state.chats.get(this.shown);
    this.pinned = Boolean(chat?.atEnd) && this.distance <= BOTTOM;
    this.app.store.dispatch({ type: 'chat_bottom', id: this.shown, atBottom: this.pinned });
    return true;
  }

  /** A reply that failed while its chat is open is said aloud. */
  newsOf(messages) {
    const failed = messages.filter((message) => message.status === 'failed').map((message) => message.id);
    const fresh = failed.filter((id) => this.failed && !this.failed.includes(id));
    if (fresh.length > 0) this.app.alarm(this.app.t('status.failed'));
    this.failed = failed;
  }

  build(state, chat, id, messages) {
    const { app } = this;
    const now = Date.now();
    this.empty = messages.length === 0;
    const conversation = state.conversations.get(conversationOf(id));
    const inGroup = ['group', 'supergroup'].includes(conversation?.kind);
    this.byNumber = new Map(messages.filter((message) => message.message_id).map((message) => [message.message_id, message]));
    this.ticking = false;
    const used = new Set();
    /** Which piece a message stands in: an album is one. */
    this.homes = new Map();
    /** @type {Map<string, object[]>} what stands in each bubble */
    this.albums = new Map();
    const topics = topicOf(id) === null && messages.some((one) => one.topic) && (state.topics.get(conversationOf(id)) ?? true);
    const days = [];
    const away = awayRuns(messages);
    let day = null;
    let previous = null;
    for (const album of groupAlbums(messages)) {
      const message = album.find((one) => one.text) ?? album[0];
      const first = album[0];
      const key = dayKey(first.timestamp);
      if (!day || day.key !== key) days.push((day = { key, section: this.day(key, first, used), children: [] }));
      if (day.children.length === 0) previous = null;
      if (album.some((one) => one.id === chat.unreadFrom)) {
        day.children.push(this.unreadLine(used));
        previous = null;
      }
      if (away.has(first.id)) {
        day.children.push(this.awayLine(first.id, away.get(first.id), state.accounts.get(conversation?.account_id), used));
        previous = null;
      }
      if (message.service) {
        day.children.push(this.service(message, used));
        previous = null;
        continue;
      }
      const joined = previous !== null && sameGroup(previous, message);
      const bubble = this.bubble(first.id, used);
      for (const one of album) this.homes.set(one.id, first.id);
      this.albums.set(first.id, album);
      bubble.root.dataset.home = first.id;
      const picked = album.every((one) => state.selection?.has(one.id));
      const going = album.some((one) => state.going.has(one.id));
      const quoted = message.reply_to_message_id ? this.byNumber.get(message.reply_to_message_id) ?? null : null;
      const canReply = Boolean(conversation?.can_send) && !message.local && state.selection === null;
      bubble.update({ message, joined, named: inGroup && !joined && message.direction === 'incoming', quoted, canReply, canReveal: state.scope === 'admin', found: album.some((one) => one.id === chat.jump), album, topics, read: wasRead(message, conversation), selecting: state.selection !== null, picked, going }, now);
      this.ticking ||= bubble.ticking;
      day.children.push(bubble.root);
      previous = message;
    }
    for (const key of this.pieces.keys()) if (!used.has(key)) this.pieces.delete(key);
    for (const { section, children } of days) arrange(section, [section.firstElementChild, ...children]);
    this.edge(chat);
    arrange(this.log, [this.top.root, ...days.map(({ section }) => section), this.foot.root]);
    if (this.ticking) app.tick();
  }

  piece(key, used, make) {
    used.add(key);
    let piece = this.pieces.get(key);
    if (!piece) this.pieces.set(key, (piece = make()));
    return piece;
  }

  bubble(id, used) {
    return this.piece(id, used, () => new Bubble(this.app));
  }

  day(key, message, used) {
    const piece = this.piece(`day ${key}`, used, () => ({ root: stamp('t-day') }));
    const relative = { today: this.app.t('today'), yesterday: this.app.t('yesterday') };
    setText(piece.root.firstElementChild, dayLine(this.app.lang, message.timestamp, new Date(), relative));
    return piece.root;
  }

  unreadLine(used) {
    const piece = this.piece('unread', used, () => ({ root: stamp('t-unread') }));
    setText(piece.root.firstElementChild, this.app.t('chat.unread'));
    return piece.root;
  }

  awayLine(id, n, account, used) {
    const piece = this.piece(`away ${id}`, used, () => ({ root: stamp('t-away') }));
    setText(piece.root.firstElementChild, this.app.t('chat.away', { n, account: account?.label ?? '' }));
    return piece.root;
  }

  service(message, used) {
    const piece = this.piece(message.id, used, () => ({ root: stamp('t-service') }));
    piece.root.dataset.id = message.id;
    setText(piece.root, serviceText(this.app.words, message));
    return piece.root;
  }

  edge(chat) {
    const { t } = this.app;
    const { error } = chat;
    setAttr(this.log, 'aria-busy', chat.loading !== null ? 'true' : null);
    const below = error?.direction === 'newer';
    const dry = chat.dry && !error && chat.loading === null;
    const text = !chat.loaded || chat.loading === 'older' ? t('chat.loading') : dry ? t('topic.dry') : this.empty ? t('chat.empty') : chat.atStart ? t('chat.start') : '';
    this.top.show(text, below ? null : error, () => (dry ? this.app.actions.loadMessages(this.shown, 'older') : this.again(chat)), dry ? t('topic.further') : null);
    this.foot.show('', below ? error : null, () => this.again(chat));
    show(this.foot.root, below);
  }

  again(chat) {
    if (chat.loaded) this.app.actions.loadMessages(this.shown, chat.error.direction);
    else this.app.actions.loadLatest(this.shown);
  }

  /** What an account that was away could not bring is fetched when it is back. */
  goOn(state, chat, id) {
    const now = state.accounts.get(state.conversations.get(id)?.account_id)?.state;
    if (chat.error?.state && chat.error.state !== 'online' && now === 'online') this.again(chat);
  }

  latestButton(chat) {
    const away = chat.loaded && (!chat.atBottom || !chat.atEnd);
    show(this.below.latest, away);
    if (!away) return;
    const { t } = this.app;
    setText(this.below.latestText, chat.newCount > 0 ? t('chat.new', { n: chat.newCount }) : t('chat.latest'));
  }

  typing(state, id) {
    const typing = state.typing.get(id);
    show(this.below.typing, Boolean(typing));
    if (!typing) return;
    setText(this.below.typing, typing.name ? this.app.t('chat.typing.name', { name: typing.name }) : this.app.t('chat.typing'));
    this.app.tick();
  }
}

/** One end of what is loaded: what lies beyond it, or why that is not here and what to do. */
class Edge {
  constructor(app) {
    this.app = app;
    this.text = el('span');
    this.retry = el('button', { type: 'button', class: 'button', text: app.t('retry'), on: { click: () => this.act?.() } });
    this.root = el('div', { class: 'edge' }, this.text, this.retry);
  }

  /** @param {string|null} more what the button says where nothing failed */
  show(text, error, act, more = null) {
    const { t, words } = this.app;
    this.act = act;
    show(this.retry, error !== null || more !== null);
    setText(this.retry, more ?? t('retry'));
    setText(this.text, error === null ? text : words.has(`error.${error.code}`) ? explain(words, error) : t('chat.failed'));
  }
}

/** Has the other side seen it, by Telegram's mark? */
function wasRead(message, conversation) {
  return message.status === 'sent' && message.message_id !== null && Number(message.message_id) <= (conversation?.read_outbox_max_id ?? 0);
}

/** Same sender, same minute: the bubbles stand close and the name is said once. */
function sameGroup(a, b) {
  return a.direction === b.direction && (a.sender?.id ?? null) === (b.sender?.id ?? null) && minuteKey(a.timestamp) === minuteKey(b.timestamp);
}
