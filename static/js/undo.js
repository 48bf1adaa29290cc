/** What was asked for is done a few seconds later, so that it can be taken back. One thing at a time; the next one does the last. */

export const UNDO_MS = 5000;

export class Undo {
  /** @param {{onChange: (waiting: {text: string}|null) => void, clock?: {set: Function, clear: Function}}} options */
  constructor({ onChange, clock }) {
    this.onChange = onChange;
    this.clock = clock ?? { set: (f, ms) => setTimeout(f, ms), clear: (timer) => clearTimeout(timer) };
    this.waiting = null;
    this.timer = null;
  }

  /** @param {{text: string, act: () => void, back: () => void}} thing */
  add(thing) {
    this.flush();
    this.waiting = thing;
    this.timer = this.clock.set(() => this.flush(), UNDO_MS);
    this.onChange(thing);
  }

  /** Now: its time is over, another thing was asked for, or the page goes away. */
  flush() {
    this.end()?.act();
  }

  takeBack() {
    this.end()?.back();
  }

  end() {
    const thing = this.waiting;
    if (!thing) return null;
    this.clock.clear(this.timer);
    this.waiting = null;
    this.onChange(null);
    return thing;
  }
}
