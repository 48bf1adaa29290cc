// What must never stand in the page's sources.
import test from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';

const STATIC = new URL('../../static/', import.meta.url);
const files = (folder, kind) => readdirSync(new URL(folder, STATIC)).filter((name) => name.endsWith(kind)).map((name) => [folder + name, readFileSync(new URL(folder + name, STATIC), 'utf8')]);
const scripts = [...files('js/', '.js'), ...files('js/views/', '.js')];
const pages = files('', '.html');

// Protects: foreign text cannot become markup, because nothing here parses markup.
test('no script parses markup or runs text', () => {
  for (const [name, source] of scripts) {
    assert.doesNotMatch(source, /innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment|\beval\(|new Function|setHTMLUnsafe|srcdoc/, name);
    assert.doesNotMatch(source, /setAttribute\(['"](on|style)/, name);
  }
});

test('pages carry no inline script, style or handler', () => {
  for (const [name, source] of pages) {
    assert.doesNotMatch(source, /\sstyle=|\son\w+=|<style|javascript:/i, name);
    assert.doesNotMatch(source, /<script(?![^>]*\ssrc=)/i, name);
    assert.doesNotMatch(source, /(src|href)="(https?:)?\/\//i, name);
  }
});

test('every link to elsewhere keeps its opener and address to itself', () => {
  for (const [name, source] of scripts) {
    for (const match of source.matchAll(/target: '_blank'/g)) {
      assert.match(source.slice(Math.max(0, match.index - 160), match.index + 160), /noopener noreferrer/, name);
    }
  }
});

test('icons used in code are in the sprite', () => {
  const index = pages.find(([name]) => name === 'index.html')[1];
  const known = new Set([...index.matchAll(/id="i-([\w-]+)"/g)].map((match) => match[1]));
  for (const [name, source] of scripts) {
    for (const match of source.matchAll(/\bicon\('([\w-]+)'/g)) assert.ok(known.has(match[1]), `${name}: ${match[1]}`);
  }
  for (const match of index.matchAll(/href="#i-([\w-]+)"/g)) assert.ok(known.has(match[1]), match[1]);
});

test('modules stay small enough to read', () => {
  for (const [name, source] of scripts) assert.ok(source.split('\n').length <= 420, `${name}: ${source.split('\n').length} lines`);
});

// Protects: the first paint does not wait for one module after another.
test('every module the desk needs is fetched at once', () => {
  const index = pages.find(([name]) => name === 'index.html')[1];
  const listed = new Set([...index.matchAll(/rel="modulepreload" href="static\/([^"]+)"/g)].map((match) => match[1]));
  const needed = new Set();
  const visit = (name) => {
    if (needed.has(name)) return;
    needed.add(name);
    for (const match of scripts.find(([file]) => file === name)[1].matchAll(/from '(\.[^']+)'/g)) visit(new URL(match[1], `file:///${name}`).pathname.slice(1));
  };
  visit('js/main.js');
  assert.deepEqual([...listed].sort(), [...needed].sort());
});
