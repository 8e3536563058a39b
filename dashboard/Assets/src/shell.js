// The frame's share of the browser: theme, clipboard, keys, sign-out. Used by Components/Layout/Shell.cs.
import { Palette } from './palette.js';
import { copy } from './clipboard.js';
import { read, remove, removeAll, write } from './drafts.js';

export { copy };

const root = document.documentElement;
const systemDark = matchMedia('(prefers-color-scheme: dark)');
let frame = null;

async function tell(...told) { try { await frame?.invokeMethodAsync(...told); } catch { /* the circuit is cut */ } }

function state() { return { choice: root.dataset.themeChoice ?? 'system', dark: root.dataset.theme === 'dark' }; }

function paint() {
  const choice = root.dataset.themeChoice;
  root.dataset.theme = choice === 'dark' || (choice === 'system' && systemDark.matches) ? 'dark' : 'light';
}

systemDark.addEventListener('change', () => { paint(); tell('OnThemeChanged', state()); });

export function chooseTheme(choice) {
  if (choice === 'system') localStorage.removeItem('managed.theme'); else localStorage.setItem('managed.theme', choice);
  root.dataset.themeChoice = choice;
  paint();
  return state();
}

/** Whoever is in the page already, typing or in a dialog, is left there. */
export function focusHeading() {
  const at = document.activeElement;
  if (at?.closest('main :is(input, textarea, select, button, [contenteditable="true"]), .mud-dialog')) return;
  const heading = document.querySelector('h1');
  if (!heading) return;
  if (!heading.hasAttribute('tabindex')) heading.tabIndex = -1;
  heading.focus();
}

/** All of it here: the circuit ends with the page, and nothing of it may wait for an answer of the browser then. */
async function signOut() {
  removeAll();
  try { await fetch('/api/v1/auth/logout', { method: 'POST' }); } finally { location.assign('/sign-in?reason=out'); }
}

// `g` then a letter, and `?`: only outside of fields, and never with a modifier, so no browser key is taken away.
const rooms = { o: '/', t: '/traffic', l: '/listeners', r: '/routes', c: '/clusters', s: '/secrets', n: '/new', m: '/modules', b: '/bench', v: '/modules?tab=runtime', h: '/history', e: '/help' };
let afterG = 0;

const palette = new Palette(tell, { signOut, copy, theme: choice => { chooseTheme(choice); tell('OnThemeChanged', state()); } });

export function openPalette() { palette.open(); }

function onKey(e) {
  if (e.key.toLowerCase() === 'k' && (e.ctrlKey || e.metaKey) && !e.altKey && !e.shiftKey && !document.querySelector('.mud-dialog')) { e.preventDefault(); palette.open(); return; }
  if (e.ctrlKey || e.metaKey || e.altKey || e.defaultPrevented || e.isComposing) return;
  if (e.target.closest?.('input, textarea, select, [contenteditable="true"], .cm-editor') || document.querySelector('.mud-dialog')) return;
  if (e.key === '?') { e.preventDefault(); tell('OnHelp'); return; }
  if (e.key === 'g') { afterG = Date.now(); return; }
  if (Date.now() - afterG < 1500 && rooms[e.key]) { e.preventDefault(); tell('OnGo', rooms[e.key]); }
  afterG = 0;
}

// Before the circuit hears of it: what it would do then, closing the menu, it would do to a page that is gone.
function onSignOut(e) {
  if (!e.target.closest?.('[data-sign-out]') || (e.type === 'keydown' && e.key !== 'Enter' && e.key !== ' ')) return;
  e.stopImmediatePropagation();
  e.preventDefault();
  signOut();
}

// The menu of the rarer rooms goes with what was chosen in it.
addEventListener('click', e => e.target.closest?.('#more-rooms :is(a, button)') && document.getElementById('more-rooms').hidePopover());

// A dialog begins at its first field, or, where it has none, at the button that does no harm.
const firstField = '.mud-dialog-content :is(input, select, textarea):not([type="hidden"], :disabled)';

// A comment that is being typed into a dialog outlives the page (a reload, a lost circuit), and is forgotten with its dialog.
const commented = new Map();
function keepComments(dialog) {
  for (const field of dialog.querySelectorAll('[data-keep]')) {
    const key = `comment${location.pathname}/${dialog.querySelector('.mud-dialog-title')?.textContent.trim()}`;
    const before = read(key)?.text;
    if (before && !field.value) { field.value = before; field.dispatchEvent(new Event('input', { bubbles: true })); }
    field.addEventListener('input', () => { if (field.value) write(key, { text: field.value }); else remove(key); });
    commented.set(dialog, key);
  }
}
function forgetComments() { for (const [dialog, key] of commented) if (!dialog.isConnected) { commented.delete(dialog); remove(key); } }

// The focus is never lost: after a dialog it is where it was before, or at the heading where that is gone; a button that was pressed has it
// again once it is enabled again.
let focused = null, outside = null;
document.addEventListener('focusin', e => {
  focused = e.target;
  // The ends of a dialog's trap for the focus stand around it: whoever goes round in it by Tab is in them for a moment.
  if (!e.target.closest('.mud-dialog-container, dialog')) outside = e.target;
});
const isLost = () => !document.activeElement || document.activeElement === document.body;
function giveBack() {
  if (!isLost() || document.querySelector('.mud-dialog')) return;
  if (outside?.isConnected && !outside.disabled) outside.focus(); else focusHeading();
}

const newDialogs = new MutationObserver(changes => {
  forgetComments();
  if (changes.some(c => c.attributeName && c.target === focused && !c.target.disabled) && isLost()) focused.focus();
  if (changes.some(c => [...c.removedNodes].some(n => n.nodeType === 1 && (n.matches('.mud-dialog') || n.querySelector('.mud-dialog'))))) requestAnimationFrame(giveBack);
  for (const node of changes.flatMap(c => [...c.addedNodes])) {
    const dialog = node.nodeType === 1 ? node.matches('.mud-dialog') ? node : node.querySelector('.mud-dialog') : null;
    if (dialog) requestAnimationFrame(() => {
      keepComments(dialog);
      if (!dialog.querySelector('.mud-dialog-content')?.contains(document.activeElement)) (dialog.querySelector(firstField) ?? dialog.querySelector('.mud-dialog-actions button:not(:disabled)') ?? dialog.querySelector('button'))?.focus();
    });
  }
});

export function attach(dotnet) {
  frame = dotnet;
  newDialogs.observe(document.body, { childList: true, subtree: true, attributes: true, attributeFilter: ['disabled'] });
  document.removeEventListener('keydown', onKey);
  for (const type of ['click', 'keydown']) document.addEventListener(type, onSignOut, { capture: true }); // the same one twice is one
  document.addEventListener('keydown', onKey);
  root.dataset.keys = 'on'; // for scripts that drive the page: keys are heard from here on
  return state();
}
