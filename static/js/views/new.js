/** A new conversation: from which account, to whom, and what is said first. Nobody is guessed: a name finds only who is here. */

import { api } from '../api.js';
import { el, setText, show } from '../dom.js';
import { isInvitation, recipientOf } from '../recipient.js';
import { cleanName, hueOf, initials, matchesName, oneLine } from '../text.js';
import { canSend, colourOf, explain, titleOf } from '../words.js';
import { field } from './fields.js';
import { fillAvatar } from './list.js';
import { Sheet } from './sheet.js';

const SHOWN = 8;
const REST_MS = 250;

/** @param {import('../main.js').App} app */
export function openNew(app) {
  const { t, state } = app;
  const sheet = new Sheet(app, t('new.title'));
  const senders = [...state.accounts.values()].filter(canSend);
  if (senders.length === 0) {
    sheet.body.append(el('p', { text: t('new.noaccount') }));
    return sheet.open();
  }
  return new NewConversation(app, sheet, senders).open();
}

class NewConversation {
  constructor(app, sheet, senders) {
    const { t, state } = app;
    this.app = app;
    this.sheet = sheet;
    /** Who was chosen from a list or looked up; what is typed after that counts anew. */
    this.chosen = null;
    this.asked = 0;
    const preferred = state.filter.accounts[0] ?? state.conversations.get(state.selected)?.account_id;
    this.account = el('select', { class: 'input', 'aria-label': t('new.account'), on: { change: () => this.typed() } }, ...senders.map((one) => el('option', { value: one.id, selected: one.id === preferred, text: [cleanName(one.label), one.phone].filter(Boolean).join(' · ') })));
    this.to = field(t('new.recipient'), { hint: t('new.recipient.hint'), type: 'text', autocomplete: 'off', spellcheck: 'false', dir: 'auto' });
    this.find = el('button', { type: 'button', class: 'button', text: t('new.find'), hidden: true, on: { click: () => this.lookUp() } });
    this.found = el('div', { class: 'options', role: 'group', 'aria-label': t('new.found'), 'aria-live': 'polite' });
    this.known = el('div', { class: 'options', role: 'group', 'aria-label': t('new.known') });
    this.contacts = el('div', { class: 'options', role: 'group', 'aria-label': t('new.contacts') });
    this.several = el('p', { class: 'hint', role: 'status', text: t('new.several'), hidden: true });
    this.text = field(t('new.text'), { rows: 3, dir: 'auto' });
    this.send = el('button', { class: 'button primary', text: t('composer.send') });
    const form = el('form', { class: 'signin', on: { submit: (event) => this.submit(event) } },
      el('div', { class: 'field' }, el('span', { class: 'label', text: t('new.account') }), this.account), this.to.root, el('div', { class: 'actions' }, this.find), el('div', { class: 'finds' }, this.found, this.several, this.known, this.contacts), this.text.root,
      el('div', { class: 'actions end' }, el('button', { type: 'button', class: 'button', text: t('cancel'), on: { click: () => sheet.close() } }), this.send));
    this.to.input.addEventListener('input', () => this.typed());
    sheet.body.append(form);
  }

  open() {
    this.sheet.open();
    this.to.input.focus();
    this.typed();
    return this.sheet;
  }

  typed() {
    const { app, to } = this;
    to.fail(null);
    this.chosen = null;
    this.found.replaceChildren();
    show(this.find, recipientOf(to.value) !== null);
    const matches = matching(app, to.value);
    this.known.replaceChildren(...matches.map((one) => this.conversation(one)));
    const people = new Map();
    for (const one of matches) people.set(one.chat_id, (people.get(one.chat_id) ?? 0) + 1);
    show(this.several, [...people.values()].some((n) => n > 1));
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.searchContacts(), REST_MS);
  }

  /** Never for what names somebody exactly: a number would stand in an address. */
  async searchContacts() {
    const [account, q] = [this.account.value, this.to.value.replace(/^@/, '')];
    this.asked += 1;
    const asked = this.asked;
    if (recipientOf(this.to.value) !== null && !/^@/.test(this.to.value)) return this.contacts.replaceChildren();
    const page = await api.contacts(account, { q, limit: SHOWN }).catch((error) => {
      if (!error.code) throw error;
      return null;
    });
    if (asked !== this.asked || !this.sheet.isOpen) return undefined;
    const listed = (page?.contacts ?? []).filter((one) => !this.isListed(one));
    return this.contacts.replaceChildren(...listed.map((one) => this.contact(one)));
  }

  isListed(contact) {
    return [...this.known.children].some((option) => contact.conversation_id !== null && option.dataset.conversation === String(contact.conversation_id));
  }

  async lookUp() {
    const { app, to } = this;
    const account = this.account.value;
    this.find.disabled = true;
    try {
      const { found } = await api.find(account, recipientOf(to.value));
      if (!this.sheet.isOpen || account !== this.account.value) return;
      this.showFound(found);
    } catch (error) {
      if (!error.code) throw error;
      to.fail(explain(app.words, error));
    } finally {
      this.find.disabled = false;
    }
  }

  showFound(found) {
    const { t } = this.app;
    const detail = [t(`kind.${found.kind}`), found.username ? `@${found.username}` : '', found.members === null ? '' : t('new.members', { n: found.members }), this.others(found.accounts)].filter(Boolean).join(' · ');
    const parts = [this.option({ title: found.title, chat_id: found.chat_id ?? found.title, kind: found.kind }, this.account.value, detail, () => this.choose(found))];
    if (found.about) parts.push(el('p', { class: 'hint', dir: 'auto', text: oneLine(found.about, 300) }));
    if (found.wants?.stars) parts.push(el('p', { class: 'hint', 'data-wants': 'stars', text: t('new.paid', { n: found.wants.stars }) }));
    else if (found.wants?.premium) parts.push(el('p', { class: 'hint', 'data-wants': 'premium', text: t('new.premium') }));
    if (found.joinable) parts.push(el('div', { class: 'actions' }, el('button', { type: 'button', class: 'button', text: t(found.on_request ? 'new.ask' : 'new.join'), on: { click: () => this.join() } })));
    this.found.replaceChildren(...parts);
    if (!found.joinable && !found.conversation) this.choose(found);
  }

  /** @returns which other accounts know somebody, in words. */
  others(accounts) {
    const { state, t } = this.app;
    const labels = accounts.filter((id) => id !== this.account.value).map((id) => cleanName(state.accounts.get(id)?.label)).filter(Boolean);
    return labels.length === 0 ? '' : t('new.alsoby', { accounts: labels.join(', ') });
  }

  choose(found) {
    if (found.conversation) {
      this.app.store.dispatch({ type: 'conversations_found', conversations: [found.conversation] });
      return this.openConversation(String(found.conversation.id));
    }
    if (found.chat_id === null || found.joinable) return undefined;
    this.chosen = { recipient: found.chat_id };
    for (const option of this.found.querySelectorAll('.result')) option.setAttribute('aria-pressed', 'true');
    return this.text.input.focus();
  }

  async join() {
    const { app, to } = this;
    try {
      const { conversation, requested } = await api.join(this.account.value, recipientOf(to.value));
      if (requested) return this.found.replaceChildren(el('p', { class: 'hint', text: app.t('new.asked') }));
      app.store.dispatch({ type: 'conversations_found', conversations: [conversation] });
      return this.openConversation(String(conversation.id));
    } catch (error) {
      if (!error.code) throw error;
      return to.fail(explain(app.words, error));
    }
  }

  openConversation(id) {
    const words = this.text.input.value;
    this.sheet.close();
    this.app.openConversation(id);
    if (words.trim() !== '') this.app.composer.put(words);
  }

  async chooseContact(contact) {
    if (contact.conversation_id !== null) {
      const { conversation } = await api.conversation(contact.conversation_id);
      return this.choose({ conversation });
    }
    this.to.input.value = cleanName(contact.name);
    this.known.replaceChildren();
    this.contacts.replaceChildren(this.contact(contact));
    this.contacts.firstChild.setAttribute('aria-pressed', 'true');
    show(this.find, false);
    this.chosen = { recipient: contact.chat_id };
    return this.text.input.focus();
  }

  async submit(event) {
    event.preventDefault();
    const { app, to, text } = this;
    const { t } = app;
    if (!this.chosen && isInvitation(to.value)) return this.lookUp();
    const recipient = this.chosen?.recipient ?? recipientOf(to.value);
    if (recipient === null) return to.fail(t('new.unclear'));
    if (text.value === '') return text.fail(t('error.text_empty'));
    this.send.disabled = true;
    try {
      const { conversation } = await api.sendTo(this.account.value, recipient, text.value);
      app.store.dispatch({ type: 'conversations_found', conversations: [conversation] });
      this.sheet.close();
      app.openConversation(String(conversation.id));
    } catch (error) {
      if (!error.code) throw error;
      const at = error.code.startsWith('text_') ? text : to;
      at.fail(explain(app.words, error));
    } finally {
      this.send.disabled = false;
    }
    return undefined;
  }

  conversation(one) {
    const { t } = this.app;
    const detail = one.username ? `@${one.username}` : t(`kind.${one.kind}`);
    const made = this.option(one, one.account_id, detail, () => this.openConversation(one.id));
    made.dataset.conversation = one.id;
    return made;
  }

  contact(one) {
    const detail = [this.app.t('new.contact'), one.username ? `@${one.username}` : '', this.others(one.accounts)].filter(Boolean).join(' · ');
    return this.option({ title: one.name, chat_id: one.chat_id, kind: 'private' }, one.account_id, detail, () => this.chooseContact(one));
  }

  option(chat, accountId, detail, click) {
    const { app } = this;
    const title = titleOf(chat, app.t);
    const account = app.state.accounts.get(accountId);
    const avatar = el('span', { 'aria-hidden': 'true' });
    // Only conversations have a photo here.
    if (chat.id) fillAvatar(avatar, chat, title);
    else Object.assign(avatar, { className: 'avatar', textContent: initials(title) }).dataset.colour = hueOf(chat.chat_id);
    const label = el('bdi', { class: 'one-line' });
    setText(label, cleanName(account.label));
    return el('button', { type: 'button', class: 'result', on: { click } }, avatar, el('span', { class: 'text' },
      el('span', { class: 'top' }, el('bdi', { class: 'one-line', text: title }), el('span', { class: 'account-chip', 'data-colour': colourOf(account, hueOf) }, el('span', { class: 'dot' }), label)),
      el('span', { class: 'snippet one-line', text: detail })));
  }
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
