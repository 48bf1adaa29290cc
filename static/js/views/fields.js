/** Form pieces used by sign-in and the account sheet. */

import { el, icon, setAttr, setText } from '../dom.js';

let counter = 0;

/** A labelled input with its hint and the place where its error appears. */
export function field(label, { hint, ...attributes }) {
  counter += 1;
  const id = `field-${counter}`;
  const input = el(attributes.rows ? 'textarea' : 'input', { class: 'input', id, 'aria-describedby': `${id}-hint ${id}-error`, ...attributes });
  const error = el('div', { class: 'error', id: `${id}-error`, role: 'alert' });
  const root = el('div', { class: 'field' }, el('label', { for: id, text: label }), input, hint ? el('div', { class: 'hint', id: `${id}-hint` }, hint) : el('span', { id: `${id}-hint`, hidden: true }), error);
  return {
    root, input,
    get value() { return input.value.trim(); },
    fail(text) {
      setText(error, text ?? '');
      setAttr(input, 'aria-invalid', text ? 'true' : null);
      if (text) input.focus();
    },
  };
}

/** Twelve colours to choose from; each has a number so that colour is not the only difference. */
export function colourField(app, value, change) {
  counter += 1;
  const name = `colour-${counter}`;
  const box = el('div', { class: 'colours' });
  for (let n = 0; n < 12; n += 1) {
    const input = el('input', { type: 'radio', name, value: n, 'aria-label': app.t('signin.colour.n', { number: n + 1 }), on: { change: () => change(n) } });
    input.checked = n === value;
    box.append(el('label', { 'data-colour': n }, input, el('span', { 'aria-hidden': 'true' }, icon('check', 'small'))));
  }
  return el('fieldset', { class: 'field' }, el('legend', { class: 'label', text: app.t('signin.colour') }), box);
}

/** The ways to take a history away, by format; where they lead is set by whoever shows them. */
export function exportLinks(app) {
  const link = (format) => el('a', { class: 'button', download: '', text: app.t(`export.${format}`), 'data-export': format });
  return { json: link('json'), html: link('html') };
}

/** Digits only, from whatever was pasted: "Login code: 12345", "1-2-3-4-5". */
export function codeFrom(text, length) {
  const digits = text.replace(/[٠-٩]/g, (digit) => String(digit.charCodeAt(0) - 0x660)).replace(/[۰-۹]/g, (digit) => String(digit.charCodeAt(0) - 0x6f0)).replace(/\D+/g, '');
  return digits.slice(0, length);
}

/** As many boxes as Telegram says; one real input lies over them, so paste, autofill and screen readers work. */
export function codeField(app, length, done) {
  counter += 1;
  const id = `code-${counter}`;
  const boxes = Array.from({ length }, () => el('span', { class: 'box' }));
  const input = el('input', { id, inputmode: 'numeric', autocomplete: 'one-time-code', dir: 'ltr', 'aria-label': app.t('signin.code.label', { n: length }), 'aria-describedby': `${id}-error`, spellcheck: 'false' });
  const holder = el('div', { class: 'code-field' }, ...boxes, input);
  const error = el('div', { class: 'error', id: `${id}-error`, role: 'alert' });
  const draw = () => {
    boxes.forEach((box, n) => {
      setText(box, input.value[n] ?? '');
      setAttr(box, 'data-next', String(n === Math.min(input.value.length, length - 1) && document.activeElement === input));
    });
  };
  input.addEventListener('input', () => {
    input.value = codeFrom(input.value, length);
    holder.dataset.bad = 'false';
    setText(error, '');
    draw();
    if (input.value.length === length) done(input.value);
  });
  input.addEventListener('focus', draw);
  input.addEventListener('blur', draw);
  draw();
  return {
    root: el('div', { class: 'field' }, holder, error), input,
    get value() { return input.value; },
    fail(text) {
      setText(error, text ?? '');
      setAttr(input, 'aria-invalid', text ? 'true' : null);
      holder.dataset.bad = String(Boolean(text));
      if (!text) return;
      input.value = '';
      input.focus();
      draw();
    },
  };
}
