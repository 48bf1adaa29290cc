/** What can be done with a message: the menu behind `⋯`, the right button, a long press and the full stop. */

import { el } from '../dom.js';
import { offers } from '../offers.js';
import { cleanText } from '../text.js';
import { addressOf, canSend } from '../words.js';
import { Popup } from './popup.js';
import { confirm } from './sheet.js';
import { openForward } from './forward.js';
import { REPLACEABLE, openReplace } from './replace_file.js';
import { openVersions } from './versions.js';

const QUICK = ['👍', '❤', '🔥', '🎉', '😁', '😢', '🙏'];
const EDITABLE = new Set(['photo', 'video', 'animation', 'document', 'audio', 'voice', 'web_page']);

/** Ours, at Telegram, and made of words. */
export function canEdit(message) {
  const words = !message.media || EDITABLE.has(message.media.kind);
  return offers('orders') && message.direction === 'outgoing' && atTelegram(message) && words && !message.forwarded_from && !message.service;
}

function atTelegram(message) {
  return Boolean(message.message_id) && !message.deleted_at && !message.local && message.status !== 'pending' && message.status !== 'failed';
}

/** @param {import('../main.js').App} app @param {object[]} album the message, or all that stand in one bubble */
export function openMessageMenu(app, album, at) {
  const message = album.find((one) => one.text) ?? album[0];
  const label = app.t('menu.label');
  const items = itemsOf(app, message, album).filter(Boolean);
  if (items.length > 0) new Popup(app, label, items, at, reactionRow(app, message, () => app.sheet?.close())).open();
}

/** Who may write here at all? */
function writable(app, message) {
  const account = app.state.accounts.get(message.account_id);
  return Boolean(account) && canSend(account);
}

/** Whether it can be replied to. */
export function canAnswer(app, message) {
  return atTelegram(message) && writable(app, message) && app.state.conversations.get(message.conversation_id)?.can_send !== false;
}

function itemsOf(app, message, album) {
  const { t, state } = app;
  const conversation = state.conversations.get(message.conversation_id);
  const there = atTelegram(message);
  const writes = writable(app, message);
  const canReply = canAnswer(app, message);
  const selected = canReply && offers('quote') ? selectedIn(message) : '';
  const shared = ['supergroup', 'channel'].includes(conversation?.kind);
  const link = there && shared ? addressOf(conversation, message) : null;
  const text = cleanText(album.map((one) => one.text).filter(Boolean).join('\n'));
  const pinned = Boolean(message.details?.pinned);
  const item = (icon, key, act, danger = false) => ({ icon, text: t(key), act, danger });
  const protectedHere = Boolean(message.details?.protected);
  return [
    canReply && item('reply', 'message.reply', () => app.composer.answer(message)),
    selected !== '' && item('quote', 'menu.quote', () => app.composer.answer(message, selected)),
    text !== '' && item('copy', 'menu.copy', () => copy(app, text)),
    link && item('link', 'menu.link', () => copy(app, link)),
    writes && canEdit(message) && item('edit', 'menu.edit', () => app.composer.edit(message)),
    writes && canEdit(message) && REPLACEABLE.has(message.media?.kind) && item('file', 'menu.replace', () => openReplace(app, message)),
    there && offers('forward') && !protectedHere && !message.service && item('forward', 'menu.forward', () => openForward(app, album)),
    there && writes && offers('orders') && !message.service && item('pin', pinned ? 'menu.unpin' : 'menu.pin', () => app.deeds.pin(message, !pinned)),
    message.edited_at && !message.deleted_at && item('versions', 'menu.versions', () => openVersions(app, message)),
    !message.service && item('check', 'menu.select', () => app.store.dispatch({ type: 'selection_toggled', ids: album.map((one) => one.id) })),
    there && writes && offers('orders') && item('trash', 'menu.delete', () => askDelete(app, album), true),
  ];
}

/** What is selected of a message's words. */
function selectedIn(message) {
  const selection = getSelection();
  const at = selection.isCollapsed ? null : selection.anchorNode?.parentElement?.closest('.message');
  const same = at && at === selection.focusNode?.parentElement?.closest('.message') && at.dataset.id === message.id;
  const inWords = same && selection.anchorNode.parentElement.closest('.body');
  return inWords ? selection.toString().trim() : '';
}

export async function copy(app, text) {
  try {
    await navigator.clipboard.writeText(text);
    app.toast(app.t('code.copied'));
  } catch {
    app.toast(app.t('code.failed'));
  }
}

/** The usual reactions, and ours to take back. */
function reactionRow(app, message, done) {
  if (!offers('orders') || !atTelegram(message) || message.service || !writable(app, message)) return null;
  const { t } = app;
  const mine = new Set((message.reactions ?? []).filter((one) => one.mine).map((one) => one.emoji));
  const all = [...new Set([...mine, ...QUICK])].filter(Boolean);
  const press = (emoji) => {
    done();
    app.deeds.react(message, mine.has(emoji) ? null : emoji);
  };
  return el('div', { class: 'react-row', role: 'group', 'aria-label': t('menu.react') }, ...all.map((emoji) => el('button', { type: 'button', class: 'react', role: 'menuitemcheckbox', 'aria-checked': String(mine.has(emoji)), 'aria-label': t('menu.react.with', { emoji }), text: emoji, on: { click: () => press(emoji) } })));
}

/** For everyone or for this account alone: what each means depends on the chat. */
export async function askDelete(app, messages) {
  const { t, state } = app;
  const conversation = state.conversations.get(messages[0].conversation_id);
  const all = ['supergroup', 'channel'].includes(conversation?.kind);
  const everyone = { value: 'everyone', label: t(conversation?.kind === 'private' || conversation?.kind === 'bot' ? 'delete.both' : 'delete.everyone') };
  const choices = all ? [everyone] : [everyone, { value: 'me', label: t('delete.me') }];
  const n = messages.length;
  const whom = await confirm(app, { title: t('delete.title', { n }), text: t('delete.text'), act: t('menu.delete.act'), choices });
  if (whom) app.deeds.deleteMessages(messages, whom);
}
