/** Programs and people with a key: webhooks, tokens, and who did what. For admins. */

import { api } from '../api.js';
import { el, setText } from '../dom.js';
import { moment } from '../format.js';
import { faultText } from '../words.js';
import { field } from './fields.js';
import { Sheet, confirm } from './sheet.js';

const SCOPES = ['read', 'send', 'admin', 'licence'];
const AUDIT_SHOWN = 50;

export function openAccess(app) {
  return new AccessSheet(app).sheet;
}

class AccessSheet {
  /** @param {import('../main.js').App} app */
  constructor(app) {
    this.app = app;
    this.sheet = new Sheet(app, app.t('access.title'), { className: 'access' });
    this.said = el('div', { class: 'said', role: 'status' });
    this.trouble = el('div', { class: 'error', role: 'alert' });
    this.hooks = el('ul', { class: 'entries' });
    this.tokens = el('ul', { class: 'entries' });
    this.audit = el('ol', { class: 'entries small', tabindex: 0, 'aria-label': app.t('access.audit') });
    this.sheet.body.append(
      this.said, this.trouble,
      this.section('access.webhooks', this.hooks, this.hookForm()),
      this.section('access.tokens', this.tokens, this.tokenForm()),
      this.section('access.audit', this.audit),
    );
    this.sheet.open();
    this.load();
  }

  section(key, ...parts) {
    return el('section', {}, el('h3', { text: this.app.t(key) }), ...parts);
  }

  /** What was done is shown by what the service has then. */
  async run(work) {
    setText(this.trouble, '');
    try {
      await work();
    } catch (error) {
      setText(this.trouble, error.status === 0 ? this.app.t('access.unreachable') : this.app.explain(error));
    }
    return this.load();
  }

  async load() {
    try {
      const [hooks, tokens, audit] = await Promise.all([api.webhooks(), api.tokens(), api.audit(AUDIT_SHOWN)]);
      if (!this.sheet.isOpen) return;
      this.hooks.replaceChildren(...this.orNothing(hooks.webhooks.map((hook) => this.hook(hook)), 'access.webhooks.none'));
      const lasting = tokens.tokens.filter((token) => token.state === 'valid');
      this.tokens.replaceChildren(...this.orNothing(lasting.map((token) => this.token(token)), 'access.tokens.none'));
      this.audit.replaceChildren(...audit.entries.reverse().map((entry) => this.entry(entry)));
    } catch (error) {
      setText(this.trouble, error.status === 0 ? this.app.t('access.unreachable') : this.app.explain(error));
    }
  }

  orNothing(rows, key) {
    return rows.length > 0 ? rows : [el('li', { class: 'hint', text: this.app.t(key) })];
  }

  /** A secret is shown once, to be copied; nothing of it is kept in the page. */
  tell(key, secret) {
    const shown = el('input', { class: 'input', readonly: true, dir: 'ltr', value: secret, 'aria-label': this.app.t(key), 'data-secret': true });
    this.said.replaceChildren(el('p', { text: this.app.t(key) }), shown);
    shown.focus();
    shown.select();
  }

  act(key, work, danger = false) {
    return el('button', { type: 'button', class: danger ? 'button danger' : 'button', text: this.app.t(key), 'data-act': key, on: { click: () => this.run(work) } });
  }

  hook(hook) {
    const { t, lang } = this.app;
    const tone = { active: 'good', failing: 'bad', paused: 'quiet', unreadable: 'bad' }[hook.state];
    const facts = [t(`access.state.${hook.state}`)];
    if (hook.accounts_waiting > 0) facts.push(t('access.waiting', { n: hook.accounts_waiting }));
    if (hook.last_taken_at) facts.push(t('access.taken', { when: moment(lang, hook.last_taken_at) }));
    const trouble = hook.last_error && hook.state === 'failing' ? el('p', { class: 'small', text: this.why(hook.last_error.code, hook.last_error.params, hook.last_error.reason) }) : null;
    const acts = el('div', { class: 'actions' }, this.act('access.test', () => this.test(hook)));
    if (hook.source === 'rest') {
      const paused = hook.state === 'paused';
      acts.append(
        this.act(paused ? 'access.resume' : 'access.pause', () => api.changeWebhook(hook.id, { paused: !paused })),
        this.act('access.secret', () => this.renewSecret(hook)),
        this.act('access.remove', () => this.remove(hook), true),
      );
    } else facts.push(t('access.configured'));
    return el('li', { 'data-id': hook.id, 'data-state': hook.state },
      el('div', { class: 'break', dir: 'ltr', text: hook.url ?? hook.id }),
      el('div', { class: 'state-line' }, el('span', { class: tone, text: '●', 'aria-hidden': 'true' }), el('span', { class: 'grow', text: facts.join(' · ') })),
      trouble, acts);
  }

  why(code, params, said) {
    return faultText(this.app.words, `webhook.fault.${code}`, params, said);
  }

  async test(hook) {
    const { answer } = await api.testWebhook(hook.id);
    const { t } = this.app;
    const words = answer.taken ? t('access.test.taken', { ms: answer.took_ms }) : t('access.test.refused', { why: this.why(answer.error_code, answer.error_params, answer.error ?? '') });
    this.said.replaceChildren(el('p', { text: words }));
  }

  async renewSecret(hook) {
    const { secret } = await api.changeWebhook(hook.id, { rotate_secret: true });
    this.tell('access.secret.shown', secret);
  }

  async remove(hook) {
    const { t } = this.app;
    const sure = await confirm(this.app, { title: t('access.remove'), text: t('access.remove.text', { url: hook.url ?? hook.id }), act: t('access.remove') });
    if (sure) await api.removeWebhook(hook.id);
    // The question took this sheet's place.
    openAccess(this.app);
  }

  hookForm() {
    const { t } = this.app;
    const url = field(t('access.url'), { type: 'url', required: true, dir: 'ltr', placeholder: 'https://', name: 'url' });
    return this.form([url], 'access.webhooks.add', async () => {
      const { secret } = await api.makeWebhook({ url: url.value });
      url.input.value = '';
      this.tell('access.secret.shown', secret);
    });
  }

  form(fields, key, work) {
    const submit = (event) => {
      event.preventDefault();
      this.run(work);
    };
    return el('form', { class: 'pair', on: { submit } }, ...fields.map((one) => one.root ?? one), el('button', { class: 'button', text: this.app.t(key), 'data-act': key }));
  }

  token(token) {
    const { t, lang } = this.app;
    const facts = [token.scope, token.last_used_at ? t('access.used', { when: moment(lang, token.last_used_at) }) : t('access.unused')];
    if (token.account_ids) facts.push(t('access.accounts', { n: token.account_ids.length }));
    if (token.expires_at) facts.push(t('access.expires', { when: moment(lang, token.expires_at) }));
    const acts = el('div', { class: 'actions' });
    if (token.scope !== 'desk') acts.append(this.act('access.rotate', () => this.rotate(token)));
    acts.append(this.act('access.revoke', () => api.revokeToken(token.id), true));
    return el('li', { 'data-id': token.id }, el('bdi', { text: token.name }), el('div', { class: 'small quiet', text: facts.join(' · ') }), acts);
  }

  async rotate(token) {
    const { secret } = await api.rotateToken(token.id);
    this.tell('access.token.shown', secret);
  }

  tokenForm() {
    const { t } = this.app;
    const name = field(t('access.name'), { required: true, maxlength: 64, dir: 'auto', name: 'name' });
    const scope = el('select', { class: 'input', 'aria-label': t('access.scope'), name: 'scope' });
    for (const one of SCOPES) scope.append(el('option', { value: one, text: t(`access.scope.${one}`) }));
    const box = el('div', { class: 'field' }, el('span', { class: 'label', text: t('access.scope') }), scope);
    const hint = el('p', { class: 'hint', text: t('access.tokens.hint') });
    const form = this.form([name, box], 'access.tokens.add', async () => {
      const { secret } = await api.makeToken({ name: name.value, scope: scope.value });
      name.input.value = '';
      this.tell('access.token.shown', secret);
    });
    return el('div', {}, form, hint);
  }

  entry(entry) {
    const who = [entry.by, entry.ip].filter(Boolean).join(' · ');
    const what = [entry.action, entry.detail].filter(Boolean).join(' ');
    return el('li', {}, el('time', { datetime: entry.at, text: moment(this.app.lang, entry.at) }), ' ', el('bdi', { text: what }), ' ', el('bdi', { class: 'quiet', text: who }));
  }
}
