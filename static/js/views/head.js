/** The line above a chat: who it is, over which account, and what can be done with the whole conversation. */

import { $, parts, setAttr, setText, show } from '../dom.js';
import { cleanName, hueOf } from '../text.js';
import { canSend, colourOf, titleOf } from '../words.js';
import { offers } from '../offers.js';
import { openChatMenu } from './chat_menu.js';
import { fillAvatar } from './list.js';
import { fillTwins } from './twins.js';

export class Head {
  /** @param {import('../main.js').App} app */
  constructor(app) {
    this.app = app;
    this.parts = parts($('#chat-head'));
    this.parts.back.addEventListener('click', () => app.closeConversation());
    this.parts.read.addEventListener('click', () => app.actions.markRead(app.state.selected));
    this.parts.menu.addEventListener('click', () => openChatMenu(app, this.parts.menu));
    this.parts.info.addEventListener('click', () => app.details.toggle());
    this.parts.account.addEventListener('click', () => app.openAccount(this.account));
    app.store.view((state) => this.paint(state));
  }

  paint(state) {
    const conversation = state.selected === null ? null : state.conversations.get(state.selected);
    show(this.parts.root, Boolean(conversation));
    show($('#chat-empty'), state.selected === null);
    $('#desk').dataset.open = String(state.selected !== null);
    if (!conversation) return;
    const { t } = this.app;
    const account = state.accounts.get(conversation.account_id);
    this.account = conversation.account_id;
    const title = titleOf(conversation, t);
    fillAvatar(this.parts.avatar, conversation, title);
    setText(this.parts.name, title);
    const facts = [conversation.username ? `@${conversation.username}` : '', t(`kind.${conversation.kind}`)];
    if (conversation.members > 0) facts.push(t('members', { n: conversation.members }));
    setText(this.parts.under, facts.filter(Boolean).join(' · '));
    show(this.parts.account, Boolean(account));
    show(this.parts.menu, offers('orders') && Boolean(account) && canSend(account));
    if (account) {
      setAttr($('#chat'), 'data-colour', colourOf(account, hueOf));
      setAttr(this.parts.account, 'data-colour', colourOf(account, hueOf));
      setText(this.parts.label, cleanName(account.label));
      setText(this.parts.phone, account.phone ? ` · \u2066${account.phone}\u2069` : '');
      setAttr(this.parts.account, 'title', t('rail.more', { label: cleanName(account.label) }));
    }
    show(this.parts.twins, fillTwins(this.app, this.parts.twins, conversation));
    show(this.parts.read, conversation.unread > 0);
    setText(this.parts.readText, conversation.unread > 0 ? t('chat.read') : '');
    setAttr(this.parts.info, 'aria-expanded', String(this.app.details.open));
  }
}
