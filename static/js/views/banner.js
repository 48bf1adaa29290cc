/** One line at the top for the most important thing that is cut off. Never a modal. */

import { $, parts, setAttr, setIcon, setText, show } from '../dom.js';
import { countdown } from '../format.js';
import { cleanName } from '../text.js';
import { disputeText, faultText, needsPerson } from '../words.js';

/** A dropped line is worth a banner only when it stays dropped for a moment. */
const PATIENCE = 700;

/**
 * What to say, if anything. Pure.
 * @returns {{key: string, level: 'wait'|'bad', icon: string, params?: object, act?: string, account?: string, vault?: object, conflict?: object}|null}
 */
export function bannerOf(state, now) {
  const { live } = state;
  if (state.denied) return { key: 'banner.denied', level: 'bad', icon: 'alert' };
  if (live.phase === 'offline') return { key: 'banner.offline', level: 'wait', icon: 'offline' };
  const cut = live.attempt > 0 || live.phase === 'waiting';
  if (cut && now - (live.brokenAt ?? live.since) > PATIENCE) {
    if (live.phase === 'waiting') return { key: 'banner.waiting', level: 'wait', icon: 'offline', params: { left: Math.max(0, live.retryAt - now) }, act: 'retry' };
    return { key: 'banner.connecting', level: 'wait', icon: 'offline' };
  }
  const troubled = [...state.accounts.values()].filter(needsPerson);
  if (troubled.length > 1) return { key: 'banner.accounts', level: 'bad', icon: 'alert', params: { n: troubled.length }, act: 'account', account: troubled[0].id };
  if (troubled.length === 1) return { key: `banner.${troubled[0].state}`, level: 'bad', icon: 'alert', params: { account: cleanName(troubled[0].label) }, act: 'account', account: troubled[0].id };
  return vaultBanner(state);
}

/** The vault away, here or at another node, or a row there that is not like the one here; a person decides which is right. */
function vaultBanner({ vault, accounts, nodes }) {
  // This node's own is told as it changes, and later in its row.
  const away = nodes.filter((node) => (node.own ? vault : node.vault)?.state === 'offline');
  if (away.length > 0 && away.length < nodes.length) {
    const [first] = away;
    return { key: 'banner.vault.nodes', level: 'wait', icon: 'alert', params: { nodes: away.map(({ name }) => name) }, vault: first.own ? vault : first.vault };
  }
  if (vault?.state === 'offline') {
    const key = vault.queued > 0 ? 'banner.vault.queued' : 'banner.vault';
    return { key, level: 'wait', icon: 'alert', params: { n: vault.queued }, vault };
  }
  const [conflict, ...more] = vault?.conflicts ?? [];
  if (!conflict) return null;
  const account = accounts.get(conflict.account_id);
  if (!account) return { key: 'banner.vault.row', level: 'bad', icon: 'alert', params: { id: conflict.account_id }, conflict };
  const act = { act: 'account', account: account.id, conflict };
  if (more.length > 0) return { key: 'banner.vault.conflicts', level: 'bad', icon: 'alert', params: { n: more.length + 1 }, ...act };
  return { key: 'banner.vault.conflict', level: 'bad', icon: 'alert', params: { account: cleanName(account.label) }, ...act };
}

export class Banner {
  /** @param {import('../main.js').App} app */
  constructor(app) {
    this.app = app;
    this.parts = parts($('#banner'));
    this.text = $('p', this.parts.root);
    this.parts.act.addEventListener('click', () => this.act?.());
    app.store.view((state) => this.paint(state));
  }

  /** In the page's language. */
  why({ conflict, vault }) {
    const { words } = this.app;
    if (conflict) return disputeText(words, conflict);
    return vault ? faultText(words, `vault.fault.${vault.reason_code}`, vault.reason_params, vault.reason) || null : null;
  }

  paint(state) {
    const now = Date.now();
    const banner = bannerOf(state, now);
    show(this.parts.root, banner !== null);
    if (state.live.phase !== 'open') this.app.tick();
    if (!banner) return;
    const { t, lang } = this.app;
    const params = { ...banner.params };
    if ('left' in params) params.time = countdown(lang, params.left);
    if ('nodes' in params) params.nodes = params.nodes.join(', ');
    setText(this.text, t(banner.key, params));
    setAttr(this.text, 'title', this.why(banner));
    setAttr(this.parts.root, 'data-level', banner.level);
    // A countdown read aloud every second is noise.
    setAttr(this.parts.root, 'aria-live', 'left' in params ? 'off' : 'polite');
    setIcon(this.parts.root.firstElementChild, banner.icon);
    show(this.parts.act, Boolean(banner.act));
    if (banner.act === 'retry') {
      setText(this.parts.act, t('banner.now'));
      this.act = () => this.app.live.retryNow();
    } else if (banner.act === 'account') {
      setText(this.parts.act, t('rail.open'));
      this.act = () => this.app.openAccount(banner.account);
    }
  }
}
