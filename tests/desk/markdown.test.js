// What people type as formatting becomes entities in UTF-16 units, and an edited text comes back as it was typed.
import test from 'node:test';
import assert from 'node:assert/strict';
import { parseMarkdown, toMarkdown, wrapped } from '../../static/js/markdown.js';

const shape = (source) => {
  const { text, entities } = parseMarkdown(source);
  return [text, ...entities.map((one) => `${one.type} ${one.offset}+${one.length}${one.url ? ` ${one.url}` : ''}${one.language ? ` ${one.language}` : ''}`)];
};

test('each mark means what it says, also within another one', () => {
  const table = [
    ['plain', ['plain']],
    ['**b** __i__ ++u++ ~~s~~ ||p|| `c`', ['b i u s p c', 'bold 0+1', 'italic 2+1', 'underline 4+1', 'strike 6+1', 'spoiler 8+1', 'code 10+1']],
    ['🎉 **bold __both__**', ['🎉 bold both', 'bold 3+9', 'italic 8+4']],
    ['see [the terms](https://example.org/a) now', ['see the terms now', 'text_url 4+9 https://example.org/a']],
    ['```rust\nfn main() {}\n```', ['fn main() {}', 'pre 0+12 rust']],
    ['```x **y**```', ['x **y**', 'pre 0+7']],
    ['`**not bold**`', ['**not bold**', 'code 0+12']],
    ['a\n> one\n> two\nb', ['a\none\ntwo\nb', 'blockquote 2+7']],
  ];
  for (const [source, wanted] of table) assert.deepEqual(shape(source), wanted, source);
});

// Protects: what is no formatting goes out as it was typed.
test('signs that stand for themselves stay', () => {
  for (const source of ['2 * 3 * 4', 'a ** b ** c', 'a || b || c', 'snake_case_name', 'i++ + j++', '[x] (y)', '[x](javascript:alert(1))', '> ', '5 > 3']) assert.deepEqual(shape(source), [source], source);
  assert.deepEqual(shape('\\*\\*as typed\\*\\*'), ['**as typed**']);
});

test('a formatted text comes back as it would be typed, and means the same again', () => {
  const texts = ['**b** and __i__', '🎉 **bold __both__** ||x||', 'see [the terms](https://example.org/a)', '```rust\nfn main() {}\n```', 'a\n> one\n> two\nb', '\\*\\*as typed\\*\\* and `code`', 'a\\`b \\[c](https://example.org)'];
  for (const source of texts) {
    const { text, entities } = parseMarkdown(source);
    assert.deepEqual(parseMarkdown(toMarkdown(text, entities)), { text, entities }, source);
  }
  const hostile = [{ type: 'bold', offset: 2, length: 900 }, { type: 'italic', offset: -1, length: 2 }, { type: 'text_url', offset: 0, length: 1, url: 'javascript:x' }];
  assert.equal(toMarkdown('word', hostile), 'word');
});

test('the same key puts marks and takes them away', () => {
  assert.deepEqual(wrapped('one two', 4, 7, '**'), { value: 'one **two**', start: 6, end: 9 });
  assert.deepEqual(wrapped('one **two**', 6, 9, '**'), { value: 'one two', start: 4, end: 7 });
  assert.deepEqual(wrapped('words', 0, 5, '[', '](https://)'), { value: '[words](https://)', start: 1, end: 6 });
});
