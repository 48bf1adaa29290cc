/**
 * Drafts as Telegram has them, beside those of this browser. What is typed here goes there when the hands rest; what comes
 * from there is taken only where nobody has typed since.
 */

import { api } from './api.js';
import { parseMarkdown, toMarkdown } from './markdown.js';
import { GENERAL, chatKey, conversationOf, topicOf } from './topics.js';

const REST_MS = 1500;
/** Events from before a save may come after its answer: for so long they say nothing. */
const SETTLED_MS = 3000;

/** As the field has it. @param {{text: string, entities?: object[]|null}|null|undefined} draft */
export function sourceOf(draft) {
  return draft ? toMarkdown(draft.text, draft.entities) : '';
}

/** As Telegram has it: a text that is nothing but typed stays as it was typed. */
export function draftOf(source) {
  if (source.trim() === '') return { text: '', entities: [] };
  const { text, entities } = parseMarkdown(source);
  return entities.length > 0 ? { text, entities } : { text: source, entities: [] };
}

/** The field of a conversation, or of a topic of it: like a conversation by itself, under a key of its own. @param {string|null} topic */
export function fieldOf(conversation, topic) {
  if (topic === null || topic === GENERAL) return conversation;
  const draft = (conversation.topic_drafts ?? []).find((one) => String(one.topic_id) === topic) ?? null;
  return { ...conversation, id: chatKey(conversation.id, topic), topic, draft };
}

export class DraftSync {
  /**
   * @param {object} options
   * @param {(conversation: object) => string} options.read  what this browser has
   * @param {(conversation: object, text: string) => void} options.write
   * @param {(id: string, draft: {text: string, entities: object[]}) => Promise<{conversation: object}>} options.save
   */
  constructor({ read, write, save, clock }) {
    this.read = read;
    this.write = write;
    this.save = save;
    this.clock = clock ?? { set: (f, ms) => setTimeout(f, ms), clear: (timer) => clearTimeout(timer), now: () => Date.now() };
    /** @type {Map<string, {here: string, there: string}>} what was the same at both places, as each has it */
    this.same = new Map();
    this.timers = new Map();
    /** @type {Map<string, number>} until when what is heard may be from before the last save */
    this.settling = new Map();
  }

  /** Something was typed, or taken away. */
  typed(conversation) {
    const { id } = conversation;
    this.clock.clear(this.timers.get(id));
    this.timers.set(id, this.clock.set(() => this.push(conversation), REST_MS));
  }

  async push(conversation) {
    this.timers.delete(conversation.id);
    const here = this.read(conversation);
    const known = this.same.get(conversation.id);
    if (here === (known?.here ?? '')) return;
    this.settling.set(conversation.id, Infinity);
    try {
      const answer = await this.save(conversation.id, draftOf(here));
      this.same.set(conversation.id, { here, there: sourceOf(answer.conversation.draft) });
    } catch {
      // It stays here; what is typed next tries again.
    } finally {
      this.settling.set(conversation.id, this.clock.now() + SETTLED_MS);
    }
  }

  /** All fields of a conversation: in topics, too, something may stand, or have stood. */
  told(conversation) {
    const of = `${conversation.id}#`;
    const known = [...this.same.keys()].filter((key) => key.startsWith(of)).map(topicOf);
    const drafted = (conversation.topic_drafts ?? []).map((one) => String(one.topic_id));
    for (const topic of new Set([null, ...drafted, ...known])) this.heard(fieldOf(conversation, topic));
  }

  /** What Telegram has now. @returns {boolean} whether it was taken over */
  heard(conversation) {
    if (this.clock.now() < (this.settling.get(conversation.id) ?? 0)) return false;
    const there = sourceOf(conversation.draft);
    const known = this.same.get(conversation.id) ?? { here: '', there: '' };
    if (there === known.there) return false;
    const here = this.read(conversation);
    const untouched = here === known.here && !this.timers.has(conversation.id);
    this.same.set(conversation.id, { here: untouched || here === there ? there : known.here, there });
    if (!untouched || here === there) return false;
    this.write(conversation, there);
    return true;
  }
}

/** What stands in fields elsewhere comes with conversations. @param {import('./main.js').App} app */
export function keepDrafts(app) {
  const sync = new DraftSync({
    read: (conversation) => app.composer.textOf(conversation),
    write: (conversation, text) => { app.drafts.set(conversation, text); app.composer.redraw(conversation); app.store.ask(); },
    save: async (key, draft) => {
      const topic = topicOf(key);
      const { conversation } = await api.saveDraft(conversationOf(key), topic === null ? draft : { ...draft, topic_id: topic });
      return { conversation: fieldOf({ ...conversation, id: String(conversation.id) }, topic) };
    },
  });
  app.store.watch((state, before, action) => {
    const told = action.type === 'events' ? action.events.map(({ data }) => data?.conversation) : ['page_loaded', 'conversations_found'].includes(action.type) ? action.conversations : [];
    for (const one of told) if (one && one.draft !== undefined) sync.told({ ...one, id: String(one.id) });
  });
  return sync;
}
