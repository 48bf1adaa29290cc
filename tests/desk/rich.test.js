// Formatted text: what strangers mark stays within the text, nests, and leads nowhere unsafe.
import test from 'node:test';
import assert from 'node:assert/strict';
import { looksElsewhere, richNodes, safeLink } from '../../static/js/rich.js';

const e = (type, offset, length, more = {}) => ({ type, offset, length, ...more });
const show = (nodes) => nodes.map((node) => ('text' in node ? node.text : `<${node.type}${node.href ? ` ${node.href}` : ''}>${show(node.children)}</>`)).join('');
const plain = (nodes) => nodes.map((node) => ('text' in node ? node.text : plain(node.children))).join('');

// Protects: offsets count UTF-16 units, as Telegram's do.
test('entities count UTF-16 units', () => {
  assert.equal(show(richNodes('🎉🎉 bold', [e('bold', 5, 4)])), '🎉🎉 <bold>bold</>');
});

test('entities lie in each other, in whatever order they come', () => {
  assert.equal(show(richNodes('abcdef', [e('italic', 2, 2), e('bold', 0, 6)])), '<bold>ab<italic>cd</>ef</>');
  assert.equal(show(richNodes('abc', [e('bold', 0, 3), e('italic', 0, 3), e('spoiler', 0, 3)])), '<bold><italic><spoiler>abc</></></>');
});

test('entities that cross are cut and go on', () => {
  assert.equal(show(richNodes('abcdef', [e('bold', 0, 4), e('italic', 2, 4)])), '<bold>ab<italic>cd</></><italic>ef</>');
});

// Protects: no text is lost or said twice, whatever the entities claim.
test('hostile entities change nothing of what is said', () => {
  const text = 'a🎉b\ncd 🇸🇾 é end';
  let seed = 7;
  const next = (n) => (seed = (seed * 1103515245 + 12345) % 2147483648) % n;
  const types = ['bold', 'italic', 'code', 'spoiler', 'url', 'text_url', 'mention', 'nonsense', 'strike'];
  for (let round = 0; round < 400; round += 1) {
    const list = Array.from({ length: next(12) }, () => e(types[next(types.length)], next(24) - 3, next(40) - 4, { url: 'https://example.com/' }));
    assert.equal(plain(richNodes(text, list)), text, JSON.stringify(list));
  }
  assert.equal(plain(richNodes('x', [e('bold', Number.NaN, 1), e('bold', 0, Number.POSITIVE_INFINITY), e('bold', 0.5, 1)])), 'x');
});

test('a character is not torn in two', () => {
  const nodes = richNodes('🎉a', [e('bold', 1, 2)]);
  assert.equal(show(nodes), '🎉<bold>a</>');
});

test('deep nesting and a flood of entities end', () => {
  const deep = Array.from({ length: 2000 }, () => e('bold', 0, 3));
  assert.equal(plain(richNodes('abc', deep)), 'abc');
});

// Protects: only what a browser may open becomes a link.
test('links lead to the web, to Telegram, to a mail or a call', () => {
  for (const bad of ['javascript:alert(1)', 'data:text/html,x', 'file:///etc/passwd', 'blob:x', 'vbscript:x', 'https://user:secret@host/', '//host', '', null, undefined, 'JaVaScRiPt:alert(1)', ' java\nscript:alert(1)']) {
    assert.equal(safeLink(bad), null, String(bad));
    const nodes = richNodes('word', [e('text_url', 0, 4, { url: bad })]);
    assert.equal(nodes[0].href, null, String(bad));
  }
  assert.equal(safeLink('tg://user?id=7'), 'tg://user?id=7');
  assert.equal(safeLink('mailto:a@example.com'), 'mailto:a@example.com');
  assert.equal(show(richNodes('example.com', [e('url', 0, 11)])), '<url https://example.com/>example.com</>');
  assert.equal(show(richNodes('example.com:8080/x', [e('url', 0, 18)])), '<url https://example.com:8080/x>example.com:8080/x</>');
  assert.equal(richNodes('javascript:alert(1)', [e('url', 0, 19)])[0].href, null);
  assert.equal(richNodes('@contact1', [e('mention', 0, 9)])[0].href, 'https://t.me/contact1');
  assert.equal(richNodes('a@example.com', [e('email', 0, 13)])[0].href, 'mailto:a@example.com');
  assert.equal(richNodes('Anna', [e('mention_name', 0, 4, { user_id: '7' })])[0].href, 'tg://user?id=7');
  assert.equal(richNodes('Anna', [e('mention_name', 0, 4, { user_id: '7&x=1' })])[0].href, null);
});

test('no link stands in a link, and code is taken as it stands', () => {
  const nodes = richNodes('https://a.example', [e('text_url', 0, 17, { url: 'https://b.example/' }), e('url', 0, 17)]);
  assert.equal(show(nodes), '<text_url https://b.example/><url>https://a.example</></>');
  assert.equal(show(richNodes('https://a.example', [e('code', 0, 17)])), '<code>https://a.example</>');
});

// Protects: a text that names another address than it leads to is marked, also when the service did not say so.
test('words that are another address are misleading', () => {
  assert.equal(looksElsewhere('bank.example', 'https://evil.example/'), true);
  assert.equal(looksElsewhere('https://bank.example/login', 'https://evil.example/bank.example'), true);
  assert.equal(looksElsewhere('www.bank.example', 'https://bank.example/x'), false);
  assert.equal(looksElsewhere('click here', 'https://evil.example/'), false);
  assert.equal(looksElsewhere('bаnk.example', 'https://bank.example/'), true);
  assert.equal(richNodes('bank.example', [e('text_url', 0, 12, { url: 'https://evil.example/' })])[0].misleading, true);
  assert.equal(richNodes('here', [e('text_url', 0, 4, { url: 'https://evil.example/', misleading: true })])[0].misleading, true);
});

test('the line break after a block is the block’s own', () => {
  assert.equal(show(richNodes('code\nafter', [e('pre', 0, 4)])), '<pre>code</>after');
});
