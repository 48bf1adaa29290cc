/**
 * The event stream. It never gives up: it waits, doubles the wait up to a limit, and resumes after the last number it saw,
 * so that no event is missed or seen twice. What an event means is `state.js`' business.
 */

/** The protocol alone, without a socket: what to ask for, what each frame means. */
export class Protocol {
  constructor() {
    /** @type {number|null} the last event number applied, null before the first hello */
    this.seq = null;
  }

  query() {
    return this.seq === null ? '' : `?after=${this.seq}`;
  }

  /**
   * @returns {{kind: 'hello'|'event'|'resync'|'aside'|'known'|'strange', frame?: object}}
   *   `resync`: what we hold may be wrong, load everything again; `aside`: an event without a number; `known`: seen before
   */
  read(text) {
    const frame = parse(text);
    if (!frame) return { kind: 'strange' };
    if (frame.event === 'hello') return this.hello(frame);
    if (frame.event === 'resync') {
      this.seq = numberOf(frame.data?.seq ?? frame.seq) ?? this.seq;
      return { kind: 'resync', frame };
    }
    const seq = numberOf(frame.seq);
    if (seq === null) return { kind: 'aside', frame };
    if (this.seq !== null && seq <= this.seq) return { kind: 'known' };
    this.seq = seq;
    return { kind: 'event', frame };
  }

  hello(frame) {
    const seq = numberOf(frame.data?.seq ?? frame.seq) ?? 0;
    if (this.seq === null) {
      this.seq = seq;
      return { kind: 'hello', frame };
    }
    if (seq < this.seq) {
      // Numbers ran backwards: this is another database than the one we were reading.
      this.seq = seq;
      return { kind: 'resync', frame };
    }
    return { kind: 'hello', frame };
  }
}

function parse(text) {
  try {
    const frame = JSON.parse(text);
    return frame && typeof frame.event === 'string' ? frame : null;
  } catch {
    return null;
  }
}

function numberOf(value) {
  return Number.isSafeInteger(value) ? value : null;
}

const FIRST_WAIT = 500;
const LONGEST_WAIT = 15_000;
const HELLO_LIMIT = 10_000;
/** The service closes with it when the right to listen ended: the token was revoked, or one is needed now. */
const POLICY = 1008;

/** The wait before attempt n (1, 2, …), with jitter so that many pages don't come back in the same instant. */
export function waitBefore(attempt, random = Math.random) {
  const base = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** (attempt - 1));
  return Math.round(base * (0.75 + random() * 0.25));
}

export class Live {
  /**
   * @param {object} options
   * @param {string} options.url
   * @param {(url: string) => WebSocket} [options.connect]
   * @param {(phase: import('./types.js').LivePhase) => void} options.onPhase
   * @param {(frame: object) => void} options.onEvent
   * @param {(frame: object, first: boolean) => void} options.onHello
   * @param {() => void} options.onResync
   * @param {() => void} [options.onDenied] cut because this page may not listen any more; it is tried on all the same
   */
  constructor(options) {
    this.options = options;
    this.connect = options.connect ?? ((url) => new WebSocket(url));
    this.clock = options.clock ?? { set: (f, ms) => setTimeout(f, ms), clear: (timer) => clearTimeout(timer), now: () => Date.now() };
    this.random = options.random ?? Math.random;
    this.protocol = new Protocol();
    this.socket = null;
    this.timer = null;
    this.attempt = 0;
    this.online = true;
    this.stopped = false;
    this.heardAt = 0;
  }

  start() {
    this.stopped = false;
    this.dial();
  }

  stop() {
    this.stopped = true;
    this.drop();
  }

  /** The person is tired of waiting. */
  retryNow() {
    if (this.socket && this.attempt === 0) return;
    this.attempt = 0;
    this.dial();
  }

  /** What the browser says of its network. Being told "online" is a good moment to try. */
  setOnline(online) {
    this.online = online;
    if (online) this.dial();
    else {
      this.drop();
      this.tell('offline', null);
    }
  }

  /** Something else found the service silent: cut the line and dial again. */
  distrust() {
    this.lost();
  }

  dial() {
    this.drop();
    if (this.stopped) return;
    this.tell('connecting', null);
    const socket = this.connect(this.options.url + this.protocol.query());
    this.socket = socket;
    const mine = (act) => (event) => { if (this.socket === socket) act(event); };
    socket.onmessage = mine((event) => this.read(event.data));
    socket.onclose = mine((event) => {
      if (event?.code === POLICY) this.options.onDenied?.();
      this.lost();
    });
    socket.onerror = () => {};
    this.timer = this.clock.set(mine(() => this.lost()), HELLO_LIMIT);
  }

  read(data) {
    this.heardAt = this.clock.now();
    const first = this.protocol.seq === null;
    const { kind, frame } = this.protocol.read(data);
    if (kind === 'hello' || kind === 'resync') this.opened();
    if (kind === 'hello') this.options.onHello(frame, first);
    if (kind === 'resync') this.options.onResync();
    if (kind === 'event' || kind === 'aside') this.options.onEvent(frame);
  }

  opened() {
    this.clock.clear(this.timer);
    this.attempt = 0;
    this.tell('open', null);
  }

  lost() {
    this.drop();
    if (this.stopped) return;
    if (!this.online) return this.tell('offline', null);
    this.attempt += 1;
    const wait = waitBefore(this.attempt, this.random);
    this.tell('waiting', this.clock.now() + wait);
    this.timer = this.clock.set(() => this.dial(), wait);
  }

  drop() {
    this.clock.clear(this.timer);
    const socket = this.socket;
    this.socket = null;
    if (socket) socket.close();
  }

  tell(phase, retryAt) {
    this.options.onPhase({ phase, retryAt, attempt: this.attempt, since: this.clock.now() });
  }
}
