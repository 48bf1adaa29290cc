/** Search over the list: people at once, messages as soon as the service has found them. */

import { $, arrange, el, marked, show } from '../dom.js';
import { listTime } from '../format.js';
import { cleanName, cleanText, highlightRanges, hueOf, matchesName, snippet } from '../text.js';
import { colourOf, mediaTitle, titleOf } from '../words.js';
import { fillAvatar } from './list.js';
import { api } from '../api.js';

const WAIT = 200;
const PEOPLE = 8;

export class Search {
  /** @param {import('../main.js').App} app */
  constructor(app) {
    this.app = app;
    this.input = $('#search');
    this.box = $('#results');
    this.query = '';
    this.messages = [];
    this.cursor = null;
    this.status = 'idle';
    /** @type {Map<string, {inputs: unknown[], node: Element}>} */
    this.kept = new Map();
    this.input.addEventListener('input', () => this.changed());
    this.input.addEventListener('keydown', (event) => this.key(event));
    this.box.addEventListener('keydown', (event) => this.key(event));
    app.store.view((state, before) => {
      if (this.query !== '' && before && (state.conversations !== before.conversations || state.accounts !== before.accounts)) this.draw();
    });
  }

  focus() {
    this.input.focus();
    this.input.select();
  }

  /** @returns {boolean} whether there was anything to close */
  close() {
    if (this.query === '' && this.input.value === '') return false;
    this.input.value = '';
    this.changed();
    return true;
  }

  changed() {
    const query = this.input.value.trim();
    if (query === this.query) return;
    this.query = query;
    this.pending?.abort();
    clearTimeout(this.timer);
    this.messages = [];
    this.cursor = null;
    this.status = query.length >= 2 ? 'busy' : 'idle';
    show(this.box, query !== '');
    show($('#rows'), query === '');
    show($('#chips'), query === '');
    if (query === '') return;
    this.draw();
    if (query.length >= 2) this.timer = setTimeout(() => this.ask(), WAIT);
  }

  async ask(more = false) {
    this.pending?.abort();
    const pending = new AbortController();
    this.pending = pending;
    const { query } = this;
    const { accounts } = this.app.state.filter;
    try {
      if (!more) this.app.actions.findPeople(query).catch(() => {});
      const answer = await api.search({ q: query, account_id: accounts.length === 1 ? accounts[0] : null, cursor: more ? this.cursor : null, limit: 40 }, pending.signal);
      if (pending.signal.aborted) return;
      this.messages = more ? [...this.messages, ...answer.messages] : answer.messages;
      this.cursor = answer.next_cursor ?? null;
      this.status = 'done';
    } catch (error) {
      if (error.code === 'aborted') return;
      this.status = 'failed';
    }
    this.draw();
    this.app.say(this.status === 'failed' ? this.app.t('search.failed') : this.app.t('search.found', { n: this.messages.length }));
  }

  people() {
    const { state } = this.app;
    const found = [];
    for (const id of state.order) {
      const conversation = state.conversations.get(id);
      const chosen = state.filter.accounts;
      if (chosen.length > 0 && !chosen.includes(conversation.account_id)) continue;
      if (matchesName(this.query, conversation.title, conversation.username)) found.push(conversation);
      if (found.length === PEOPLE) break;
    }
    return found;
  }

  /** What is shown and stays so keeps its element: a click or the focus on it is not lost to the next event. */
  draw() {
    const { t } = this.app;
    const people = this.people();
    const used = new Set();
    const keep = (key, inputs, make) => {
      used.add(key);
      const known = this.kept.get(key);
      if (known && known.inputs.every((input, n) => input === inputs[n])) return known.node;
      const node = make();
      this.kept.set(key, { inputs, node });
      if (known?.node === document.activeElement) this.refocus = node;
      return node;
    };
    const line = (key, tag, className, text, more = {}) => keep(key, [text], () => el(tag, { class: className || null, text, ...more }));
    const nodes = people.map((one) => this.person(one, keep));
    if (people.length > 0) nodes.unshift(line('people', 'h2', '', t('search.people')));
    nodes.push(line('messages', 'h2', '', t('search.messages')));
    const note = { idle: 'search.more', busy: 'search.busy', failed: 'search.failed' }[this.status] ?? (this.messages.length === 0 ? 'search.none' : null);
    if (note) nodes.push(line('note', 'p', this.status === 'failed' ? 'bad' : 'quiet', t(note, { query: this.query })));
    nodes.push(...this.messages.map((message) => this.hit(message, keep)));
    if (this.cursor) nodes.push(line('next', 'button', 'button', t('search.next'), { type: 'button', on: { click: () => this.ask(true) } }));
    for (const key of this.kept.keys()) if (!used.has(key)) this.kept.delete(key);
    arrange(this.box, nodes);
    this.refocus?.focus();
    this.refocus = null;
  }

  person(conversation, keep) {
    const title = titleOf(conversation, this.app.t);
    const inputs = [title, conversation.username, conversation.kind, conversation.photo, ...this.chipInputs(conversation)];
    return keep(`c${conversation.id}`, inputs, () => this.result(conversation, title, el('span', { class: 'snippet one-line' }, conversation.username ? `@${conversation.username} · ` : '', this.app.t(`kind.${conversation.kind}`)), '', () => {
      this.close();
      this.app.openConversation(conversation.id);
    }));
  }

  hit(message, keep) {
    const { state, lang, t } = this.app;
    const conversation = state.conversations.get(String(message.conversation_id)) ?? message.conversation ?? { ...message, title: message.sender?.name, id: String(message.conversation_id), kind: 'private' };
    const title = titleOf(conversation, t);
    const time = listTime(lang, message.timestamp, new Date());
    return keep(`m${message.id}`, [message, this.query, title, conversation.photo, time, ...this.chipInputs(conversation)], () => {
      const kind = message.media ? mediaTitle(this.app.words, message.media) : '';
      const text = cleanText(message.text).replace(/\s/gu, ' ');
      const given = text.length === message.text.length ? message.highlights : undefined;
      const part = snippet(text, highlightRanges(text, this.query, given));
      const shown = el('span', { class: 'snippet', dir: 'auto' }, message.direction === 'outgoing' ? `${t('list.you')} ` : '', kind ? el('span', { class: 'quiet' }, marked(kind, highlightRanges(kind, this.query)), text ? ': ' : '') : '', part.cut ? '…' : '', marked(part.text, part.ranges));
      return this.result(conversation, title, shown, time, () => this.app.openConversation(String(message.conversation_id), String(message.id)));
    });
  }

  chipInputs(conversation) {
    const { accounts } = this.app.state;
    const account = accounts.get(conversation.account_id);
    return [account?.label, account?.colour, accounts.size > 1];
  }

  result(conversation, title, second, time, act) {
    const { state } = this.app;
    const account = state.accounts.get(conversation.account_id);
    const avatar = el('span', { 'aria-hidden': 'true' });
    fillAvatar(avatar, conversation, title);
    const chip = account && state.accounts.size > 1 ? el('span', { class: 'account-chip', 'data-colour': colourOf(account, hueOf) }, el('span', { class: 'dot' }), el('bdi', { class: 'one-line', text: cleanName(account.label) })) : null;
    return el('button', { type: 'button', class: 'result', on: { click: act } }, avatar, el('span', { class: 'text' },
      el('span', { class: 'top' }, el('bdi', { class: 'one-line', text: title }), chip, el('span', { class: 'small quiet', text: time })), second));
  }

  key(event) {
    const results = [...this.box.querySelectorAll('.result')];
    const at = results.indexOf(document.activeElement);
    if (event.key === 'ArrowDown' && results.length > 0) results[Math.min(results.length - 1, at + 1)].focus();
    else if (event.key === 'ArrowUp' && at > 0) results[at - 1].focus();
    else if (event.key === 'ArrowUp' && at === 0) this.input.focus();
    else if (event.key === 'Enter' && event.target === this.input && results.length > 0) results[0].click();
    else return;
    event.preventDefault();
  }
}
