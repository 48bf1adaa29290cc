/** Search over the list: people at once, messages as soon as the service has found them. */

import { $, el, marked, show } from '../dom.js';
import { listTime } from '../format.js';
import { cleanName, cleanText, highlightRanges, hueOf, matchesName, snippet } from '../text.js';
import { colourOf, titleOf } from '../words.js';
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

  draw() {
    const { t } = this.app;
    const people = this.people();
    const nodes = [];
    const focused = [...this.box.querySelectorAll('.result')].indexOf(document.activeElement);
    if (people.length > 0) nodes.push(el('h2', { text: t('search.people') }), ...people.map((one) => this.person(one)));
    nodes.push(el('h2', { text: t('search.messages') }));
    if (this.status === 'idle') nodes.push(el('p', { class: 'quiet', text: t('search.more') }));
    else if (this.status === 'busy') nodes.push(el('p', { class: 'quiet', text: t('search.busy') }));
    else if (this.status === 'failed') nodes.push(el('p', { class: 'bad', text: t('search.failed') }));
    else if (this.messages.length === 0) nodes.push(el('p', { class: 'quiet', text: t('search.none', { query: this.query }) }));
    nodes.push(...this.messages.map((message) => this.hit(message)));
    if (this.cursor) nodes.push(el('button', { type: 'button', class: 'button', text: t('search.next'), on: { click: () => this.ask(true) } }));
    this.box.replaceChildren(...nodes);
    if (focused >= 0) this.box.querySelectorAll('.result')[focused]?.focus();
  }

  person(conversation) {
    const title = titleOf(conversation, this.app.t);
    return this.result(conversation, title, el('span', { class: 'snippet one-line' }, conversation.username ? `@${conversation.username} · ` : '', this.app.t(`kind.${conversation.kind}`)), '', () => {
      this.close();
      this.app.openConversation(conversation.id);
    });
  }

  hit(message) {
    const { state, lang, t } = this.app;
    const conversation = state.conversations.get(String(message.conversation_id)) ?? message.conversation ?? { ...message, title: message.sender?.name, id: String(message.conversation_id), kind: 'private' };
    const text = cleanText(message.text).replace(/\s/gu, ' ');
    const given = text.length === message.text.length ? message.highlights : undefined;
    const part = snippet(text, highlightRanges(text, this.query, given));
    const shown = el('span', { class: 'snippet', dir: 'auto' }, part.cut ? '…' : '', marked(part.text, part.ranges));
    const who = message.direction === 'outgoing' ? `${t('list.you')} ` : '';
    if (who) shown.prepend(who);
    return this.result(conversation, titleOf(conversation, t), shown, listTime(lang, message.timestamp, new Date()), () => this.app.openConversation(String(message.conversation_id), String(message.id)));
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

