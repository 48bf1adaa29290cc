// Long lists: only what is seen is drawn, and rows hold still under the pointer.
import test from 'node:test';
import assert from 'node:assert/strict';
import { OrderGate, REST, offsetsOf, rangeIn, visibleRange } from '../../static/js/window.js';

// Protects: five thousand conversations cost as many nodes as fit on the screen.
test('the visible range is small wherever one scrolls', () => {
  for (const top of [0, 1, 6400, 319_000, 10_000_000, -50]) {
    const { start, end } = visibleRange(5000, 64, top, 800, 6);
    assert.ok(start >= 0 && end <= 5000 && start <= end, String(top));
    assert.ok(end - start <= 13 + 13, String(top));
  }
  assert.deepEqual(visibleRange(0, 64, 0, 800), { start: 0, end: 0 });
});

test('rows with headers between them are found by height', () => {
  const items = [{ header: true }, {}, {}, { header: true }, {}];
  const offsets = offsetsOf(items, 64, 32);
  assert.deepEqual([...offsets], [0, 32, 96, 160, 192, 256]);
  assert.deepEqual(rangeIn(offsets, 100, 50, 0), { start: 2, end: 3 });
  assert.deepEqual(rangeIn(offsets, 0, 1000, 0), { start: 0, end: 5 });
  assert.deepEqual(rangeIn(new Float64Array(1), 0, 800), { start: 0, end: 0 });
});

// Protects: a click lands on the conversation one was pointing at.
test('the order is kept while the pointer moves over the list, and given up when it rests or leaves', () => {
  const gate = new OrderGate();
  assert.deepEqual(gate.order(['a', 'b', 'c'], 0), ['a', 'b', 'c']);
  gate.pointerMoved(1000);
  assert.deepEqual(gate.order(['c', 'a', 'b'], 1100), ['a', 'b', 'c']);
  assert.deepEqual(gate.order(['c', 'a', 'b'], 1000 + REST), ['c', 'a', 'b']);
  gate.pointerMoved(3000);
  assert.deepEqual(gate.order(['b', 'c', 'a'], 3100), ['c', 'a', 'b']);
  gate.pointerLeft();
  assert.deepEqual(gate.order(['b', 'c', 'a'], 3200), ['b', 'c', 'a']);
});

test('while it is kept, rows that are gone leave and new ones wait', () => {
  const gate = new OrderGate();
  gate.order(['a', 'b', 'c'], 0);
  gate.pointerMoved(10);
  assert.deepEqual(gate.order(['new', 'c', 'a'], 20), ['a', 'c']);
  gate.reset();
  assert.deepEqual(gate.order(['new', 'c', 'a'], 30), ['new', 'c', 'a']);
});
