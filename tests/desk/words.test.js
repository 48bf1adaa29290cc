// The words of the interface: complete in every language, and put together safely.
import test from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { Words, localeFor, pickLanguage } from '../../static/js/i18n.js';

const STATIC = new URL('../../static/', import.meta.url);
const read = (lang) => JSON.parse(readFileSync(new URL(`i18n/${lang}.json`, STATIC), 'utf8'));
const LANGS = ['en', 'ru', 'ar'];
const texts = Object.fromEntries(LANGS.map((lang) => [lang, read(lang)]));

function sources() {
  const files = [];
  for (const folder of ['js/', 'js/views/', '']) {
    for (const name of readdirSync(new URL(folder, STATIC))) {
      if (/\.(js|html)$/.test(name)) files.push([folder + name, readFileSync(new URL(folder + name, STATIC), 'utf8')]);
    }
  }
  return files;
}

const placeholders = (entry) => {
  const all = typeof entry === 'string' ? [entry] : Object.values(entry);
  return new Set(all.flatMap((text) => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1])));
};

// Protects: nobody meets a raw key because a language was forgotten.
test('every language has the same keys, with the same placeholders', () => {
  for (const lang of ['ru', 'ar']) {
    assert.deepEqual(Object.keys(texts[lang]).sort(), Object.keys(texts.en).sort(), lang);
    for (const key of Object.keys(texts.en)) {
      assert.equal(typeof texts[lang][key], typeof texts.en[key], `${lang} ${key}`);
      for (const name of placeholders(texts[lang][key])) assert.ok(placeholders(texts.en[key]).has(name), `${lang} ${key} {${name}}`);
      if (typeof texts.en[key] === 'string') assert.deepEqual(placeholders(texts[lang][key]), placeholders(texts.en[key]), `${lang} ${key}`);
    }
  }
});

// Protects: counts read well in languages with more than two plural forms.
test('plural entries have exactly the forms their language knows', () => {
  for (const lang of LANGS) {
    const forms = new Intl.PluralRules(lang).resolvedOptions().pluralCategories.sort();
    for (const [key, entry] of Object.entries(texts[lang])) {
      if (typeof entry === 'object') assert.deepEqual(Object.keys(entry).sort(), forms, `${lang} ${key}`);
    }
  }
});

// Protects: a text used in code or markup exists.
test('every key used in the sources has words', () => {
  for (const [file, source] of sources()) {
    const used = [...source.matchAll(/(?:\bt\(|\bthis\.t\(|button\(|(?<!classList\.)\badd\(|data-t(?:-\w+)?=)['"]([a-z_]+(?:\.[\w]+)*)['"]/g)].map((match) => match[1]);
    for (const key of used) assert.ok(key in texts.en, `${file} uses ${key}`);
  }
});

// Protects: no sentence stays behind after the code that said it is gone.
test('every text is used somewhere', () => {
  const all = sources().map(([, source]) => source).join('\n');
  const families = [...all.matchAll(/`([a-z_]+(?:\.[a-z_]+)*\.)\$\{/g)].map((match) => match[1]);
  for (const key of Object.keys(texts.en)) {
    const direct = all.includes(`'${key}'`) || all.includes(`"${key}"`);
    assert.ok(direct || families.some((family) => key.startsWith(family)), `nobody says ${key}`);
  }
});

// Protects: an Arabic name in an English sentence, or the other way round, cannot turn the sentence over.
test('a value of another direction is isolated', () => {
  const en = new Words('en', { hello: 'Sign in: {account}' });
  const ar = new Words('ar', { hello: 'الحساب {account}' });
  assert.equal(en.t('hello', { account: 'Sales' }), 'Sign in: Sales');
  assert.equal(en.t('hello', { account: 'مبيعات' }), 'Sign in: \u2068مبيعات\u2069');
  assert.equal(ar.t('hello', { account: 'Sales' }), 'الحساب \u2068Sales\u2069');
});

test('plural forms are chosen by the count, and numbers are written the local way', () => {
  const ru = new Words('ru', texts.ru);
  assert.equal(ru.t('members', { n: 1 }), '1 участник');
  assert.equal(ru.t('members', { n: 3 }), '3 участника');
  assert.equal(ru.t('members', { n: 11 }), '11 участников');
  assert.equal(new Words('en', texts.en).t('members', { n: 1204 }), '1,204 members');
});

// Protects: braces in somebody's name are not taken for our placeholders.
test('a value is filled in once and never read as a template', () => {
  const en = new Words('en', { a: '{name} and {other}' });
  assert.equal(en.t('a', { name: '{other}', other: 'x' }), '{other} and x');
});

test('the language is the chosen one, else the first the browser asks for that we speak', () => {
  assert.equal(pickLanguage('ru', ['ar']), 'ru');
  assert.equal(pickLanguage(null, ['fr-FR', 'ar-SY', 'en']), 'ar');
  assert.equal(pickLanguage('xx', ['fr']), 'en');
  assert.equal(localeFor('en', ['de', 'en-GB']), 'en-GB');
  assert.equal(localeFor('ru', ['de']), 'ru');
});
