/** A new conversation: from which account, to whom, and what is said first. Nobody is guessed: a name finds only what is here. */

import { api } from '../api.js';
import { el, setText, show } from '../dom.js';
import { recipientOf } from '../recipient.js';
import { cleanName, hueOf, matchesName } from '../text.js';
import { canSend, colourOf, explain, titleOf } from '../words.js';
import { field } from './fields.js';
import { fillAvatar } from './list.js';
import { Sheet } from './sheet.js';

const SHOWN = 8;

/** @param {import('../main.js').App} app */
export function openNew(app) {
  const { t, state } = app;
  const sheet = new Sheet(app, t('new.title'));
  const senders = [...state.accounts.values()].filter(canSend);
  if (senders.length === 0) {
    sheet.body.append(el('p', { text: t('new.noaccount') }));
    return sheet.open();
  }
  const preferred = state.filter.accounts[0] ?? state.conversations.get(state.selected)?.account_id;
  const account = el('select', { class: 'input', 'aria-label': t('new.account') }, ...senders.map((one) => el('option', { value: one.id, selected: one.id === preferred, text: [cleanName(one.label), one.phone].filter(Boolean).join(' · ') })));
  const to = field(t('new.recipient'), { hint: t('new.recipient.hint'), type: 'text', autocomplete: 'off', spellcheck: 'false', dir: 'auto' });
  const known = el('div', { class: 'options', role: 'group', 'aria-label': t('new.known') });
  const several = el('p', { class: 'hint', role: 'status', text: t('new.several'), hidden: true });
  const text = field(t('new.text'), { rows: 3, dir: 'auto' });
  const send = el('button', { class: 'button primary', text: t('composer.send') });
  const form = el('form', { class: 'signin' }, el('div', { class: 'field' }, el('span', { class: 'label', text: t('new.account') }), account), to.root, several, known, text.root,
    el('div', { class: 'actions end' }, el('button', { type: 'button', class: 'button', text: t('cancel'), on: { click: () => sheet.close() } }), send));
  const choose = (id) => {
    const words = text.input.value;
    sheet.close();
    app.openConversation(id);
    if (words.trim() !== '') app.composer.put(words);
  };
  to.input.addEventListener('input', () => {
    to.fail(null);
    const found = matching(app, to.value);
    known.replaceChildren(...found.map((one) => option(app, one, choose)));
    const people = new Map();
    for (const one of found) people.set(one.chat_id, (people.get(one.chat_id) ?? 0) + 1);
    show(several, [...people.values()].some((n) => n > 1));
  });
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const recipient = recipientOf(to.value);
    if (recipient === null) return to.fail(t('new.unclear'));
    if (text.value === '') return text.fail(t('error.text_empty'));
    send.disabled = true;
    try {
      const { conversation } = await api.sendTo(account.value, recipient, text.value);
      app.store.dispatch({ type: 'conversations_found', conversations: [conversation] });
      sheet.close();
      app.openConversation(String(conversation.id));
    } catch (error) {
      if (!error.code) throw error;
      const at = error.code.startsWith('text_') ? text : to;
      at.fail(explain(app.words, error));
    } finally {
      send.disabled = false;
    }
    return undefined;
  });
  sheet.body.append(form);
  sheet.open();
  to.input.focus();
  return sheet;
}

function matching(app, query) {
  const { state } = app;
  const name = query.replace(/^@/, '');
  if (name.length < 2) return [];
  const found = [];
  for (const id of state.order) {
    const one = state.conversations.get(id);
    const account = state.accounts.get(one.account_id);
    if (account && canSend(account) && matchesName(name, one.title, one.username)) found.push(one);
    if (found.length === SHOWN) break;
  }
  return found;
}

function option(app, conversation, choose) {
  const title = titleOf(conversation, app.t);
  const account = app.state.accounts.get(conversation.account_id);
  const avatar = el('span', { 'aria-hidden': 'true' });
  fillAvatar(avatar, conversation, title);
  const label = el('bdi', { class: 'one-line' });
  setText(label, cleanName(account.label));
  return el('button', { type: 'button', class: 'result', on: { click: () => choose(conversation.id) } }, avatar, el('span', { class: 'text' },
    el('span', { class: 'top' }, el('bdi', { class: 'one-line', text: title }), el('span', { class: 'account-chip', 'data-colour': colourOf(account, hueOf) }, el('span', { class: 'dot' }), label)),
    el('span', { class: 'snippet one-line', text: conversation.username ? `@${conversation.username}` : app.t(`kind.${conversation.kind}`) })));
}
