// Runs before the first paint, so that a chosen theme and direction do not flash. Classic script on purpose: modules run later.
(() => {
  try {
    const prefs = JSON.parse(localStorage.getItem('switchboard.prefs') || '{}');
    if (prefs.theme === 'light' || prefs.theme === 'dark') document.documentElement.dataset.theme = prefs.theme;
    if (prefs.language === 'ar' || (!prefs.language && navigator.language.startsWith('ar'))) document.documentElement.dir = 'rtl';
  } catch {
    // Storage may be forbidden; the page works without it.
  }
})();
