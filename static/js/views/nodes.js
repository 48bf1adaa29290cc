/** Nodes: several services on one database, for the settings; and which of them has an account. Nothing is shown where there is one. */

import { api } from '../api.js';
import { el, setText, show } from '../dom.js';
import { countdown, number } from '../format.js';
import { cleanText } from '../text.js';

const LOOK_MS = 3_000;

/** What a person calls it: two of one machine differ by their address. */
export function nodeName(node) {
  const name = cleanText(node.name);
  return node.address ? `${name} (${cleanText(node.address)})` : name;
}

/** The node that has an account; `null` where there is one service alone, or nobody has it. */
export async function nodeOf(account) {
  const { nodes } = await api.nodes();
  if (nodes.length < 2) return null;
  return nodes.find((node) => node.alive && node.accounts.some((lease) => lease.id === account)) ?? null;
}

export class NodesSection {
  /** @param {import('../main.js').App} app */
  constructor(app) {
    this.app = app;
    this.rows = new Map();
    this.list = el('ul', { class: 'entries' });
    this.without = el('p', { class: 'hint', role: 'status' });
    this.trouble = el('p', { class: 'error', role: 'alert' });
    this.root = el('section', { class: 'access nodes', hidden: true }, el('h3', { text: app.t('nodes.title') }), el('p', { class: 'hint', text: app.t('nodes.hint') }), this.list, this.without, this.trouble);
  }

  /** Looks for as long as it is on the page. */
  async watch() {
    while (this.root.isConnected) {
      await this.load();
      await new Promise((done) => { setTimeout(done, LOOK_MS); });
    }
  }

  async load() {
    try {
      this.paint(await api.nodes());
    } catch (error) {
      if (!error.code) throw error;
      // Who sees some accounts only has no business with nodes; others are told by the banner that the service is away.
      if (error.status === 403) this.root.remove();
    }
  }

  paint({ nodes, without_node: without }) {
    show(this.root, nodes.length > 1);
    const known = new Set(nodes.map((node) => node.id));
    for (const [id, row] of this.rows) {
      if (known.has(id)) continue;
      row.root.remove();
      this.rows.delete(id);
    }
    for (const node of nodes) this.row(node).paint(node, this.app);
    const { t, lang } = this.app;
    setText(this.without, without.length > 0 ? t('nodes.without', { n: number(lang, without.length) }) : '');
  }

  row(node) {
    const had = this.rows.get(node.id);
    if (had) return had;
    const row = new Row(node, () => this.drain(row));
    this.rows.set(node.id, row);
    this.list.append(row.root);
    return row;
  }

  async drain(row) {
    // A button that is disabled would lose the focus.
    if (row.busy) return;
    row.busy = true;
    setText(this.trouble, '');
    try {
      await api.drainNode(row.node.id, !row.node.draining);
    } catch (error) {
      if (!error.code) throw error;
      setText(this.trouble, error.code === 'no_other_node' ? this.app.t('nodes.no_other') : this.app.explain(error));
    } finally {
      row.busy = false;
    }
    await this.load();
  }
}

/** A row stays the same element: its button keeps the focus. */
class Row {
  constructor(node, drain) {
    this.node = node;
    this.busy = false;
    this.name = el('bdi', { class: 'grow break', dir: 'ltr' });
    this.dot = el('span', { text: '●', 'aria-hidden': 'true' });
    this.facts = el('p', { class: 'small' });
    this.button = el('button', { type: 'button', class: 'button', 'data-act': 'nodes.drain', on: { click: drain } });
    this.root = el('li', { 'data-node': node.id }, el('div', { class: 'state-line' }, this.dot, this.name), this.facts, el('div', { class: 'actions' }, this.button));
  }

  paint(node, app) {
    const { t, lang } = app;
    this.node = node;
    setText(this.name, nodeName(node));
    const state = node.alive ? (node.draining ? 'draining' : 'alive') : 'silent';
    this.root.dataset.state = state;
    this.dot.className = { alive: 'good', draining: 'wait', silent: 'bad' }[state];
    const facts = [t(`nodes.state.${state}`), t('nodes.accounts', { n: number(lang, node.accounts.length) }), t('nodes.seen', { ago: countdown(lang, node.seen_ms) }), t('nodes.version', { version: node.version })];
    if (node.vault?.state === 'offline') facts.push(t('nodes.vault'));
    if (node.this) facts.push(t('nodes.this'));
    setText(this.facts, facts.join(' · '));
    show(this.button, app.state.scope === 'admin' && node.alive);
    setText(this.button, t(node.draining ? 'nodes.undrain' : 'nodes.drain'));
  }
}
