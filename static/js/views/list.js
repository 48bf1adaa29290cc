/** The list of conversations: windowed rows of one height whose order holds still under the pointer. */

import { photoOf, put } from '../avatars.js';
import { $, arrange, el, parts, setAttr, setIcon, setText, show, stamp } from '../dom.js';
import { badge, listTime, number, percent } from '../format.js';
import { cleanName, hueOf, initials, oneLine, safeImage } from '../text.js';
import { listedIds, pageKeysOf } from '../lists.js';
import { twinsOf } from '../twins.js';
import { OrderGate, REST, offsetsOf, rangeIn } from '../window.js';
import { colourOf, previewOf, stateText, titleOf } from '../words.js';

const ROW = 64;
const HEADER = 32;
const AHEAD = 30;
/** Until a page that did not come is asked for again. */
const AGAIN = 3000;
const KIND_ICONS = { group: 'group', supergroup: 'group', channel: 'channel', bot: 'bot' };

export class List {
  /** @param {import('../main.js').App} app */
  constructor(app) {
    this.app = app;
    this.box = $('#rows');
    this.room = $('.room', this.box);
    this.gate = new OrderGate();
    this.rows = new Map();
    this.items = [];
    this.ids = [];
    this.offsets = new Float64Array(1);
    this.active = null;
    this.minute = 0;
    this.listen();
    app.store.view((state, before) => this.paint(state, before));
  }

  listen() {
    const ask = () => this.app.store.ask();
    this.box.addEventListener('scroll', ask, { passive: true });
    new ResizeObserver(ask).observe(this.box);
    this.box.addEventListener('pointermove', () => {
      this.gate.pointerMoved(performance.now());
      clearTimeout(this.restTimer);
      this.restTimer = setTimeout(ask, REST + 20);
    });
    this.box.addEventListener('pointerleave', () => { this.gate.pointerLeft(); ask(); });
    this.box.addEventListener('click', (event) => {
      const row = event.target.closest('.row');
      if (row) this.choose(row.dataset.id);
    });
    this.box.addEventListener('keydown', (event) => this.key(event));
    this.box.addEventListener('focus', () => { this.active ??= this.app.state.selected ?? this.ids[0] ?? null; ask(); });
  }

  choose(id) {
    this.active = id;
    this.app.openConversation(id);
  }

  key(event) {
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8, Home: -Infinity, End: Infinity };
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if ((event.key === 'Enter' || event.key === ' ') && this.active !== null) {
      event.preventDefault();
      this.choose(this.active);
    } else if (event.key in steps) {
      event.preventDefault();
      const at = Math.max(0, this.ids.indexOf(this.active));
      this.moveTo(this.ids[Math.max(0, Math.min(this.ids.length - 1, at + steps[event.key]))]);
    }
  }

  /** Makes a row the active one and brings it into view. */
  moveTo(id) {
    if (id === undefined || id === null) return;
    this.active = id;
    const at = this.items.findIndex((item) => item.id === id);
    if (at >= 0) {
      const top = this.offsets[at];
      if (top < this.box.scrollTop) this.box.scrollTop = top;
      else if (top + ROW > this.box.scrollTop + this.box.clientHeight) this.box.scrollTop = top + ROW - this.box.clientHeight;
    }
    this.app.store.ask();
  }

  resetOrder() {
    this.gate.reset();
    this.box.scrollTop = 0;
  }

  paint(state, before) {
    this.state = state;
    const now = new Date();
    const wanted = this.wanted(state);
    this.ids = this.gate.order(wanted, performance.now());
    if (this.items.source !== this.ids || this.grouped !== state.filter.grouped || !before || before.accounts !== state.accounts) this.layOut(state);
    const { start, end } = rangeIn(this.offsets, this.box.scrollTop, this.box.clientHeight);
    const drawn = [];
    for (let i = start; i < end; i += 1) drawn.push(this.draw(i, state, now));
    this.forget(drawn);
    arrange(this.room, drawn.map((row) => row.root));
    setAttr(this.box, 'aria-activedescendant', this.rows.has(this.active) ? `row-${this.active}` : null);
    this.note(state);
    this.sync(state);
    this.more(state, end);
  }

  /** The true order, worked out again only when something it depends on has changed. */
  wanted(state) {
    const inputs = [state.order, state.conversations, state.filter, state.pages, state.selected, state.accounts];
    if (this.inputs && inputs.every((input, n) => input === this.inputs[n])) return this.result;
    if (this.inputs && this.inputs[2] !== state.filter) this.resetOrder();
    this.inputs = inputs;
    this.result = listedIds(state);
    return this.result;
  }

  layOut(state) {
    const items = [];
    let account = null;
    let heads = 0;
    for (const id of this.ids) {
      const conversation = state.conversations.get(id);
      if (state.filter.grouped && conversation.account_id !== account) {
        items.push({ header: true, id: `head-${conversation.account_id}`, account: conversation.account_id });
        heads += 1;
      }
      account = conversation.account_id;
      items.push({ id, place: items.length - heads + 1 });
    }
    items.source = this.ids;
    this.grouped = state.filter.grouped;
    this.items = items;
    this.offsets = offsetsOf(items, ROW, HEADER);
    this.room.style.setProperty('height', `${this.offsets[items.length]}px`);
  }

  forget(drawn) {
    const alive = new Set(drawn);
    for (const [id, row] of this.rows) if (!alive.has(row)) this.rows.delete(id);
  }

  draw(i, state, now) {
    const item = this.items[i];
    let row = this.rows.get(item.id);
    if (!row) {
      row = parts(stamp(item.header ? 't-group-head' : 't-row'));
      this.rows.set(item.id, row);
    }
    const top = this.offsets[i];
    if (row.y !== top) row.root.style.setProperty('transform', `translateY(${top}px)`);
    row.y = top;
    if (item.header) this.fillHeader(row, state.accounts.get(item.account), now);
    else this.fill(row, item.place, state.conversations.get(item.id), state, now);
    return row;
  }

  fillHeader(row, account, now) {
    if (!account) return;
    setAttr(row.root, 'data-colour', colourOf(account, hueOf));
    setText(row.label, cleanName(account.label));
    setText(row.state, account.state === 'online' ? '' : stateText(this.app.words, account, now.getTime()));
  }

  fill(row, place, conversation, state, now) {
    const account = state.accounts.get(conversation.account_id);
    const draft = conversation.id === state.selected ? '' : this.app.drafts.get(conversation);
    const selected = conversation.id === state.selected;
    const many = state.accounts.size > 1 && state.filter.accounts.length !== 1 && !state.filter.grouped;
    const minute = Math.floor(now.getTime() / 60_000);
    setAttr(row.root, 'data-active', String(conversation.id === this.active));
    setAttr(row.root, 'aria-setsize', this.ids.length);
    setAttr(row.root, 'aria-posinset', place);
    const twins = twinsOf(state, conversation).map((one) => cleanName(state.accounts.get(one.account_id).label)).join(', ');
    const inputs = [conversation, account?.label, account?.colour, selected, many, minute, draft, twins];
    if (row.inputs && inputs.every((input, n) => input === row.inputs[n])) return;
    row.inputs = inputs;
    row.root.id = `row-${conversation.id}`;
    row.root.dataset.id = conversation.id;
    setAttr(row.root, 'aria-selected', String(selected));
    const unread = conversation.unread > 0 || Boolean(conversation.marked_unread);
    setAttr(row.root, 'data-unread', String(unread));
    if (account) setAttr(row.bar, 'data-colour', colourOf(account, hueOf));
    if (account) setAttr(row.label, 'data-colour', colourOf(account, hueOf));
    setText(row.label, many && account ? cleanName(account.label) : '');
    show(row.label, many && Boolean(account));
    this.fillName(row, conversation);
    this.fillPreview(row, conversation, draft);
    setText(row.time, listTime(this.app.lang, conversation.last_message_at, now));
    setText(row.badge, conversation.unread > 0 ? badge(this.app.lang, conversation.unread) : '');
    show(row.badge, unread);
    setAttr(row.badge, 'class', conversation.muted ? 'badge muted' : 'badge');
    show(row.twins, twins !== '');
    setText(row.news, [this.news(conversation), twins && this.app.t('twins', { accounts: twins })].filter(Boolean).join(', '));
  }

  fillName(row, conversation) {
    const title = titleOf(conversation, this.app.t);
    const kind = KIND_ICONS[conversation.kind];
    setText(row.name, title);
    show(row.kind, Boolean(kind));
    if (kind) setIcon(row.kind, kind);
    show(row.muted, Boolean(conversation.muted));
    fillAvatar(row.avatar, conversation, title);
  }

  fillPreview(row, conversation, draft) {
    const { words, t } = this.app;
    const message = conversation.last_message;
    setText(row.draft, draft ? `${t('list.draft')} ` : '');
    const own = message?.direction === 'outgoing' && !message.service;
    const inGroup = ['group', 'supergroup'].includes(conversation.kind) && message?.sender?.name && !message.service;
    const who = draft ? '' : own ? t('list.you') : inGroup ? cleanName(message.sender.name) : '';
    // What stands between name and text belongs to neither's direction.
    const between = who === '' ? '' : own ? ' ' : `${t('list.who', { name: '\u0000' }).split('\u0000')[1]} `;
    setText(row.who, who);
    setText(row.preview, draft ? oneLine(draft) : message ? between + previewOf(words, message) : '');
    const tick = own && !draft ? { pending: 'clock', failed: 'alert', sent: 'check' }[message.status] : null;
    show(row.tick, Boolean(tick));
    if (tick) setIcon(row.tick, tick);
    setAttr(row.tick, 'class', tick === 'alert' ? 'icon small tick bad' : 'icon small tick');
  }

  /** What the badge and the tick say, in words. */
  news(conversation) {
    const { t } = this.app;
    const unread = conversation.unread > 0 ? t('list.unread', { n: conversation.unread }) : conversation.marked_unread ? t('filter.unread') : '';
    const failed = conversation.last_message?.status === 'failed' ? t('status.failed') : '';
    return [unread, failed].filter(Boolean).join(', ');
  }

  note(state) {
    const box = $('#list-note');
    const pages = pageKeysOf(state).map(({ key }) => state.pages.get(key));
    const failed = pages.find((page) => page?.error);
    const busy = pages.some((page) => !page || page.loading);
    const empty = this.ids.length === 0;
    show(box, empty && !(busy && !failed));
    if (!empty || (busy && !failed)) return;
    const filtered = state.filter.unread || state.filter.archived || state.filter.kind !== null || state.filter.accounts.length > 0;
    const key = failed ? 'list.failed' : filtered ? 'list.nothing' : 'list.empty';
    if (this.noted === key && box.firstChild) return;
    this.noted = key;
    const act = failed ? () => this.app.actions.loadConversations() : () => this.app.actions.setFilter({ accounts: [], kind: null, unread: false, archived: false });
    const button = el('button', { type: 'button', class: 'button', text: this.app.t(failed ? 'retry' : 'list.all'), on: { click: act } });
    box.replaceChildren(el('p', { text: this.app.t(key) }), failed || filtered ? button : '');
  }

  /** "Fetching 1,243 conversations… 37 %", for as long as an account says so. */
  sync(state) {
    const busy = [...state.accounts.values()].filter((account) => account.sync && account.sync.phase !== 'done' && account.sync.total > 0);
    const box = $('#sync');
    show(box, busy.length > 0);
    if (busy.length === 0) return;
    const total = busy.reduce((sum, account) => sum + account.sync.total, 0);
    const done = busy.reduce((sum, account) => sum + Math.min(account.sync.done, account.sync.total), 0);
    const { t, lang } = this.app;
    setText(box.firstElementChild, t('list.sync', { n: total, count: number(lang, total), percent: percent(lang, done / total) }));
    box.lastElementChild.value = done / total;
    setAttr(box.lastElementChild, 'aria-label', box.firstElementChild.textContent);
  }

  more(state, end) {
    if (this.items.length - end > AHEAD) return;
    const pages = pageKeysOf(state).map(({ key }) => state.pages.get(key));
    const open = pages.some((page) => (page ? !page.done && !page.loading && !page.error : state.accountsLoaded && state.accounts.size > 0 && this.app.started));
    if (open) this.app.actions.loadConversations();
    // Behind the rows nothing says that there are more; where there are none, a button does.
    if (this.items.length === 0 || this.againTimer || !pages.some((page) => page?.error)) return;
    this.againTimer = setTimeout(() => {
      this.againTimer = null;
      this.app.actions.loadConversations();
    }, AGAIN);
  }
}

/** Initials on a quiet tint of the chat's own hue, or its photo. */
export function fillAvatar(box, conversation, title) {
  const inline = safeImage(conversation.photo);
  setAttr(box, 'data-colour', hueOf(conversation.chat_id));
  const square = ['group', 'supergroup', 'channel'].includes(conversation.kind);
  setAttr(box, 'class', square ? 'avatar square' : 'avatar');
  const photo = inline ?? photoOf(String(conversation.id), box);
  if (photo) put(box, photo);
  else if (box.firstElementChild || box.textContent !== initials(title)) box.textContent = initials(title);
}
