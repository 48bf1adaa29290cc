/** The other accounts that have a chat, as buttons that lead to their conversation with it. */

import { el, icon, setAttr, setText } from '../dom.js';
import { twinsOf } from '../twins.js';
import { cleanName, hueOf } from '../text.js';
import { colourOf } from '../words.js';

/** @param {import('../main.js').App} app @param {Element} box @returns {boolean} whether there are any */
export function fillTwins(app, box, conversation) {
  const { state, t } = app;
  const twins = twinsOf(state, conversation);
  const had = new Map([...box.children].map((button) => [button.dataset.id, button]));
  const buttons = twins.map((twin) => {
    const { id } = twin;
    const account = state.accounts.get(twin.account_id);
    const button = had.get(String(id)) ?? el('button', { type: 'button', class: 'account-chip', 'data-id': String(id), on: { click: () => app.openConversation(String(id)) } }, icon('copy', 'small'), el('span', { class: 'one-line' }));
    setAttr(button, 'data-colour', colourOf(account, hueOf));
    const label = cleanName(account.label);
    setText(button.lastElementChild, label);
    setAttr(button, 'title', t('twins', { accounts: label }));
    setAttr(button, 'aria-label', t('twins', { accounts: label }));
    return button;
  });
  const same = buttons.length === box.children.length && buttons.every((button, n) => box.children[n] === button);
  if (!same) box.replaceChildren(...buttons);
  return buttons.length > 0;
}
