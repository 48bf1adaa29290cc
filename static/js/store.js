/** Holds the state and repaints: at most once per animation frame, never while the page is hidden. */

import { initialState, reduce } from './state.js';

export class Store {
  constructor() {
    this.state = initialState();
    this.painted = null;
    this.views = [];
    this.watchers = [];
    this.asked = false;
    document.addEventListener('visibilitychange', () => this.ask());
  }

  dispatch(action) {
    const before = this.state;
    this.state = reduce(before, action);
    if (this.state === before) return;
    for (const watch of this.watchers) watch(this.state, before, action);
    this.ask();
  }

  /** Called when painting; gets the state and the one painted before (null at first). @returns what ends it */
  view(paint) {
    this.views.push(paint);
    return () => { this.views = this.views.filter((view) => view !== paint); };
  }

  /** Called at every change, painted or not. */
  watch(watcher) {
    this.watchers.push(watcher);
  }

  /** Ask for a paint, also when only time has passed. */
  ask() {
    if (this.asked || document.hidden) return;
    this.asked = true;
    requestAnimationFrame(() => this.paint());
  }

  paint() {
    this.asked = false;
    if (document.hidden) return;
    const { state, painted } = this;
    this.painted = state;
    for (const view of this.views) view(state, painted);
  }
}
