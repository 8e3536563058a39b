// Runs before the first paint (a classic script in <head>): sets the theme so that no page flashes in the wrong one.
(() => {
  const stored = localStorage.getItem('managed.theme');
  const choice = stored === 'light' || stored === 'dark' ? stored : 'system';
  const dark = choice === 'dark' || (choice === 'system' && matchMedia('(prefers-color-scheme: dark)').matches);
  const root = document.documentElement;
  root.dataset.themeChoice = choice;
  root.dataset.theme = dark ? 'dark' : 'light';
})();
