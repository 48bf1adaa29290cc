/** The keyboard. None of the plain keys fires while someone is typing. */

const TYPING = 'input, textarea, select, [contenteditable]';

/** @param {import('./main.js').App} app */
export function listenKeys(app) {
  document.addEventListener('keydown', (event) => {
    if (event.defaultPrevented || event.isComposing) return;
    if (act(app, event)) event.preventDefault();
  });
}

/** @returns {boolean} whether the key was ours */
function act(app, event) {
  const { key } = event;
  if (key === 'Escape') return !app.sheet?.isOpen && app.back();
  if ((event.ctrlKey || event.metaKey) && !event.altKey && key.toLowerCase() === 'k') return done(app.openPalette());
  if (app.sheet?.isOpen) return false;
  if (event.altKey && !event.ctrlKey && (key === 'ArrowDown' || key === 'ArrowUp')) return done(app.step(key === 'ArrowDown' ? 1 : -1));
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.(TYPING)) return false;
  if (key === '/') return done(app.search.focus());
  if (key === 'n') return done(app.openNew());
  if (key === '.') return app.chat.handles.openMenu();
  if (key === '?') return done(app.openKeys());
  if (key === 'u') return done(app.actions.setFilter({ unread: !app.state.filter.unread }));
  if (key === 'r') return done(app.state.selected !== null && app.actions.markRead(app.state.selected));
  if (key === '0') return done(app.actions.filterAccount(null));
  if (/^[1-9]$/.test(key)) {
    const id = [...app.state.accounts.keys()][Number(key) - 1];
    return id ? done(app.actions.filterAccount(id)) : false;
  }
  return false;
}

function done() {
  return true;
}
