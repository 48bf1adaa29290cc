/** The empty desk: one card that leads to the first account. */

import { $, show } from '../dom.js';
import { Signin } from './signin.js';

/** Nothing is connected yet: no account at all, or one whose first sign-in is under way. */
export function isFirstRun(state) {
  if (!state.accountsLoaded || state.accounts.size > 1) return false;
  const [only] = state.accounts.values();
  return !only || (['signing_in', 'signed_out'].includes(only.state) && !only.user && state.conversations.size === 0);
}

export class Welcome {
  constructor(app) {
    this.app = app;
    /** @type {Signin|null} */
    this.signin = null;
  }

  update(state) {
    const only = state.accounts.size === 1 ? [...state.accounts.values()][0] : null;
    const wanted = isFirstRun(state);
    show($('#welcome'), wanted);
    for (const name of ['#list', '#chat']) show($(name), !wanted && state.accountsLoaded);
    if (!wanted && this.signin) {
      this.signin.close();
      this.signin = null;
    }
    if (!wanted || this.signin) return;
    this.signin = new Signin(this.app, {
      account: only?.id ?? null, welcome: true,
      onDone: (id) => { this.signin = null; this.app.connected(id); },
      onCancel: () => this.app.store.ask(),
    });
    if (only) this.app.actions.loadLogin(only.id);
    $('#welcome .card').replaceChildren(this.signin.root);
  }
}
