/** The interface's words. One file per language; nothing a person reads stands in code. */

export const LANGUAGES = { en: 'English', ru: 'Русский', ar: 'العربية' };
const RTL = new Set(['ar']);
const RTL_TEXT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]/;

/** The reader's own variant of a language, for dates and numbers: en-GB rather than en. */
export function localeFor(lang, asked) {
  return asked.find((tag) => tag.toLowerCase().split('-')[0] === lang) ?? lang;
}

/** The best of our languages for what the person chose or the browser asks for. */
export function pickLanguage(chosen, asked) {
  if (chosen && chosen in LANGUAGES) return chosen;
  for (const tag of asked) {
    const base = tag.toLowerCase().split('-')[0];
    if (base in LANGUAGES) return base;
  }
  return 'en';
}

export class Words {
  /** @param {Record<string, string|Record<string, string>>} texts */
  constructor(lang, texts, locale = lang) {
    this.base = lang;
    this.lang = locale;
    this.dir = RTL.has(lang) ? 'rtl' : 'ltr';
    this.texts = texts;
    this.plural = new Intl.PluralRules(lang);
    this.numbers = new Intl.NumberFormat(lang);
  }

  has = (key) => key in this.texts;

  /** The text of a key. `n` chooses the plural form; every `{name}` is filled, names of people isolated from its direction. */
  t = (key, params = {}) => {
    const entry = this.texts[key];
    if (entry === undefined) return key;
    const text = typeof entry === 'string' ? entry : entry[this.plural.select(Number(params.n ?? 0))] ?? entry.other;
    return text.replace(/\{(\w+)\}/g, (whole, name) => (name in params ? this.fill(params[name]) : whole));
  };

  fill(value) {
    if (typeof value === 'number') return this.numbers.format(value);
    const text = String(value);
    const mixed = (this.dir === 'rtl') !== RTL_TEXT.test(text);
    return mixed && text !== '' && (this.dir === 'rtl' || RTL_TEXT.test(text)) ? `\u2068${text}\u2069` : text;
  }
}

export async function loadWords(lang) {
  const answer = await fetch(new URL(`../i18n/${lang}.json`, import.meta.url));
  return new Words(lang, await answer.json(), localeFor(lang, navigator.languages));
}
