/** Jump to a conversation by name. */

import { el } from '../dom.js';
import { cleanName, hueOf, matchesName } from '../text.js';
import { colourOf, titleOf } from '../words.js';
import { fillAvatar } from './list.js';
import { Sheet } from './sheet.js';

const SHOWN = 12;

export function openPalette(app) {
  const sheet = new Sheet(app, app.t('palette.title'));
  sheet.body.classList.add('palette');
  const options = el('div', { class: 'options', role: 'listbox', id: 'palette-options', 'aria-label': app.t('palette.title') });
  const input = el('input', {
    class: 'input', type: 'search', role: 'combobox', autocomplete: 'off', spellcheck: 'false', dir: 'auto', 'aria-expanded': 'true', 'aria-controls': 'palette-options',
    'aria-label': app.t('palette.label'), placeholder: app.t('palette.label'),
  });
  sheet.body.append(input, options);
  let active = 0;
  let timer = null;

  const choose = (id) => { sheet.close(); app.openConversation(id); };
  const mark = (to) => {
    const rows = [...options.children];
    active = Math.max(0, Math.min(rows.length - 1, to));
    rows.forEach((row, n) => { row.dataset.active = String(n === active); row.setAttribute('aria-selected', String(n === active)); });
    rows[active]?.scrollIntoView({ block: 'nearest' });
    if (rows[active]) input.setAttribute('aria-activedescendant', rows[active].id);
    else input.removeAttribute('aria-activedescendant');
  };
  const draw = () => {
    options.replaceChildren(...found(app, input.value.trim()).map((conversation) => option(app, conversation, choose)));
    mark(0);
  };
  input.addEventListener('input', () => {
    draw();
    clearTimeout(timer);
    const query = input.value.trim();
    if (query.length >= 2) timer = setTimeout(() => app.actions.findPeople(query).then(() => { if (input.value.trim() === query) draw(); }, () => {}), 200);
  });
  input.addEventListener('keydown', (event) => {
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      mark(active + (event.key === 'ArrowDown' ? 1 : -1));
    } else if (event.key === 'Enter') {
      event.preventDefault();
      options.children[active]?.click();
    }
  });
  draw();
  sheet.open();
  input.focus();
  return sheet;
}

function found(app, query) {
  const { state } = app;
  const list = [];
  for (const id of state.order) {
    const conversation = state.conversations.get(id);
    if (query === '' || matchesName(query, conversation.title, conversation.username)) list.push(conversation);
    if (list.length === SHOWN) break;
  }
  return list;
}

function option(app, conversation, choose) {
  const title = titleOf(conversation, app.t);
  const account = app.state.accounts.get(conversation.account_id);
  const avatar = el('span', { 'aria-hidden': 'true' });
  fillAvatar(avatar, conversation, title);
  const chip = account ? el('span', { class: 'account-chip', 'data-colour': colourOf(account, hueOf) }, el('span', { class: 'dot' }), el('bdi', { class: 'one-line', text: cleanName(account.label) })) : null;
  return el('div', { class: 'result', role: 'option', id: `jump-${conversation.id}`, on: { click: () => choose(conversation.id) } }, avatar,
    el('span', { class: 'text' }, el('span', { class: 'top' }, el('bdi', { class: 'one-line', text: title }), chip),
      el('span', { class: 'snippet one-line', text: conversation.username ? `@${conversation.username}` : app.t(`kind.${conversation.kind}`) })));
}
