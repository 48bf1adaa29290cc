/** Every text that a message had, the one of now first. */

import { api } from '../api.js';
import { el } from '../dom.js';
import { moment } from '../format.js';
import { richText } from './rich.js';
import { Sheet } from './sheet.js';

/** @param {import('../main.js').App} app @param {import('../types.js').Message} message */
export async function openVersions(app, message) {
  const { t } = app;
  const sheet = new Sheet(app, t('versions.title'));
  const note = el('p', { class: 'quiet', text: t('versions.busy') });
  sheet.body.append(note);
  sheet.open();
  try {
    const { versions } = await api.versions(message.id);
    const newest = versions.length - 1;
    const items = versions.map((version, n) => one(app, version, n === newest ? message : null));
    note.replaceWith(el('ol', { class: 'versions' }, ...items.reverse()));
    if (versions.length === 1) sheet.body.append(el('p', { class: 'hint', text: t('versions.alone') }));
  } catch (error) {
    note.textContent = app.explain(error);
  }
}

function one(app, version, message) {
  const { t, lang } = app;
  const when = message ? t('versions.now') : t('versions.until', { time: moment(lang, version.replaced_at) });
  const text = version.text === '' ? [el('span', { class: 'quiet', text: t('versions.empty') })] : richText(app, version.text, message?.entities);
  return el('li', {}, el('div', { class: 'small quiet', text: when }), el('div', { class: 'body', dir: 'auto' }, ...text));
}
