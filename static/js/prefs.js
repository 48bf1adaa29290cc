/** Preferences, drafts and other small things kept in this browser. Storage may be full or forbidden: nothing here throws. */

const PREFS = 'switchboard.prefs';
const DRAFT = 'switchboard.draft.';

/** @typedef {{theme: 'auto'|'light'|'dark', language: string|null, enterSends: boolean, autoRead: boolean, notifications: boolean, showDeleted: boolean, sayTyping: boolean, listWidth: number|null}} Prefs */

/** @type {Prefs} */
const DEFAULTS = { theme: 'auto', language: null, enterSends: true, autoRead: false, notifications: false, showDeleted: true, sayTyping: false, listWidth: null };

/** A Storage that forgets, for browsers that refuse the real one. */
export function memoryStorage() {
  const map = new Map();
  return {
    getItem: (key) => map.get(key) ?? null,
    setItem: (key, value) => void map.set(key, String(value)),
    removeItem: (key) => void map.delete(key),
    key: (n) => [...map.keys()][n] ?? null,
    get length() { return map.size; },
  };
}

/** The storage, when the browser lets us use it. @param {() => Storage} get */
export function usable(get) {
  try {
    const storage = get();
    storage.setItem('switchboard.probe', '1');
    storage.removeItem('switchboard.probe');
    return storage;
  } catch {
    return memoryStorage();
  }
}

/** What belongs to this tab and outlives a reload. */
export const session = usable(() => sessionStorage);

/** @param {Storage|ReturnType<typeof memoryStorage>} storage */
export function readJson(storage, key, fallback) {
  try {
    const value = JSON.parse(storage.getItem(key) ?? 'null');
    return value === null || typeof value !== typeof fallback ? fallback : value;
  } catch {
    return fallback;
  }
}

export function writeJson(storage, key, value) {
  try {
    storage.setItem(key, JSON.stringify(value));
    return true;
  } catch {
    return false;
  }
}

export class Prefs {
  constructor(storage) {
    this.storage = storage;
    /** @type {Prefs} */
    this.values = { ...DEFAULTS, ...readJson(storage, PREFS, {}) };
    this.listeners = new Set();
  }

  get(name) {
    return this.values[name];
  }

  set(name, value) {
    if (this.values[name] === value) return;
    this.values = { ...this.values, [name]: value };
    writeJson(this.storage, PREFS, this.values);
    for (const listener of this.listeners) listener(name, value);
  }

  onChange(listener) {
    this.listeners.add(listener);
  }
}

/** Unsent text per account and chat, and per topic of a forum. It belongs to the pair, so it survives the conversation's row. */
export class Drafts {
  constructor(storage) {
    this.storage = storage;
  }

  key(conversation) {
    const topic = conversation.topic ? `#${conversation.topic}` : '';
    return `${DRAFT}${conversation.account_id}.${conversation.chat_id}${topic}`;
  }

  get(conversation) {
    try {
      return this.storage.getItem(this.key(conversation)) ?? '';
    } catch {
      return '';
    }
  }

  set(conversation, text) {
    try {
      if (text.trim() === '') this.storage.removeItem(this.key(conversation));
      else this.storage.setItem(this.key(conversation), text);
    } catch {
      // A full storage loses the draft over a reload, not the text on the screen.
    }
  }
}
