/** Why nothing can be sent in a conversation, and the way out. */

import { cleanName } from '../text.js';
import { canSend } from '../words.js';

/** @param {import('../main.js').App} app */
export function obstacleOf(app, conversation, account) {
  const { t, actions } = app;
  if (!account) return { text: t('composer.noaccount') };
  const label = cleanName(account.label);
  if (!canSend(account)) {
    const text = t(`composer.${account.state}`, { account: label });
    if (account.state === 'stopped') return { text, act: t('account.start'), out: () => actions.setActive(account.id, true) };
    if (account.state === 'failed') return { text, act: t('account.restart'), out: () => actions.restart(account.id) };
    if (account.state === 'banned') return { text, act: t('rail.open'), out: () => app.openAccount(account.id) };
    return { text, act: t('account.signin'), out: () => app.signIn(account.id) };
  }
  const moved = conversation.kind === 'group' && conversation.can_send === false ? supergroupOf(app.state, conversation) : null;
  if (moved) return { text: t('composer.moved'), act: t('composer.moved.open'), out: () => app.openConversation(moved.id) };
  if (conversation.can_send === false) return { text: t(conversation.kind === 'channel' ? 'composer.channel' : 'composer.cannot') };
  return null;
}

/** What a group has become, where its last words say so. @returns {object|null} the conversation */
export function supergroupOf(state, conversation) {
  const said = state.chats.get(conversation.id)?.messages ?? [];
  const chat = said.findLast((message) => message.action?.kind === 'chat_migrate_to')?.action.value;
  if (!chat) return null;
  for (const one of state.conversations.values()) if (one.account_id === conversation.account_id && one.chat_id === chat) return one;
  return null;
}
