// The event stream: resumed without a gap, without a duplicate, and never given up.
import test from 'node:test';
import assert from 'node:assert/strict';
import { Live, Protocol, waitBefore } from '../../static/js/live.js';

const hello = (seq) => JSON.stringify({ event: 'hello', data: { seq, oldest_seq: 1 } });
const event = (seq) => JSON.stringify({ seq, event: 'message_received', data: { n: seq } });

// Protects: what was missed is asked for from the last number applied, not from the newest.
test('a resumed stream continues after the last event, whatever hello says', () => {
  const protocol = new Protocol();
  assert.equal(protocol.query(), '');
  assert.equal(protocol.read(hello(10)).kind, 'hello');
  assert.equal(protocol.read(event(11)).kind, 'event');
  assert.equal(protocol.query(), '?after=11');
  assert.equal(protocol.read(hello(15)).kind, 'hello');
  assert.equal(protocol.query(), '?after=11');
  assert.equal(protocol.read(event(12)).kind, 'event');
});

test('an event seen before is not applied again', () => {
  const protocol = new Protocol();
  protocol.read(hello(10));
  assert.equal(protocol.read(event(11)).kind, 'event');
  assert.equal(protocol.read(event(11)).kind, 'known');
  assert.equal(protocol.read(event(9)).kind, 'known');
});

test('too old means reload, and so does a service whose numbers ran backwards', () => {
  const protocol = new Protocol();
  protocol.read(hello(10));
  assert.equal(protocol.read(JSON.stringify({ event: 'resync', data: { seq: 500 } })).kind, 'resync');
  assert.equal(protocol.query(), '?after=500');
  assert.equal(protocol.read(hello(3)).kind, 'resync');
  assert.equal(protocol.query(), '?after=3');
});

test('frames without a number pass aside, broken ones are ignored', () => {
  const protocol = new Protocol();
  assert.equal(protocol.read('{"event":"typing","data":{}}').kind, 'aside');
  for (const text of ['', 'null', '{', '{"seq":1}', '[]']) assert.equal(protocol.read(text).kind, 'strange');
});

test('waits double up to a limit and differ from page to page', () => {
  assert.equal(waitBefore(1, () => 1), 500);
  assert.equal(waitBefore(3, () => 1), 2000);
  assert.equal(waitBefore(50, () => 1), 15_000);
  assert.ok(waitBefore(50, () => 0) >= 11_000);
});

function line() {
  const sockets = [];
  const timers = new Map();
  const seen = { phases: [], events: [], resyncs: 0, hellos: 0, denied: 0 };
  let id = 0;
  let time = 0;
  const live = new Live({
    url: 'ws://desk/ws',
    connect: (url) => {
      const socket = { url, closed: false, close() { this.closed = true; } };
      sockets.push(socket);
      return socket;
    },
    clock: { set: (act, ms) => { id += 1; timers.set(id, { act, at: time + ms }); return id; }, clear: (timer) => timers.delete(timer), now: () => time },
    random: () => 1,
    onPhase: ({ phase }) => seen.phases.push(phase),
    onEvent: (frame) => seen.events.push(frame.seq),
    onHello: () => { seen.hellos += 1; },
    onResync: () => { seen.resyncs += 1; },
    onDenied: () => { seen.denied += 1; },
  });
  const pass = (ms) => {
    time += ms;
    for (const [key, timer] of [...timers]) if (timer.at <= time && timers.delete(key)) timer.act();
  };
  return { live, sockets, seen, pass, last: () => sockets[sockets.length - 1] };
}

// Protects: an outage of any length is bridged by itself, from the right event on.
test('a broken line is dialled again and again, from the last event on', () => {
  const { live, sockets, seen, pass, last } = line();
  live.start();
  last().onmessage({ data: hello(4) });
  last().onmessage({ data: event(5) });
  last().onclose();
  assert.equal(seen.phases.at(-1), 'waiting');
  for (let n = 0; n < 30; n += 1) {
    pass(15_000);
    assert.equal(last().url, 'ws://desk/ws?after=5');
    last().onclose();
  }
  pass(15_000);
  last().onmessage({ data: hello(7) });
  for (const seq of [6, 7]) last().onmessage({ data: event(seq) });
  assert.deepEqual(seen.events, [5, 6, 7]);
  assert.equal(seen.phases.at(-1), 'open');
  assert.equal(sockets.length, 32);
});

// Protects who sits before a desk that was shut out: it is told so, and comes back by itself when it may.
test('a line that is cut for want of a right says so and is dialled on', () => {
  const { live, seen, pass, last } = line();
  live.start();
  last().onmessage({ data: hello(4) });
  last().onclose({ code: 1006 });
  pass(15_000);
  last().onmessage({ data: hello(4) });
  assert.equal(seen.denied, 0);
  last().onclose({ code: 1008 });
  assert.equal(seen.denied, 1);
  pass(15_000);
  last().onmessage({ data: hello(4) });
  assert.equal(seen.phases.at(-1), 'open');
});

test('a line that opens but stays silent is given up like a broken one', () => {
  const { live, seen, pass, last } = line();
  live.start();
  pass(10_000);
  assert.ok(last().closed);
  assert.equal(seen.phases.at(-1), 'waiting');
});

test('frames of a socket that was given up are not read any more', () => {
  const { live, seen, sockets } = line();
  live.start();
  sockets[0].onmessage({ data: hello(1) });
  live.distrust();
  sockets[0].onmessage({ data: event(2) });
  assert.deepEqual(seen.events, []);
});

test('an offline browser waits for its network, and dials at once when it is back', () => {
  const { live, seen, sockets } = line();
  live.start();
  live.setOnline(false);
  assert.equal(seen.phases.at(-1), 'offline');
  assert.ok(sockets[0].closed);
  live.setOnline(true);
  assert.equal(sockets.length, 2);
});

test('"retry now" skips the wait, and leaves a standing line alone', () => {
  const { live, sockets, last } = line();
  live.start();
  last().onclose();
  live.retryNow();
  assert.equal(sockets.length, 2);
  last().onmessage({ data: hello(1) });
  live.retryNow();
  assert.equal(sockets.length, 2);
});
