// Foreign text is shown as text: no spoofed names, no piles of marks, no links but http(s).
import test from 'node:test';
import assert from 'node:assert/strict';
import { capMarks, cleanName, cleanText, highlightRanges, hueOf, initials, linkify, matchesName, monogram, safeHref, safeImage, snippet } from '../../static/js/text.js';

// Protects: a name with an override cannot pretend to be another name or a file of another kind.
test('direction overrides and control characters leave a name', () => {
  assert.equal(cleanName('\u202Egpj.exe\u202C'), 'gpj.exe');
  assert.equal(cleanName('a\u2066b\u2069\u200Fc\u0007'), 'abc');
  assert.equal(cleanName('  two\n\nlines '), 'two lines');
  assert.equal(cleanName(null), '');
});

// Protects: 4,096 combining marks on one letter do not climb over the page.
test('combining marks are capped, writing that needs some keeps them', () => {
  const zalgo = `a${'\u0301'.repeat(4096)}b`;
  assert.equal(capMarks(zalgo), `a${'\u0301'.repeat(4)}b`);
  assert.equal(cleanText('हिन्दी কী முடி'), 'हिन्दी কী முடி');
  assert.equal(cleanText('مُحَمَّدٌ'), 'مُحَمَّدٌ');
  assert.equal(cleanText('👩🏽‍🚀 ❤️ 1️⃣'), '👩🏽‍🚀 ❤️ 1️⃣');
});

test('a message keeps its lines', () => {
  assert.equal(cleanText('one\n\ttwo\u0000'), 'one\n\ttwo');
});

// Protects: nothing but http and https ever becomes clickable.
test('only http and https become links', () => {
  const links = (text) => linkify(text).filter((piece) => piece.href).map((piece) => piece.href);
  assert.deepEqual(links('see https://example.com/a?b=1.'), ['https://example.com/a?b=1']);
  assert.deepEqual(links('(http://example.com/x_(y))'), ['http://example.com/x_(y)']);
  assert.deepEqual(links('javascript:alert(1) data:text/html,x file:///etc ftp://x.example tg://resolve'), []);
  assert.deepEqual(links('https://good.example@evil.example/'), []);
  assert.deepEqual(links('http://'), []);
  assert.deepEqual(links('xhttps://example.com'), []);
  assert.deepEqual(links('https://example.com/\u202Efdp.exe'), ['https://example.com/']);
});

test('the pieces of a linkified text give the text back', () => {
  for (const text of ['', 'plain', 'a https://example.com, b http://example.org/(x) c', 'https://example.com']) {
    assert.equal(linkify(text).map((piece) => piece.text).join(''), text);
  }
});

// Protects: a long hostile message does not hang the page.
test('a full message of link-like text is split quickly', () => {
  const started = performance.now();
  linkify('https://'.repeat(512));
  linkify(`https://${'a.'.repeat(2000)}`);
  linkify(`https://example.com/${')'.repeat(4000)}`);
  assert.ok(performance.now() - started < 500);
});

test('hrefs and images that could run something are refused', () => {
  assert.equal(safeHref('javascript:alert(1)'), null);
  assert.equal(safeHref('https://user:pass@example.com'), null);
  assert.equal(safeImage('data:image/svg+xml;base64,AAAA'), null);
  assert.equal(safeImage('https://example.com/x.png'), null);
  assert.equal(safeImage('data:image/png;base64,AAAA'), 'data:image/png;base64,AAAA');
});

// Protects: accounts in the rail are told apart without their colours.
test('a monogram has two letters where there are two', () => {
  for (const [label, wanted] of [['Sales', 'Sa'], ['Support', 'Su'], ['Склад', 'Ск'], ['Sales two', 'ST'], ['X', 'X'], ['🚀', '#'], ['', '#']]) assert.equal(monogram(label), wanted);
});

test('initials are letters of any script', () => {
  assert.equal(initials('Contact one'), 'CO');
  assert.equal(initials('Группа'), 'Г');
  assert.equal(initials('«سلمى»'), 'س');
  assert.equal(initials('🚀'), '#');
  assert.equal(initials(''), '#');
});

test('a hue belongs to an id and lies in range', () => {
  assert.equal(hueOf('abc'), hueOf('abc'));
  for (let n = 0; n < 200; n += 1) assert.ok(hueOf(`id${n}`) >= 0 && hueOf(`id${n}`) < 12);
  assert.equal(new Set(Array.from({ length: 200 }, (_, n) => hueOf(`id${n}`))).size, 12);
});

test('marks follow the ranges given, or else the words of the query', () => {
  assert.deepEqual(highlightRanges('the blue one', 'BLUE'), [[4, 8]]);
  assert.deepEqual(highlightRanges('the blue one', 'x', [[0, 3], [4, 4], null, ['a', 1]]), [[0, 3], [4, 8]]);
  assert.deepEqual(highlightRanges('abc', 'x', [[0, 2], [1, 2], [2, 99]]), [[0, 2], [2, 3]]);
  assert.deepEqual(highlightRanges('a.c abc', 'a.c'), [[0, 3]]);
  assert.deepEqual(highlightRanges('anything', '   '), []);
});

test('a snippet shows the part with the hit and moves the marks along', () => {
  const text = `${'x'.repeat(300)}needle${'y'.repeat(300)}`;
  const part = snippet(text, [[300, 306]]);
  assert.equal(part.text.slice(...part.ranges[0]), 'needle');
  assert.ok(part.cut);
  assert.deepEqual(snippet('short', [[0, 5]]), { text: 'short', ranges: [[0, 5]], cut: false });
});

test('people are found by any part of a name, without case or accents', () => {
  assert.ok(matchesName('zoe', 'Zoë Contact'));
  assert.ok(matchesName('@cont', null, 'contact1'));
  assert.ok(!matchesName('', 'anything'));
  assert.ok(!matchesName('nobody', 'Contact one', 'contact1'));
});
