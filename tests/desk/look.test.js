// The colours: every pair of roles that is read together has the contrast it needs, in both themes.
import test from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';

const STATIC = new URL('../../static/', import.meta.url);
const css = readFileSync(new URL('css/tokens.css', STATIC), 'utf8');

/** Splits "a, b(c, d)" at the commas of its own level. */
function split(text) {
  const out = [''];
  let depth = 0;
  for (const char of text) {
    if (char === '(') depth += 1;
    if (char === ')') depth -= 1;
    if (char === ',' && depth === 0) out.push('');
    else out[out.length - 1] += char;
  }
  return out.map((one) => one.trim());
}

const root = css.slice(css.indexOf(':root {'), css.indexOf('\n}\n'));
const tokens = new Map([...root.matchAll(/(--[\w-]+):\s*([^;]+);/g)].map((match) => [match[1], match[2].trim()]));

const linear = (channel) => (channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4);

function fromHex(hex) {
  return [1, 3, 5].map((at) => linear(parseInt(hex.slice(at, at + 2), 16) / 255));
}

function fromOklab([l, a, b]) {
  const [x, y, z] = [l + 0.3963377774 * a + 0.2158037573 * b, l - 0.1055613458 * a - 0.0638541728 * b, l - 0.0894841775 * a - 1.291485548 * b].map((n) => n ** 3);
  return [4.0767416621 * x - 3.3077115913 * y + 0.2309699292 * z, -1.2684380046 * x + 2.6097574011 * y - 0.3413193965 * z, -0.0041960863 * x - 0.7034186147 * y + 1.707614701 * z];
}

function toOklab([r, g, b]) {
  const [l, m, s] = [0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b, 0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b, 0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b].map(Math.cbrt);
  return [0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s, 1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s, 0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s];
}

/** A colour expression of tokens.css as linear sRGB. */
function colour(text, theme, over = {}) {
  if (text.startsWith('#')) return fromHex(text);
  const [, name, inside] = /^([\w-]+)\((.*)\)$/s.exec(text);
  if (name === 'light-dark') return colour(split(inside)[theme === 'light' ? 0 : 1], theme, over);
  if (name === 'var') return colour(over[inside] ?? tokens.get(inside), theme, over);
  if (name === 'oklch') {
    const [l, c, h] = inside.split(/\s+/).map(Number);
    return fromOklab([l, c * Math.cos((h * Math.PI) / 180), c * Math.sin((h * Math.PI) / 180)]);
  }
  assert.equal(name, 'color-mix');
  const [, first, second] = split(inside);
  const [, expression, share] = /^(.*)\s+(\d+)%$/.exec(first);
  const [a, b] = [toOklab(colour(expression, theme, over)), toOklab(colour(second, theme, over))];
  return fromOklab(a.map((n, i) => n * (share / 100) + b[i] * (1 - share / 100)));
}

const luminance = (rgb) => rgb.map((n) => Math.min(1, Math.max(0, n))).reduce((sum, n, i) => sum + n * [0.2126, 0.7152, 0.0722][i], 0);

function contrast(a, b, theme, over) {
  const [x, y] = [a, b].map((name) => luminance(colour(`var(${name})`, theme, over))).sort((m, n) => n - m);
  return (x + 0.05) / (y + 0.05);
}

const SURFACES = ['--surface', '--surface-raised', '--surface-sunk'];
const ACCOUNTS = Array.from({ length: 12 }, (_, n) => n);

for (const theme of ['light', 'dark']) {
  // Protects: everything written can be read.
  test(`text meets 4.5:1 on every ground it stands on (${theme})`, () => {
    const pairs = [];
    for (const ground of [...SURFACES, '--hover', '--selected', '--bubble-in']) pairs.push(['--text', ground], ['--text-quiet', ground]);
    for (const ground of SURFACES) pairs.push(['--good', ground], ['--wait', ground], ['--bad', ground]);
    pairs.push(['--link', '--bubble-in'], ['--link', '--surface-raised'], ['--accent', '--surface'], ['--accent', '--surface-raised'], ['--on-accent', '--accent'], ['--text', '--mark'], ['--on-paper', '--paper']);
    for (const [ink, ground] of pairs) {
      const ratio = contrast(ink, ground, theme);
      assert.ok(ratio >= 4.5, `${ink} on ${ground}: ${ratio.toFixed(2)}`);
    }
  });

  test(`every account's own bubbles and chips can be read (${theme})`, () => {
    for (const n of ACCOUNTS) {
      const over = { '--account': `var(--account-${n})` };
      for (const [ink, ground] of [['--text', '--bubble-out'], ['--text-quiet', '--bubble-out'], ['--link', '--bubble-out'], ['--text', '--account-tint'], ['--text-quiet', '--account-tint'], ['--on-account', '--account']]) {
        const ratio = contrast(ink, ground, theme, over);
        assert.ok(ratio >= 4.5, `${ink} on ${ground} of account ${n}: ${ratio.toFixed(2)}`);
      }
      assert.ok(contrast('--bad', '--bubble-out', theme, over) >= 3, `the failed mark in bubbles of account ${n}`);
    }
  });

  test(`rings, bars and field edges meet 3:1 (${theme})`, () => {
    for (const ground of SURFACES) {
      for (const n of ACCOUNTS) assert.ok(contrast(`--account-${n}`, ground, theme) >= 3, `account ${n} on ${ground}`);
      for (const edge of ['--field-line', '--accent']) assert.ok(contrast(edge, ground, theme) >= 3, `${edge} on ${ground}`);
    }
  });
}

// Protects: no account shouts and none hides: the hues differ, the lightness does not.
test('the twelve account colours have equal lightness and distinct hues', () => {
  for (const at of [0, 1]) {
    const all = ACCOUNTS.map((n) => split(/light-dark\((.*)\)/s.exec(tokens.get(`--account-${n}`))[1])[at]).map((text) => /oklch\(([\d.]+) ([\d.]+) (\d+)\)/.exec(text).slice(1).map(Number));
    assert.equal(new Set(all.map(([l]) => l)).size, 1);
    const hues = all.map(([, , h]) => h).sort((a, b) => a - b);
    hues.forEach((hue, n) => assert.ok(((hues[(n + 1) % 12] - hue + 360) % 360) >= 20, `hues ${hue} and ${hues[(n + 1) % 12]}`));
  }
});

test('the palette is the one agreed on', () => {
  const agreed = { '--surface': ['#ffffff', '#15191e'], '--surface-raised': ['#ffffff', '#1b2027'], '--surface-sunk': ['#f4f6f8', '#101317'], '--text': ['#14181d', '#e8ecf0'], '--text-quiet': ['#5a6672', '#9aa6b2'], '--line': ['#e2e7ec', '#2a313a'], '--accent': ['#1f6feb', '#4c8dff'], '--on-accent': ['#ffffff', '#08121f'], '--bubble-in': ['#f0f3f6', '#222932'], '--good': ['#1a7f4b', '#4cc38a'], '--wait': ['#a15c00', '#e0a53a'], '--bad': ['#c62828', '#ff6b6b'] };
  for (const [name, [light, dark]] of Object.entries(agreed)) assert.equal(tokens.get(name), `light-dark(${light}, ${dark})`, name);
});

test('no colour is named outside the tokens', () => {
  for (const name of readdirSync(new URL('css/', STATIC))) {
    if (name === 'tokens.css') continue;
    const text = readFileSync(new URL(`css/${name}`, STATIC), 'utf8').replace(/\/\*[\s\S]*?\*\//g, '');
    assert.doesNotMatch(text, /#[0-9a-f]{3,8}\b|rgb\(|hsl\(|oklch\(/i, name);
  }
});

// Protects: the portal's icons and sheets are the desk's, and none that its messages need is missing.
test('the portal draws with the same icons as the desk', () => {
  const page = (name) => readFileSync(new URL(name, STATIC), 'utf8');
  const symbols = (text) => new Map([...text.matchAll(/<symbol id="i-([\w-]+)".*?<\/symbol>/g)].map((match) => [match[1], match[0]]));
  const [desk, portal] = [symbols(page('index.html')), symbols(page('portal.html'))];
  for (const [name, symbol] of portal) assert.equal(symbol, desk.get(name), name);
  const views = ['media', 'file', 'sound', 'cards', 'viewer', 'rich', 'ring', 'sheet'].map((name) => page(`js/views/${name}.js`)).join('') + /MEDIA_ICONS = .*/.exec(page('js/words.js'))[0];
  const asked = [...views.matchAll(/\b(?:icon|tool)\('([\w-]+)'|(?<=: )'(photo|video|voice|audio|sticker|place|person|poll|link|check)'/g)].map((match) => match[1] ?? match[2]);
  for (const name of asked) assert.ok(portal.has(name), name);
});
