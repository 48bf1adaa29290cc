/** Another file for a message of ours: picked, captioned as it is now, and put in its place. */

import { ApiError } from '../api.js';
import { el, setText, show } from '../dom.js';
import { parseMarkdown, toMarkdown } from '../markdown.js';
import { kindOf, troubleOf } from '../outgoing.js';
import { explain } from '../words.js';
import { Sheet } from './sheet.js';

/** What Telegram lets be replaced. */
export const REPLACEABLE = new Set(['photo', 'video', 'animation', 'audio', 'document']);

/** @param {import('../main.js').App} app @param {import('../types.js').Message} message */
export function openReplace(app, message) {
  const { t } = app;
  const sheet = new Sheet(app, t('replace.title'));
  const key = crypto.randomUUID();
  const pick = el('input', { type: 'file', class: 'input', id: 'replace-file' });
  const asFile = el('input', { type: 'checkbox' });
  const asRow = el('label', { class: 'choice' }, asFile, el('span', { text: t('files.as.files') }));
  const caption = el('textarea', { class: 'input', rows: 2, dir: 'auto', 'aria-label': t('files.caption'), placeholder: t('files.caption') });
  const before = toMarkdown(message.text ?? '', message.entities);
  caption.value = before;
  const note = el('p', { class: 'error', role: 'alert' });
  const go = el('button', { type: 'button', class: 'button primary', text: t('replace.send') });
  sheet.body.append(el('label', { for: 'replace-file', text: t('replace.pick') }), pick, asRow, caption, note,
    el('div', { class: 'actions end' }, el('button', { type: 'button', class: 'button', text: t('cancel'), on: { click: () => sheet.close() } }), go));
  const look = () => {
    const [file] = pick.files;
    const trouble = file ? troubleOf(file) : null;
    show(asRow, Boolean(file) && ['photo', 'video'].includes(kindOf(file)));
    setText(note, trouble ? t(`error.${trouble}`) : '');
    go.disabled = !file || Boolean(trouble);
  };
  pick.addEventListener('change', look);
  go.addEventListener('click', async () => {
    go.disabled = true;
    setText(note, '');
    try {
      await app.deeds.replaceFile(message, formOf(pick.files[0], asFile.checked, caption.value.trim(), before.trim()), key);
      sheet.close();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setText(note, explain(app.words, error));
      go.disabled = false;
    }
  });
  look();
  sheet.open();
  pick.focus();
}

/** A caption that was left alone stays as it is. */
function formOf(file, asFile, typed, before) {
  const form = new FormData();
  if (asFile) form.append('as', 'file');
  if (typed !== before) {
    const { text, entities } = parseMarkdown(typed);
    form.append('text', text);
    if (entities.length > 0) form.append('entities', JSON.stringify(entities));
  }
  form.append('file', file, file.name);
  return form;
}
