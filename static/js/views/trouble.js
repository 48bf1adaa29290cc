/** Why a file does not come, in words, with what can be done. */

import { el } from '../dom.js';
import { mediaTrouble } from '../api.js';

/** Asks the service what is wrong with a file. @param {import('../main.js').App} app @param {(() => void)|null} again */
export async function troubleBox(app, href, again) {
  const { t } = app;
  const error = await mediaTrouble(href);
  const text = error ? app.explain(error) : t('media.cannotplay');
  const gone = error && [404, 410].includes(error.status);
  const retry = again && !gone ? el('button', { type: 'button', class: 'button', text: t('retry'), on: { click: (event) => { event.stopPropagation(); again(); } } }) : null;
  const save = error ? null : el('a', { class: 'button', href, download: '', text: t('media.save') });
  app.say(text);
  return el('div', { class: 'media-trouble' }, el('span', { text }), retry, save);
}
