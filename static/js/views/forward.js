/** Where messages are forwarded to: conversations of any account, several at once. */

import { api } from '../api.js';
import { el } from '../dom.js';
import { cleanName, hueOf, matchesName } from '../text.js';
import { GENERAL } from '../topics.js';
import { canSend, colourOf, titleOf } from '../words.js';
import { fillAvatar } from './list.js';
import { Sheet } from './sheet.js';

const SHOWN = 40;
const MOST = 10;

/** @param {import('../main.js').App} app @param {object[]} messages */
export function openForward(app, messages) {
  const { t } = app;
  const sheet = new Sheet(app, t('forward.title', { n: messages.length }));
  sheet.body.classList.add('forward');
  const chosen = new Set();
  const options = el('div', { class: 'options', role: 'group', 'aria-label': t('forward.to') });
  const input = el('input', { class: 'input', type: 'search', autocomplete: 'off', spellcheck: 'false', dir: 'auto', 'aria-label': t('palette.label'), placeholder: t('palette.label') });
  const hide = el('input', { type: 'checkbox' });
  const note = el('p', { class: 'hint', role: 'status' });
  const send = el('button', { type: 'button', class: 'button primary', text: t('forward.send') });
  const topic = el('select', { class: 'input', 'aria-label': t('forward.topic') });
  sheet.body.append(input, options, topic, note, el('label', { class: 'choice' }, hide, el('span', { text: t('forward.hide') })),
    el('div', { class: 'actions end' }, el('button', { type: 'button', class: 'button', text: t('cancel'), on: { click: () => sheet.close() } }), send));

  const told = () => {
    const copies = [...chosen].some((id) => app.state.conversations.get(id)?.account_id !== messages[0].account_id);
    note.textContent = chosen.size > MOST ? t('forward.most', { n: MOST }) : copies ? t('forward.copy') : '';
    send.disabled = chosen.size === 0 || chosen.size > MOST;
    offerTopics(app, topic, chosen);
  };
  const draw = () => options.replaceChildren(...found(app, input.value.trim(), chosen).map((one) => option(app, one, chosen, told)));
  let timer = null;
  input.addEventListener('input', () => {
    draw();
    clearTimeout(timer);
    const query = input.value.trim();
    if (query.length >= 2) timer = setTimeout(() => app.actions.findPeople(query).then(() => { if (input.value.trim() === query) draw(); }, () => {}), 200);
  });
  send.addEventListener('click', () => {
    sheet.close();
    app.deeds.forward(messages, [...chosen], hide.checked, topic.hidden ? null : topic.value);
  });
  draw();
  told();
  sheet.open();
  input.focus();
}

/** One forum alone: which of its topics. */
async function offerTopics(app, select, chosen) {
  const [id] = chosen.size === 1 ? chosen : [null];
  if (select.dataset.of === String(id)) return;
  select.dataset.of = String(id);
  select.hidden = true;
  if (app.state.conversations.get(id)?.kind !== 'supergroup') return;
  const topics = app.state.topics.get(id) ?? (await api.topics(id).then((answer) => answer.topics, () => []));
  if (select.dataset.of !== String(id) || topics.length === 0) return;
  const named = topics.map((one) => [String(one.id), cleanName(one.title) || app.t('topic.unnamed')]);
  select.replaceChildren(...[[GENERAL, app.t('topic.general')], ...named].map(([value, text]) => el('option', { value, text })));
  select.hidden = false;
}

/** What was chosen stays in sight, whatever is looked for next. */
function found(app, query, chosen) {
  const { state } = app;
  const list = [...chosen].map((id) => state.conversations.get(id)).filter(Boolean);
  for (const id of state.order) {
    if (list.length >= SHOWN) break;
    const one = state.conversations.get(id);
    const account = state.accounts.get(one.account_id);
    if (chosen.has(id) || one.can_send === false || !account || !canSend(account)) continue;
    if (query === '' || matchesName(query, one.title, one.username)) list.push(one);
  }
  return list;
}

function option(app, conversation, chosen, told) {
  const title = titleOf(conversation, app.t);
  const account = app.state.accounts.get(conversation.account_id);
  const avatar = el('span', { 'aria-hidden': 'true' });
  fillAvatar(avatar, conversation, title);
  const box = el('input', { type: 'checkbox', on: { change: () => { if (box.checked) chosen.add(conversation.id); else chosen.delete(conversation.id); told(); } } });
  box.checked = chosen.has(conversation.id);
  const chip = account ? el('span', { class: 'account-chip', 'data-colour': colourOf(account, hueOf) }, el('span', { class: 'dot' }), el('bdi', { class: 'one-line', text: cleanName(account.label) })) : null;
  return el('label', { class: 'result' }, box, avatar, el('span', { class: 'text' }, el('span', { class: 'top' }, el('bdi', { class: 'one-line', text: title }), chip),
    el('span', { class: 'snippet one-line', text: conversation.username ? `@${conversation.username}` : app.t(`kind.${conversation.kind}`) })));
}
