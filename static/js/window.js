/** Which rows of a long list are on the screen, and when their order may change. Pure. */

/**
 * @param {number} total  rows in all
 * @param {number} height of one row
 * @returns {{start: number, end: number}} the rows to draw, a few more than fit
 */
export function visibleRange(total, height, scrollTop, viewport, spare = 6) {
  const first = Math.floor(Math.max(0, scrollTop) / height) - spare;
  const last = Math.ceil((Math.max(0, scrollTop) + viewport) / height) + spare;
  return { start: Math.min(total, Math.max(0, first)), end: Math.max(0, Math.min(total, last)) };
}

/**
 * Rows of two heights. `offsets[i]` is where item i starts, the last entry the full height.
 * @param {{header?: boolean}[]} items
 */
export function offsetsOf(items, rowHeight, headerHeight) {
  const offsets = new Float64Array(items.length + 1);
  for (let i = 0; i < items.length; i += 1) offsets[i + 1] = offsets[i] + (items[i].header ? headerHeight : rowHeight);
  return offsets;
}

/** The items between two heights, by bisection. */
export function rangeIn(offsets, scrollTop, viewport, spare = 6) {
  const total = offsets.length - 1;
  const start = Math.max(0, lastAtOrBefore(offsets, Math.max(0, scrollTop)) - spare);
  const end = Math.min(total, lastAtOrBefore(offsets, Math.max(0, scrollTop) + viewport) + 1 + spare);
  return { start: Math.min(start, total), end };
}

function lastAtOrBefore(offsets, y) {
  let low = 0;
  let high = offsets.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (offsets[middle] <= y) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** How long the pointer has to rest before rows may move under it. */
export const REST = 1000;

/**
 * Keeps the order of rows while the pointer is over the list and moving. Rows that vanish leave; rows that are new wait.
 */
export class OrderGate {
  constructor() {
    /** @type {string[]|null} */
    this.kept = null;
    this.over = false;
    this.movedAt = 0;
  }

  pointerMoved(now) {
    this.over = true;
    this.movedAt = now;
  }

  pointerLeft() {
    this.over = false;
  }

  /** Someone asked for another list (a filter, a reload): the old order means nothing any more. */
  reset() {
    this.kept = null;
  }

  frozen(now) {
    return this.over && now - this.movedAt < REST;
  }

  /** @param {string[]} wanted the true order @returns {string[]} the order to draw */
  order(wanted, now) {
    if (!this.frozen(now) || this.kept === null) {
      this.kept = wanted;
      return wanted;
    }
    const alive = new Set(wanted);
    if (this.kept.every((id) => alive.has(id))) return this.kept;
    this.kept = this.kept.filter((id) => alive.has(id));
    return this.kept;
  }
}
