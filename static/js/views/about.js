/** What the service is, and the files that it keeps, for the settings. */

import { api } from '../api.js';
import { el, setText } from '../dom.js';
import { fileSize, number } from '../format.js';
import { confirm } from './sheet.js';

export class AboutSection {
  /** @param {import('../main.js').App} app @param {() => void} reopen shows the settings again */
  constructor(app, reopen) {
    const { t } = app;
    this.app = app;
    this.reopen = reopen;
    this.kept = el('p', { role: 'status', text: '…' });
    this.clear = el('button', { type: 'button', class: 'button', text: t('about.clear'), 'data-act': 'about.clear', disabled: true, on: { click: () => this.ask() } });
    this.facts = el('dl', { class: 'facts' });
    this.root = el('div', { hidden: true },
      el('section', { class: 'ways' }, el('h3', { text: t('about.files') }), el('p', { class: 'hint', text: t('about.files.hint') }), this.kept, el('div', { class: 'actions' }, this.clear)),
      el('section', { class: 'ways' }, el('h3', { text: t('about.title') }), this.facts));
  }

  async load() {
    const { app } = this;
    try {
      this.paint(await api.about());
    } catch (error) {
      if (!error.code) throw error;
      // One who sees some accounts only has no business with the service itself.
      if (error.status === 403) this.root.remove();
      else setText(this.kept, app.explain(error));
    }
  }

  paint({ version, layer, database, nodes, files }) {
    const { t, lang } = this.app;
    const size = (bytes) => fileSize(lang, bytes);
    setText(this.kept, t('about.kept', { size: size(files.kept_bytes), bound: size(files.bound) }) + (files.store === 'bucket' ? ` ${t('about.bucket')}` : ''));
    this.clear.disabled = files.kept_bytes === 0;
    const rows = [['about.version', version], ['about.layer', number(lang, layer)], ['about.database', database === 'postgres' ? 'PostgreSQL' : 'SQLite'], ['about.nodes', number(lang, nodes)]];
    this.facts.replaceChildren(...rows.flatMap(([key, value]) => [el('dt', { text: t(key) }), el('dd', {}, el('bdi', { text: value }))]));
  }

  async ask() {
    const { app, reopen } = this;
    const { t, lang } = app;
    if (await confirm(app, { title: t('about.clear'), text: t('about.clear.text'), act: t('about.clear.act') })) {
      try {
        const { files, freed_bytes: bytes } = await api.clearFiles();
        app.toast(t('about.cleared', { n: files, size: fileSize(lang, bytes) }));
      } catch (error) {
        if (!error.code) throw error;
        app.toast(app.explain(error));
      }
    }
    reopen();
  }
}
