/** A round progress, and in its middle the way to stop. */

import { el, icon, setAttr } from '../dom.js';

const SVG = 'http://www.w3.org/2000/svg';

export class Ring {
  /** @param {import('../main.js').App} app @param {string} label what is under way @param {() => void} stop */
  constructor(app, label, stop) {
    this.done = circle('done');
    this.mark = document.createElementNS(SVG, 'svg');
    this.mark.setAttribute('viewBox', '0 0 40 40');
    this.mark.setAttribute('role', 'progressbar');
    this.mark.setAttribute('aria-label', label);
    this.mark.append(circle('whole'), this.done);
    const press = (event) => {
      event.preventDefault();
      event.stopPropagation();
      stop();
    };
    this.root = el('span', { class: 'coming-ring' }, this.mark, el('button', { type: 'button', class: 'ring-stop', 'aria-label': app.t('file.stop'), title: app.t('file.stop'), on: { click: press } }, icon('close', 'small')));
    this.set(null);
  }

  /** @param {number|null} share from 0 to 1; null: nobody knows */
  set(share) {
    this.root.classList.toggle('unknown', share === null);
    this.done.setAttribute('stroke-dasharray', `${(share ?? 0.25) * 100} 100`);
    setAttr(this.mark, 'aria-valuenow', share === null ? null : Math.round(share * 100));
  }
}

function circle(name) {
  const one = document.createElementNS(SVG, 'circle');
  for (const [key, value] of [['class', name], ['cx', 20], ['cy', 20], ['r', 17], ['pathLength', 100]]) one.setAttribute(key, value);
  return one;
}
