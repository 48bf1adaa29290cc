/** What is known of a conversation, beside it. What stays true stays the same element, whatever else happens in the chat. */

import { $, arrange, el, icon, parts, setAttr, setText, show } from '../dom.js';
import { moment, number } from '../format.js';
import { mergeMedia } from '../messages.js';
import { cleanName, hueOf, safeImage } from '../text.js';
import { addressOf, colourOf, mediaFacts, mediaIcon, mediaName, stateText, titleOf } from '../words.js';
import { fillAvatar } from './list.js';
import { fillTwins } from './twins.js';
import { api, exportHref } from '../api.js';
import { exportLinks } from './fields.js';

const PAGE = 40;
/** Pictures and files of so many messages; further ones are in the chat itself. */
const MOST = 400;

export class Details {
  /** @param {import('../main.js').App} app */
  constructor(app) {
    this.app = app;
    this.open = false;
    this.parts = parts($('#details'));
    this.parts.close.addEventListener('click', () => this.toggle());
    this.shown = null;
    this.build();
    app.store.view((state) => this.paint(state));
  }

  build() {
    const { t } = this.app;
    this.avatar = el('div', { 'aria-hidden': 'true' });
    this.name = el('bdi', { class: 'name' });
    this.facts = el('dl', { class: 'facts' });
    this.rows = new Map();
    this.chipLabel = el('bdi', { class: 'one-line' });
    this.chip = el('button', { type: 'button', class: 'account-chip', on: { click: () => this.app.openAccount(this.account) } }, el('span', { class: 'dot' }), this.chipLabel);
    this.twins = el('div', { class: 'twins' });
    this.link = el('a', { class: 'button', target: '_blank', rel: 'noopener noreferrer' }, icon('link', 'small'), t('details.telegram'));
    this.exports = exportLinks(this.app);
    this.list = el('div', {});
    this.note = el('p', { class: 'small quiet' });
    this.more = el('button', { type: 'button', class: 'button', on: { click: () => this.load(this.shown) } });
    this.parts.body.append(
      el('div', { class: 'big' }, this.avatar, this.name), this.facts, this.link,
      el('section', {}, el('h3', { text: t('export.title') }), el('div', { class: 'actions' }, ...Object.values(this.exports))),
      el('section', {}, el('h3', { text: t('details.media') }), this.list, this.note, this.more),
    );
  }

  toggle() {
    this.open = !this.open;
    this.app.store.ask();
  }

  paint(state) {
    const conversation = state.selected === null ? null : state.conversations.get(state.selected);
    const shown = this.open && Boolean(conversation);
    show(this.parts.root, shown);
    if (!shown) {
      this.shown = null;
      return;
    }
    if (this.shown !== conversation.id) this.begin(conversation.id);
    const account = state.accounts.get(conversation.account_id);
    const messages = state.chats.get(conversation.id)?.messages;
    if (this.messages !== messages) this.news(messages ?? []);
    this.messages = messages;
    const title = titleOf(conversation, this.app.t);
    fillAvatar(this.avatar, conversation, title);
    setText(this.name, title);
    this.fill(conversation, account);
    for (const [format, link] of Object.entries(this.exports)) setAttr(link, 'href', exportHref('conversations', conversation.id, format));
    const href = addressOf(conversation);
    show(this.link, Boolean(href));
    if (href) setAttr(this.link, 'href', href);
  }

  fill(conversation, account) {
    const { t, lang, words } = this.app;
    if (account?.retry_at) this.app.tick();
    this.account = conversation.account_id;
    if (account) {
      setAttr(this.chip, 'data-colour', colourOf(account, hueOf));
      setText(this.chipLabel, cleanName(account.label));
    }
    const facts = [
      ['details.username', conversation.username ? `@${conversation.username}` : ''],
      ['details.kind', t(`kind.${conversation.kind}`)],
      ['details.members', conversation.members ? number(lang, conversation.members) : ''],
      ['details.id', String(conversation.chat_id)],
      ['details.last', conversation.last_message_at ? moment(lang, conversation.last_message_at) : ''],
      ['details.account', account ? this.chip : ''],
      ['details.state', account ? stateText(words, account, Date.now()) : ''],
      ['details.twins', fillTwins(this.app, this.twins, conversation) ? this.twins : ''],
    ];
    arrange(this.facts, facts.filter(([, value]) => value).flatMap(([key, value]) => this.row(key, value)));
  }

  row(key, value) {
    let row = this.rows.get(key);
    if (!row) this.rows.set(key, (row = [el('dt', { text: this.app.t(key) }), el('dd', {}, typeof value === 'string' ? el('bdi') : value)]));
    if (typeof value === 'string') setText(row[1].firstElementChild, value);
    return row;
  }

  // ---- media ----

  begin(id) {
    this.pending?.abort();
    this.shown = id;
    this.messages = null;
    this.items = [];
    this.cursor = null;
    this.buttons = new Map();
    this.load(id);
  }

  async load(id) {
    this.pending?.abort();
    const pending = new AbortController();
    this.pending = pending;
    this.status = 'busy';
    this.draw();
    try {
      const page = await api.media(id, { cursor: this.cursor, limit: PAGE }, pending.signal);
      if (pending.signal.aborted) return;
      this.items = mergeMedia(this.items, page.messages, true);
      this.cursor = this.items.length < MOST ? page.next_cursor : null;
      this.status = 'done';
    } catch (error) {
      if (error.code === 'aborted') return;
      this.status = 'failed';
    }
    this.draw();
  }

  /** The open chat knows of new ones and of those that were deleted. */
  news(messages) {
    const items = mergeMedia(this.items, messages, false);
    if (items === this.items) return;
    this.items = items.slice(0, MOST);
    this.draw();
  }

  draw() {
    const { t } = this.app;
    const buttons = this.items.map((message) => {
      const known = this.buttons.get(message.id);
      if (known?.media === message.media) return known.button;
      const button = this.item(message);
      this.buttons.set(message.id, { media: message.media, button });
      return button;
    });
    arrange(this.list, buttons);
    const note = this.status === 'failed' ? t('details.mediafailed') : this.items.length > 0 ? '' : this.status === 'busy' ? t('chat.loading') : t('details.nomedia');
    setText(this.note, note);
    show(this.note, note !== '');
    show(this.more, this.status === 'failed' || (this.status === 'done' && this.cursor !== null));
    setText(this.more, t(this.status === 'failed' ? 'retry' : 'search.next'));
  }

  item(message) {
    const { words, lang } = this.app;
    const thumb = safeImage(message.media.thumb);
    const picture = thumb ? el('img', { src: thumb, alt: '' }) : el('span', { class: 'kind' }, icon(mediaIcon(message.media)));
    const facts = [mediaFacts(words, message.media), moment(lang, message.timestamp)].filter(Boolean).join(' · ');
    const text = el('span', { class: 'what' }, el('span', { class: 'one-line', text: mediaName(words, message.media) }), el('span', { class: 'small quiet one-line', dir: 'auto', text: facts }));
    return el('button', { type: 'button', class: 'media-item', on: { click: () => this.app.actions.open(String(message.conversation_id), message.id) } }, picture, text);
  }
}
