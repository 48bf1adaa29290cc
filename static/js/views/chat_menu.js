/** What can be done with a whole conversation: the menu in its header. */

import { canSend, titleOf } from '../words.js';
import { Popup } from './popup.js';
import { confirm } from './sheet.js';

/** @param {import('../main.js').App} app @param {Element} button it belongs to */
export function openChatMenu(app, button) {
  const { state, t } = app;
  const conversation = state.conversations.get(state.selected);
  const account = state.accounts.get(conversation?.account_id);
  if (!conversation || !account || !canSend(account)) return;
  const person = ['private', 'bot'].includes(conversation.kind);
  const change = (what) => () => app.deeds.changeConversation(conversation.id, what);
  const item = (icon, key, act, danger = false) => ({ icon, text: t(key), act, danger });
  const items = [
    conversation.unread === 0 && !conversation.marked_unread && item('circle', 'chat.unread.mark', change({ marked_unread: true })),
    item('muted', conversation.muted ? 'chat.unmute' : 'chat.mute', change({ muted: !conversation.muted })),
    item('layers', conversation.archived ? 'chat.unarchive' : 'chat.archive', change({ archived: !conversation.archived })),
    person && item('person', conversation.blocked ? 'chat.unblock' : 'chat.block', conversation.blocked ? change({ blocked: false }) : () => askBlock(app, conversation), !conversation.blocked),
    item('alert', 'chat.report', () => askReport(app, conversation), true),
    item('trash', 'chat.clear', () => askClear(app, conversation), true),
  ].filter(Boolean);
  const box = button.getBoundingClientRect();
  const rtl = document.documentElement.dir === 'rtl';
  new Popup(app, t('chat.menu'), items, { x: rtl ? box.left : box.right, y: box.bottom + 4 }).open();
}

async function askBlock(app, conversation) {
  const name = titleOf(conversation, app.t);
  const yes = await confirm(app, { title: app.t('chat.block'), text: app.t('chat.block.text', { name }), act: app.t('chat.block') });
  if (yes) app.deeds.changeConversation(conversation.id, { blocked: true });
}

async function askReport(app, conversation) {
  const name = titleOf(conversation, app.t);
  const yes = await confirm(app, { title: app.t('chat.report'), text: app.t('chat.report.text', { name }), act: app.t('chat.report.act') });
  if (yes) app.deeds.reportConversation(conversation.id);
}

async function askClear(app, conversation) {
  const { t } = app;
  const everyone = { value: 'everyone', label: t('chat.clear.everyone') };
  const me = { value: 'me', label: t('chat.clear.me') };
  const choices = ['private', 'bot'].includes(conversation.kind) ? [me, everyone] : [me];
  const whom = await confirm(app, { title: t('chat.clear.title'), text: t('chat.clear.text'), act: t('menu.delete.act'), choices });
  if (whom) app.deeds.clearConversation(conversation.id, whom);
}
