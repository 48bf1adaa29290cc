/** For a few seconds, what was just asked for can be taken back. */

import { $, setText, show } from '../dom.js';
import { Undo } from '../undo.js';

/** @param {import('../main.js').App} app */
export function undoBar(app) {
  const box = $('#undo');
  const undo = new Undo({ onChange: (thing) => {
    show(box, thing !== null);
    setText(box.firstElementChild, thing?.text ?? '');
    if (thing) app.say(thing.text);
  } });
  box.querySelector('button').addEventListener('click', () => undo.takeBack());
  addEventListener('pagehide', () => undo.flush());
  return undo;
}
