/** The bar of a forum's topics over its messages. All other conversations have none. */

import { $, arrange, el, setAttr, setText, show } from '../dom.js';
import { cleanName } from '../text.js';
import { GENERAL } from '../topics.js';

const ALL = 'all';

export class Topics {
  /** @param {import('../main.js').App} app */
  constructor(app) {
    this.app = app;
    this.root = $('#topics');
    this.buttons = new Map();
    this.root.addEventListener('click', (event) => this.choose(event.target.closest('[data-topic]')?.dataset.topic));
    app.store.view((state) => this.paint(state));
  }

  choose(topic) {
    const { selected, topic: open } = this.app.state;
    const wanted = topic === ALL ? null : topic;
    if (topic !== undefined && selected !== null && wanted !== open) this.app.actions.open(selected, null, wanted);
  }

  paint(state) {
    const topics = state.selected === null ? null : state.topics.get(state.selected);
    const shown = Boolean(topics?.length);
    show(this.root, shown);
    if (!shown) return;
    const { t } = this.app;
    const all = [[ALL, t('topic.all')], [GENERAL, t('topic.general')], ...topics.map(({ id, title }) => [String(id), cleanName(title) || t('topic.unnamed')])];
    arrange(this.root, all.map(([id, title]) => this.button(id, title, id === (state.topic ?? ALL))));
  }

  button(id, title, open) {
    let button = this.buttons.get(id);
    if (!button) this.buttons.set(id, (button = el('button', { type: 'button', class: 'chip', 'data-topic': id }, el('bdi', { class: 'one-line' }))));
    setText(button.firstElementChild, title);
    setAttr(button, 'aria-pressed', String(open));
    return button;
  }
}
