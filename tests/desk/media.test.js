// Media: sizes known before, addresses that are ours, albums as one, service lines and previews in words.
import test from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { barsOf, boxOf, galleryOf, gridOf, groupAlbums, isPicture, placeOf, servedAt, shareOf } from '../../static/js/media.js';
import { actionText, mediaTitle, money, previewOf, serviceText } from '../../static/js/words.js';
import { Words } from '../../static/js/i18n.js';

const texts = (lang) => JSON.parse(readFileSync(new URL(`../../static/i18n/${lang}.json`, import.meta.url), 'utf8'));
const words = Object.fromEntries(['en', 'ru', 'ar'].map((lang) => [lang, new Words(lang, texts(lang))]));
const ROOT = new URL('http://desk.example/base/');

// Protects: a message can't make the page fetch anything but its own file.
test('only our own addresses are fetched', () => {
  assert.equal(servedAt('/messages/7/media', ROOT), 'http://desk.example/base/messages/7/media');
  assert.equal(servedAt('/messages/7/media/thumb', ROOT), 'http://desk.example/base/messages/7/media/thumb');
  for (const bad of ['https://evil.example/messages/7/media', '//evil.example/messages/7/media', '/messages/../accounts/media', '/messages/7/media?x', '/accounts', 'javascript:1', null, undefined, 7]) assert.equal(servedAt(bad, ROOT), null, String(bad));
});

// Protects: nothing jumps when a picture comes, and absurd sides break nothing.
test('every picture has a box before it is there', () => {
  assert.deepEqual(boxOf({ kind: 'photo', width: 1600, height: 1200 }), { width: 360, height: 270 });
  assert.deepEqual(boxOf({ kind: 'photo', width: 600, height: 1200 }), { width: 190, height: 380 });
  for (const [width, height] of [[undefined, undefined], [0, 0], [1, 9999], [9999, 1], [-5, 3], [1e12, 1], [NaN, 4], [null, null]]) {
    const box = boxOf({ kind: 'photo', width, height });
    assert.ok(box.width >= 72 && box.width <= 360 && box.height >= 72 && box.height <= 380, JSON.stringify([width, height, box]));
  }
});

test('what vanishes is no picture here', () => {
  assert.equal(isPicture({ kind: 'photo' }), true);
  assert.equal(isPicture({ kind: 'photo', vanishes_after: 0 }), false);
});

// Protects: an album is one, and only an album.
test('runs of one album are one', () => {
  const message = (id, album_id, direction = 'incoming') => ({ id, album_id, direction });
  const groups = groupAlbums([message('1', null), message('2', 'a'), message('3', 'a'), message('4', 'b'), message('5', 'b', 'outgoing'), message('6', null), message('7', null)]);
  assert.deepEqual(groups.map((group) => group.map((one) => one.id).join('')), ['1', '23', '4', '5', '6', '7']);
  assert.equal(groupAlbums(Array.from({ length: 25 }, (_, n) => message(String(n), 'a'))).length, 3);
  for (let n = 1; n <= 10; n += 1) assert.equal(gridOf(n).reduce((sum, count) => sum + count, 0), n);
});

test('the full screen walks through an album, else through the chat', () => {
  const photo = (id, album_id = null) => ({ id, album_id, media: { kind: 'photo' } });
  const all = [photo('1'), photo('2', 'a'), photo('3', 'a'), { id: '4', media: { kind: 'voice' } }, photo('5')];
  assert.deepEqual(galleryOf(all, all[1]).map((one) => one.id), ['2', '3']);
  assert.deepEqual(galleryOf(all, all[0]).map((one) => one.id), ['1', '2', '3', '5']);
});

test('waveforms, shares and places hold within their bounds', () => {
  assert.equal(barsOf([0, 31, 99, -4, NaN], 42).length, 42);
  assert.ok(barsOf([0, 31, 99], 9).every((bar) => bar >= 0.08 && bar <= 1));
  assert.ok(barsOf(undefined, 5).every((bar) => bar > 0));
  assert.equal(shareOf(3, 0), 0);
  assert.equal(shareOf(9, 3), 1);
  assert.equal(placeOf({ latitude: 91, longitude: 0 }), null);
  assert.equal(placeOf({ latitude: 33.5138, longitude: 36.2765 }).text, '33.51380, 36.27650');
});

// Protects: what happened is told in the page's language, from its data.
test('service messages are told in every language', () => {
  const message = { direction: 'incoming', service: 'changed the name to “New”', sender: { name: 'Contact one' }, action: { kind: 'chat_edit_title', who: { id: '5', name: 'Contact one' }, value: 'New' } };
  assert.equal(actionText(words.en, message), 'Contact one changed the name to “New”');
  assert.match(actionText(words.ru, message), /новое название «.*New/);
  assert.match(actionText(words.ar, message), /الاسم الجديد/);
  const left = { direction: 'incoming', service: 'left', action: { kind: 'chat_delete_user', who: { id: '5', name: 'Contact one' }, whom: [{ id: '5', name: 'Contact one' }] } };
  assert.equal(actionText(words.en, left), 'Contact one left');
  const unknown = { direction: 'incoming', service: 'did something new', sender: { name: 'Contact one' }, action: { kind: 'from_the_future', who: null } };
  assert.equal(serviceText(words.en, unknown), '\u2068Contact one\u2069 did something new');
});

// Protects: every action that the service names has words; a new one is decided upon.
test('every action of the document has words or is left to the service on purpose', () => {
  const kinds = [...readFileSync(new URL('../../docs/messages.md', import.meta.url), 'utf8').matchAll(/\| `messageAction\w+` \| `(\w+)`/g)].map((match) => match[1]);
  assert.ok(kinds.length > 50);
  const untold = new Set(['empty', 'custom_action', 'no_forwards_toggle', 'no_forwards_request']);
  for (const kind of kinds) assert.ok(words.en.has(`action.${kind}`) || untold.has(kind), kind);
});

test('amounts are in their own unit', () => {
  assert.equal(money(words.en, 1250, 'EUR', 'en'), '€12.50');
  assert.equal(money(words.en, 1250, 'JPY', 'en'), '¥1,250');
  assert.equal(money(words.en, 5, 'XTR', 'en'), '5 stars');
  assert.equal(money(words.en, 5, 'no currency', 'en'), '5 no currency');
});

test('the list names what came', () => {
  assert.equal(mediaTitle(words.en, { kind: 'poll', name: 'When?' }), 'Poll “When?”');
  assert.equal(mediaTitle(words.en, { kind: 'sticker', sticker: { emoji: '🎉' } }), 'Sticker 🎉');
  assert.equal(mediaTitle(words.en, { kind: 'voice', duration: 12 }), 'Voice message 0:12');
  assert.equal(previewOf(words.en, { text: 'look', media: { kind: 'photo' } }), 'Photo: look');
});

// Protects: what its writer covered is not given away by the list or a notification.
test('spoilers stay covered in previews', () => {
  assert.equal(previewOf(words.en, { text: 'it is Anna!', entities: [{ type: 'spoiler', offset: 6, length: 4 }] }), 'it is ▒▒▒▒!');
  assert.equal(previewOf(words.en, { text: 'ab', entities: [{ type: 'spoiler', offset: 1, length: 99 }] }), 'a▒');
});
