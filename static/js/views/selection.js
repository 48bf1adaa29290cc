/** Several messages at once: what stands in the composer's place while some are selected. */

import { $, el, icon, setText, show } from '../dom.js';
import { offers } from '../offers.js';
import { shownMessages } from '../chats.js';
import { cleanName, cleanText } from '../text.js';
import { openKey } from '../topics.js';
import { canSend } from '../words.js';
import { openForward } from './forward.js';
import { askDelete, copy } from './message_menu.js';

/** As Telegram takes them at once. */
export const MOST_SELECTED = 100;

export class Selection {
  /** @param {import('../main.js').App} app */
  constructor(app) {
    this.app = app;
    this.root = $('#selection');
    this.count = el('strong', { class: 'grow', role: 'status' });
    const tool = (name, key, act, danger = false) => el('button', { type: 'button', class: danger ? 'button danger' : 'button', on: { click: act } }, icon(name, 'small'), el('span', { text: app.t(key) }));
    this.copy = tool('copy', 'menu.copy', () => this.run((all) => copy(app, textOf(app, all))));
    this.forward = tool('forward', 'menu.forward', () => this.run((all) => openForward(app, all)));
    this.remove = tool('trash', 'menu.delete', () => this.run((all) => askDelete(app, all)), true);
    this.root.append(this.count, this.copy, this.forward, this.remove, el('button', { type: 'button', class: 'button', text: app.t('cancel'), on: { click: () => this.clear() } }));
    app.store.view((state) => this.paint(state));
  }

  get messages() {
    const { state } = this.app;
    return shownMessages(state, openKey(state)).filter((one) => state.selection?.has(one.id));
  }

  run(act) {
    const { messages } = this;
    this.clear();
    if (messages.length > 0) act(messages);
  }

  clear() {
    if (!this.app.state.selection) return false;
    this.app.store.dispatch({ type: 'selection_cleared' });
    return true;
  }

  paint(state) {
    const { selection } = state;
    show(this.root, selection !== null);
    show($('#composer'), selection === null);
    if (selection === null) return;
    const { messages } = this;
    setText(this.count, this.app.t('select.count', { n: messages.length }));
    const account = state.accounts.get(messages[0]?.account_id);
    const there = messages.length > 0 && messages.every((one) => one.message_id && !one.deleted_at);
    show(this.copy, messages.some((one) => one.text));
    show(this.forward, offers('forward') && there && messages.every((one) => !one.details?.protected));
    show(this.remove, offers('orders') && there && Boolean(account) && canSend(account));
  }
}

/** Each with who said it, when there is more than one. */
function textOf(app, messages) {
  const who = (one) => (one.direction === 'outgoing' ? app.t('you') : cleanName(one.sender?.name));
  const named = new Set(messages.map(who)).size > 1;
  return messages.filter((one) => one.text).map((one) => (named ? `${who(one)}:\n${cleanText(one.text)}` : cleanText(one.text))).join('\n\n');
}
