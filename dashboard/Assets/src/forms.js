// The fields of a form survive the page: what is typed is kept (drafts.js), put back when the form is drawn again, and told to .NET as if it
// were typed once more. Fields are known by their names; those of a closed section (details[data-path]) come when it is opened.
// What a field began with is in data-was, where that is not nothing: an input's own default is not what Blazor sets.
export { holdsSecret } from './drafts.js';
import { clock, holdsSecret, isSensitive, read, remove, write } from './drafts.js';

const fields = 'input[name], select[name], textarea[name]';
const first = field => field.dataset.was ?? field.defaultValue ?? '';

class Kept {
  constructor(host, key) {
    Object.assign(this, { host, key, values: {}, pending: {}, moved: [], put: false, stop: new AbortController() });
    const on = (type, act) => host.addEventListener(type, act, { signal: this.stop.signal });
    for (const type of ['input', 'change']) on(type, e => this.take(e.target));
    addEventListener('pagehide', () => this.flush(), { signal: this.stop.signal });
  }

  take(field) {
    if (this.restoring || !field.matches?.(fields) || isSensitive(field.name.split('/').pop()) || field.type === 'file') return;
    if ('clears' in field.dataset) this.values = {}; // the fields after it are others now
    if (holdsSecret(field.value)) delete this.values[field.name];
    else this.values[field.name] = { was: this.values[field.name]?.was ?? first(field), now: field.value };
    if (this.values[field.name]?.was === field.value) delete this.values[field.name]; // as it was again
    clearTimeout(this.saving);
    this.saving = setTimeout(() => this.flush(), 200);
  }

  flush() {
    if (!this.saving) return;
    clearTimeout(this.saving);
    this.saving = 0;
    if (Object.keys(this.values).length) write(this.key, { values: this.values });
    else remove(this.key);
  }

  /** @returns when it was typed, and which of its fields the node has another value for by now; null: there is nothing to put back */
  restore() {
    const draft = read(this.key);
    if (!draft?.values) {
      for (const field of this.host.querySelectorAll(fields)) if (field.value !== first(field)) this.take(field); // faster than this script
      return null;
    }
    this.values = draft.values;
    this.pending = { ...draft.values };
    this.fill();
    this.watching = new MutationObserver(() => this.fill());
    if (Object.keys(this.pending).length) this.watching.observe(this.host, { childList: true, subtree: true });
    else if (!this.put) { this.clear(); return null; } // the node has it all by now
    return { at: clock(draft.at), moved: this.moved.slice(0, 10) };
  }

  fill() {
    for (const [name, { was, now }] of Object.entries(this.pending)) {
      const field = this.host.querySelector(`[name="${CSS.escape(name)}"]`);
      if (!field) {
        for (const section of this.host.querySelectorAll('details[data-path]:not([open])')) if (name.startsWith(`${section.dataset.path}/`)) section.open = true;
        continue;
      }
      delete this.pending[name];
      if (field === document.activeElement && field.value !== first(field)) { this.take(field); continue; } // is being typed in already
      if (first(field) !== was && first(field) !== now) this.moved.push(name.replace(/^\//, ''));
      this.put ||= field.value !== now;
      field.value = now;
      this.restoring = true; // it is in the draft already
      for (const type of ['input', 'change']) field.dispatchEvent(new Event(type, { bubbles: true }));
      this.restoring = false;
    }
    if (!Object.keys(this.pending).length) this.watching?.disconnect();
  }

  clear() {
    clearTimeout(this.saving);
    this.saving = 0;
    this.values = this.pending = {};
    this.watching?.disconnect();
    remove(this.key);
  }

  dispose() {
    this.stop.abort();
    this.watching?.disconnect();
    this.flush();
  }
}

/** Somebody may have left the page while this script was on its way. */
export function keep(host, key) { return host ? new Kept(host, key) : { restore: () => null, clear() {}, dispose() {} }; }

/** What was kept is applied by now. */
export function forget(key) { remove(key); }
