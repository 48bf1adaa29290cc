/** Which nodes reach the account vault: the banner says where one does not. Nothing is looked at where one service is alone. */

import { api } from './api.js';
import { nodeName } from './views/nodes.js';

const LOOK_MS = 10_000;

const seen = (node) => ({ name: nodeName(node), own: node.this, vault: node.vault });

export class Vaults {
  /** @param {import('./main.js').App} app */
  constructor(app) {
    this.app = app;
    this.looking = false;
  }

  /** Looks for as long as there are nodes. Who may not see them is not told of them. */
  async watch() {
    if (this.looking) return;
    this.looking = true;
    while (await this.look()) await new Promise((done) => { setTimeout(done, LOOK_MS); });
    this.looking = false;
  }

  /** @returns whether there is anything to look at */
  async look() {
    const { state, store } = this.app;
    if (state.scope !== 'admin') return false;
    if (document.hidden || state.live.phase !== 'open') return true;
    try {
      const { nodes } = await api.nodes();
      store.dispatch({ type: 'nodes_seen', nodes: nodes.filter((node) => node.alive).map(seen) });
      return nodes.length > 0;
    } catch (error) {
      if (!error.code) throw error;
      return error.status !== 403;
    }
  }
}
