/** Ways to Telegram: directly or through proxies, chosen and tried out. Of stored proxies the page knows no credentials. */

import { api } from '../api.js';
import { el, setText, show } from '../dom.js';
import { number } from '../format.js';
import { cleanText } from '../text.js';
import { field } from './fields.js';

let counter = 0;

/** "socks5://proxy.example:1080", or "directly". */
export function wayName(t, proxy) {
  return proxy ? `${proxy.kind}://${proxy.host}` : t('way.direct');
}

const unlike = (one, other) => JSON.stringify(one) !== JSON.stringify(other);

/** Which way an account takes: as the service says, directly, or through proxies of its own. */
export class WaysField {
  /**
   * @param {import('../main.js').App} app
   * @param {{test: (proxies: string[]|undefined) => Promise<object>, save?: (proxies: string[]|null) => Promise<boolean>}} options
   */
  constructor(app, { test, save }) {
    counter += 1;
    this.app = app;
    this.name = `ways-${counter}`;
    this.save = save;
    this.stored = null;
    const { t } = app;
    this.choices = new Map();
    const choice = (value) => {
      const input = el('input', { type: 'radio', name: this.name, value, on: { change: () => this.chose() } });
      const text = el('span', { text: t(`way.${value}`) });
      this.choices.set(value, input);
      return el('label', { class: 'choice' }, input, text);
    };
    this.list = field(t('way.list'), { hint: t('way.list.hint'), rows: '3', spellcheck: 'false', autocomplete: 'off', dir: 'ltr', placeholder: 'socks5://name:password@proxy.example:1080' });
    this.known = el('ol', { class: 'ways-known', dir: 'ltr' });
    this.own = el('div', { class: 'signin' }, this.known, this.list.root);
    this.keep = el('button', { type: 'button', class: 'button primary', text: t('way.save'), 'data-act': 'way.save', on: { click: () => this.store() } });
    this.results = new WayResults(app, () => this.ask(test), (error) => this.fail(error));
    this.list.input.addEventListener('input', () => this.chose());
    this.root = el('fieldset', { class: 'field ways' }, el('legend', { class: 'label', text: t('way.title') }),
      choice('service'), choice('direct'), choice('own'), this.own,
      el('div', { class: 'actions' }, save ? this.keep : '', this.results.button), this.results.root);
    this.choose('service');
  }

  get choice() {
    return [...this.choices].find(([, input]) => input.checked)?.[0] ?? 'service';
  }

  choose(value) {
    this.choices.get(value).checked = true;
    this.chose();
  }

  chose() {
    const own = this.choice === 'own';
    show(this.own, own);
    this.list.fail(null);
    show(this.keep, this.choice !== this.was || (own && this.list.value !== ''));
  }

  /** What the account has; what somebody is typing stays. */
  paint(account) {
    const { proxies } = account;
    if (this.painted && !unlike(this.stored, proxies)) return;
    this.painted = true;
    this.stored = proxies;
    this.was = proxies === null ? 'service' : proxies.length === 0 ? 'direct' : 'own';
    this.known.replaceChildren(...(proxies ?? []).map((proxy) => el('li', { text: wayName(this.app.t, proxy) })));
    show(this.known, this.was === 'own');
    this.choose(this.was);
  }

  get addresses() {
    return this.list.value.split(/\s+/).filter(Boolean);
  }

  /** What is chosen, whether it is stored or not. */
  ask(test) {
    return this.choice === 'service' && this.was !== 'service' ? api.testProxies() : test(this.wanted());
  }

  /** As the service takes it; `undefined`: as it is stored. */
  wanted() {
    const { choice } = this;
    if (choice === 'own') return this.addresses.length > 0 ? this.addresses : undefined;
    if (choice === this.was) return undefined;
    return choice === 'direct' ? [] : undefined;
  }

  async store() {
    const { t } = this.app;
    const { choice, addresses } = this;
    if (choice === 'own' && addresses.length === 0) return this.list.fail(t('way.list.empty'));
    const proxies = { service: null, direct: [], own: addresses }[choice];
    this.keep.disabled = true;
    try {
      await this.save(proxies);
      // They hold passwords: the page forgets them.
      this.list.input.value = '';
      this.was = choice;
      this.chose();
    } catch (error) {
      if (!error.code) throw error;
      this.fail(error);
    } finally {
      this.keep.disabled = false;
    }
    return undefined;
  }

  fail(error) {
    const text = this.app.explain(error);
    if (this.choice === 'own' && error.code === 'proxy_invalid') this.list.fail(text);
    else this.app.toast(text);
  }
}

/** A button, and what each way reached when it was pressed. */
export class WayResults {
  constructor(app, test, failed) {
    this.app = app;
    this.test = test;
    this.failed = failed;
    this.button = el('button', { type: 'button', class: 'button', text: app.t('way.test'), 'data-act': 'way.test', on: { click: () => this.run() } });
    this.root = el('div', { class: 'ways-results', role: 'status' });
  }

  async run() {
    const { t } = this.app;
    this.button.disabled = true;
    setText(this.root, t('way.testing'));
    try {
      const { ways } = await this.test();
      this.root.replaceChildren(el('ul', {}, ...ways.map((way) => this.way(way))));
    } catch (error) {
      if (!error.code) throw error;
      this.root.replaceChildren();
      this.failed(error);
    } finally {
      this.button.disabled = false;
    }
  }

  way(way) {
    const { t } = this.app;
    const dcs = way.dcs.map((dc) => el('li', { class: dc.ms === null ? 'bad' : 'good', text: this.reach(dc) }));
    return el('li', { 'data-way': way.proxy?.host ?? 'direct' }, el('bdi', { text: wayName(t, way.proxy) }), el('ul', {}, ...dcs));
  }

  reach(dc) {
    const { t, lang, words } = this.app;
    if (dc.ms !== null) return t('way.reached', { dc: number(lang, dc.id), ms: number(lang, dc.ms) });
    const key = `way.error.${dc.code}`;
    return t('way.missed', { dc: number(lang, dc.id), why: words.has(key) ? t(key) : cleanText(dc.error ?? '') });
  }
}

/** The service's own ways, for the settings. */
export function serviceWays(app) {
  const { t } = app;
  const list = el('p', { class: 'break', dir: 'auto', text: '…' });
  const results = new WayResults(app, () => api.testProxies(), (error) => app.toast(app.explain(error)));
  const root = el('section', { class: 'ways' }, el('h3', { text: t('way.title') }), el('p', { class: 'hint', text: t('way.settings.hint') }), list, el('div', { class: 'actions' }, results.button), results.root);
  const load = async () => {
    try {
      const { proxies } = await api.proxies();
      setText(list, proxies.length > 0 ? proxies.map((proxy) => wayName(t, proxy)).join(' → ') : t('way.settings.none'));
    } catch (error) {
      if (!error.code) throw error;
      // One who sees some accounts only has no business with the service's own.
      if (error.status === 403) root.remove();
      else setText(list, app.explain(error));
    }
  };
  return { root, load };
}
