/** Preferences of this browser. */

import { el } from '../dom.js';
import { LANGUAGES } from '../i18n.js';
import { AboutSection } from './about.js';
import { openAccess } from './access.js';
import { NodesSection } from './nodes.js';
import { Sheet } from './sheet.js';
import { serviceWays } from './ways.js';

export function openSettings(app) {
  const { t, prefs } = app;
  let leave = null;
  const sheet = new Sheet(app, t('settings.title'), { onClose: () => leave() });
  const box = el('div', {});
  box.append(
    choice(app, 'theme', [['auto', t('settings.theme.auto')], ['light', t('settings.theme.light')], ['dark', t('settings.theme.dark')]], prefs.get('theme'), (value) => prefs.set('theme', value)),
    choice(app, 'language', [['', t('settings.language.auto')], ...Object.entries(LANGUAGES)], prefs.get('language') ?? '', (value) => app.setLanguage(value || null)),
    toggle(app, 'enterSends'), toggle(app, 'autoRead'), toggle(app, 'sayTyping'), toggle(app, 'showDeleted'), notifications(app),
  );
  const open = el('button', { type: 'button', class: 'button', text: t('settings.access'), 'data-act': 'settings.access', on: { click: () => openAccess(app) } });
  const access = el('div', { class: 'setting' }, el('p', { class: 'hint', text: t('settings.access.hint') }), open);
  // What one may do is known from the service's greeting, which may come later than the sheet.
  const ways = serviceWays(app);
  const about = new AboutSection(app, () => openSettings(app));
  const paint = (state) => {
    access.hidden = state.scope !== 'admin';
    if (ways.root.hidden === access.hidden) return;
    ways.root.hidden = access.hidden;
    about.root.hidden = access.hidden;
    if (access.hidden) return;
    ways.load();
    about.load();
  };
  ways.root.hidden = true;
  paint(app.state);
  leave = app.store.view(paint);
  const nodes = new NodesSection(app);
  box.append(ways.root, nodes.root, about.root, access);
  sheet.body.append(box);
  sheet.open();
  nodes.watch();
  return sheet;
}

function choice(app, name, options, value, change) {
  const select = el('select', { class: 'input', id: `set-${name}`, on: { change: (event) => change(event.target.value) } });
  for (const [key, label] of options) select.append(el('option', { value: key, text: label, selected: key === value }));
  return el('div', { class: 'setting' }, el('label', { for: `set-${name}`, text: app.t(`settings.${name}`) }), select);
}

function toggle(app, name, change = (on) => app.prefs.set(name, on)) {
  const box = el('input', { type: 'checkbox', id: `set-${name}`, 'aria-describedby': `hint-${name}`, on: { change: (event) => change(event.target.checked, event.target) } });
  box.checked = Boolean(app.prefs.get(name));
  return el('div', { class: 'setting' }, el('label', { for: `set-${name}`, text: app.t(`settings.${name}`) }), box, el('p', { class: 'hint', id: `hint-${name}`, text: app.t(`settings.${name}.hint`) }));
}

/** Asking for the permission is only allowed in answer to a click. */
function notifications(app) {
  return toggle(app, 'notifications', async (on, box) => {
    if (!on) return app.prefs.set('notifications', false);
    const permission = 'Notification' in window ? await Notification.requestPermission() : 'denied';
    app.prefs.set('notifications', permission === 'granted');
    box.checked = permission === 'granted';
    if (permission !== 'granted') app.toast(app.t('settings.notifications.denied'));
    return undefined;
  });
}
