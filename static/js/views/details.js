/** What is known of a conversation, beside it. */

import { $, el, icon, parts, show } from '../dom.js';
import { moment } from '../format.js';
import { cleanName, hueOf, safeHref, safeImage } from '../text.js';
import { colourOf, mediaFacts, mediaIcon, mediaName, stateText, titleOf } from '../words.js';
import { fillAvatar } from './list.js';

export class Details {
  /** @param {import('../main.js').App} app */
  constructor(app) {
    this.app = app;
    this.open = false;
    this.parts = parts($('#details'));
    this.parts.close.addEventListener('click', () => this.toggle());
    app.store.view((state) => this.paint(state));
  }

  toggle() {
    this.open = !this.open;
    this.inputs = null;
    this.app.store.ask();
  }

  paint(state) {
    const conversation = state.selected === null ? null : state.conversations.get(state.selected);
    const shown = this.open && Boolean(conversation);
    show(this.parts.root, shown);
    if (!shown) return;
    const account = state.accounts.get(conversation.account_id);
    const messages = state.chats.get(conversation.id)?.messages;
    const inputs = [conversation, account, messages];
    if (this.inputs && inputs.every((input, n) => input === this.inputs[n])) return;
    this.inputs = inputs;
    this.parts.body.replaceChildren(this.who(conversation), this.facts(conversation, account), this.link(conversation) ?? '', this.media(messages ?? []));
  }

  who(conversation) {
    const title = titleOf(conversation, this.app.t);
    const avatar = el('div', { 'aria-hidden': 'true' });
    fillAvatar(avatar, conversation, title);
    return el('div', { class: 'big' }, avatar, el('bdi', { class: 'name', text: title }));
  }

  facts(conversation, account) {
    const { t, lang } = this.app;
    const list = el('dl', { class: 'facts' });
    const add = (name, value) => { if (value) list.append(el('dt', { text: t(name) }), el('dd', {}, typeof value === 'string' ? el('bdi', { text: value }) : value)); };
    add('details.username', conversation.username ? `@${conversation.username}` : '');
    add('details.kind', t(`kind.${conversation.kind}`));
    add('details.members', conversation.members ? String(conversation.members) : '');
    add('details.id', String(conversation.chat_id));
    if (conversation.last_message_at) add('details.last', moment(lang, conversation.last_message_at));
    if (account) {
      const chip = el('button', { type: 'button', class: 'account-chip', 'data-colour': colourOf(account, hueOf), on: { click: () => this.app.openAccount(account.id) } },
        el('span', { class: 'dot' }), el('bdi', { class: 'one-line', text: cleanName(account.label) }));
      add('details.account', chip);
      add('details.state', stateText(this.app.words, account, Date.now()));
    }
    return list;
  }

  link(conversation) {
    const href = conversation.username ? safeHref(`https://t.me/${encodeURIComponent(conversation.username)}`) : channelLink(conversation);
    if (!href) return null;
    return el('a', { class: 'button', href, target: '_blank', rel: 'noopener noreferrer' }, icon('link', 'small'), this.app.t('details.telegram'));
  }

  media(messages) {
    const { words, t } = this.app;
    const found = messages.filter((message) => message.media && !message.deleted_at).slice(-40).reverse();
    const box = el('section', {}, el('h3', { text: t('details.media') }));
    if (found.length === 0) box.append(el('p', { class: 'small quiet', text: t('details.nomedia') }));
    for (const message of found) {
      const thumb = safeImage(message.media.thumb);
      const picture = thumb ? el('img', { src: thumb, alt: '' }) : icon(mediaIcon(message.media));
      const text = el('span', { class: 'one-line' }, mediaName(words, message.media), el('span', { class: 'small quiet', text: ` ${mediaFacts(words, message.media)}` }));
      box.append(el('button', { type: 'button', class: 'media-item', on: { click: () => this.app.actions.open(message.conversation_id, message.id) } }, picture, text));
    }
    return box;
  }
}

/** Supergroups and channels without a name have an address for their members. */
function channelLink(conversation) {
  const match = /^-100(\d+)$/.exec(String(conversation.chat_id));
  return match ? `https://t.me/c/${match[1]}` : null;
}
