// The YAML editor and the text comparisons. Texts stay in the browser: .NET hears what a check found, never the text.
import { EditorState } from '@codemirror/state';
import { EditorView, keymap, lineNumbers, highlightActiveLine, highlightActiveLineGutter, drawSelection, highlightSpecialChars } from '@codemirror/view';
import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands';
import { bracketMatching, foldGutter, foldKeymap, indentOnInput, indentUnit } from '@codemirror/language';
import { yaml } from '@codemirror/lang-yaml';
import { linter, lintGutter, lintKeymap, setDiagnostics } from '@codemirror/lint';
import { search, searchKeymap, highlightSelectionMatches } from '@codemirror/search';
import { MergeView, unifiedMergeView } from '@codemirror/merge';
import { look } from './editor-look.js';
import { changesBetween, merge } from './merge.js';
import { asCurl, fetchYaml, put } from './resource.js';
import { clock, holdsSecret, read, remove, write } from './drafts.js';
export { createBench } from './bench.js';

const checkDelay = 500; // after the last key: about what it takes to stop typing

const reading = label => [
  EditorState.readOnly.of(true), EditorView.editable.of(false), lineNumbers(), yaml(), look,
  EditorView.contentAttributes.of({ tabindex: '0', 'aria-label': label, role: 'textbox', 'aria-readonly': 'true', 'aria-multiline': 'true' }),
];

/** Places the API's errors in the text; one without a line goes to the first. */
function toDiagnostics(doc, problem) {
  const errors = problem.errors?.length ? problem.errors : [{ detail: problem.detail ?? problem.title, line: problem.line, column: problem.column }];
  return errors.map(e => {
    const line = doc.line(Math.min(Math.max(e.line ?? 1, 1), doc.lines));
    const from = Math.min(line.from + Math.max((e.column ?? 1) - 1, 0), line.to);
    const word = /^[^\s:,\]}]+/.exec(doc.sliceString(from, line.to));
    return { from, to: word ? from + word[0].length : line.to, severity: 'error', message: [e.detail, e.hint].filter(Boolean).join('\n') };
  });
}

const nameIn = text => {
  const found = /^name:[ \t]+(?:'([^']{1,256})'|"([^"\\]{1,256})"|([^\s'"#{[&*!|>%@`][^#\n]{0,255}?))[ \t]*(?:#.*)?$/m.exec(text);
  return found ? found[1] ?? found[2] ?? found[3] : null;
};

class ResourceEditor {
  constructor(host, collection, noun, name, starter, readOnly, dotnet) {
    Object.assign(this, { host, collection, noun, name, dotnet, base: '', etag: null, dirty: false, shown: null, checking: null, theirs: null, told: null });
    this.view = new EditorView({
      parent: host,
      state: EditorState.create({ doc: starter ?? '', extensions: [
        lineNumbers(), foldGutter(), lintGutter(), highlightSpecialChars(), history(), drawSelection(), indentOnInput(), bracketMatching(),
        highlightActiveLine(), highlightActiveLineGutter(), highlightSelectionMatches(), search({ top: true }), indentUnit.of('  '), yaml(), look,
        EditorState.readOnly.of(readOnly),
        EditorView.contentAttributes.of({ 'aria-label': `${noun[0].toUpperCase()}${noun.slice(1)} as YAML`, 'aria-multiline': 'true', tabindex: '0' }),
        keymap.of([
          { key: 'Mod-s', preventDefault: true, run: () => { this.tell('OnReviewKey'); return true; } },
          ...defaultKeymap, ...historyKeymap, ...foldKeymap, ...lintKeymap, ...searchKeymap, indentWithTab,
        ]),
        linter(view => readOnly ? [] : this.check(view), { delay: checkDelay }),
        EditorView.updateListener.of(u => { if (u.docChanged) this.noteEdit(); }),
      ] }),
    });
    this.starter = starter;
    this.onLeave = e => { if (this.dirty) e.preventDefault(); };
    addEventListener('beforeunload', this.onLeave);
    this.onHide = () => this.saveDraft();
    addEventListener('pagehide', this.onHide);
    this.noteDirty();
  }

  /** To .NET; nobody listens while the circuit is cut, and what is told is told again afterwards. */
  async tell(method, ...told) { try { await this.dotnet.invokeMethodAsync(method, ...told); } catch { /* cut */ } }

  get text() { return this.view.state.doc.toString(); }
  path(text = this.text) { return `/api/v1/${this.collection}/${encodeURIComponent(this.name ?? nameIn(text) ?? '')}`; }

  get draftKey() { return `${this.collection}/${this.name ?? ''}`; }

  noteEdit() {
    this.noteDirty();
    if (this.dirty && this.told?.state !== 'unchecked') this.report({ state: 'unchecked' }); // the verdict was on another text
    clearTimeout(this.saving);
    this.saving = setTimeout(() => this.saveDraft(), 200);
  }

  noteDirty() {
    const dirty = this.text !== this.base;
    if (dirty === this.dirty) return;
    this.dirty = dirty;
    this.tell('OnDirty', dirty);
  }

  /** What is typed survives the page, unless a secret is in it. */
  saveDraft() {
    const typed = this.dirty && this.text !== this.starter;
    const kept = typed && this.collection !== 'secrets' && !holdsSecret(this.text);
    if ((typed && !kept) !== !!this.unkept) this.tell('OnUnkept', this.unkept = typed && !kept);
    if (kept) write(this.draftKey, { text: this.text, base: this.base, etag: this.etag });
    else remove(this.draftKey);
  }

  replace(text) { this.view.dispatch({ changes: changesBetween(this.text, text) }); }

  /** Reads the resource. `keep`: somebody may be editing, so what others did meanwhile is merged, or .NET learns that it cannot be. */
  async load(keep = false) {
    const draft = keep ? null : read(this.draftKey);
    if (!this.name) {
      if (keep) this.recheck();
      else if (draft) this.replace(draft.text);
      return { ok: true, restoredAt: draft ? clock(draft.at) : null };
    }
    const got = await fetchYaml(this.path(), keep ? this.etag : null);
    if (got.unchanged) { if (this.dirty) this.recheck(); return { ok: true }; }
    const gone = got.problem?.status === 404;
    if (draft && (got.ok ? draft.text !== got.text : gone)) {
      [this.base, this.etag] = [draft.base, draft.etag];
      this.replace(draft.text);
      this.noteDirty();
      const state = gone ? this.isGone() : draft.etag === got.etag ? { ok: true } : this.catchUp(got);
      this.recheck();
      return { ...state, restoredAt: clock(draft.at) };
    }
    if (!got.ok) return keep && gone && this.dirty ? this.isGone() : { ok: false, problem: got.problem };
    if (keep && this.dirty) {
      const state = this.catchUp(got);
      this.recheck();
      return state;
    }
    [this.base, this.etag, this.theirs] = [got.text, got.etag, null];
    this.replace(got.text);
    this.noteDirty();
    return { ok: true };
  }

  /** A new one that begins as a copy of another; its name is free, what else must differ is for the reader. */
  async copyOf(name) {
    const got = await fetchYaml(`/api/v1/${this.collection}/${encodeURIComponent(name)}`);
    if (!got.ok) return { ok: false, problem: got.problem };
    const names = await fetch('/api/v1/names').then(a => a.json()).catch(() => ({}));
    let copy = `${name}-copy`;
    for (let i = 2; names[this.collection]?.includes(copy); i++) copy = `${name}-copy-${i}`;
    this.replace(got.text.replace(/^name:.*$/m, () => `name: ${/^[\w.-]+$/.test(copy) ? copy : JSON.stringify(copy)}`));
    this.view.focus();
    return { ok: true };
  }

  isGone() {
    this.theirs = { text: '', etag: null, gone: true };
    this.report({ state: 'conflict', gone: true });
    return { ok: true, moved: true };
  }

  /** Takes in what others made of the resource, unless it is in the places that are being edited. */
  catchUp(theirs) {
    const merged = merge(this.base, this.text, theirs.text);
    if (merged.conflicts.length) { this.theirs = theirs; return { ok: true, moved: true }; }
    [this.base, this.etag, this.theirs] = [theirs.text, theirs.etag, null];
    this.replace(merged.text('mine'));
    this.noteDirty();
    return { ok: true, merged: true };
  }

  /** A dry run with the real builders, as lint source and as .NET's state of the review button. */
  async check(view) {
    const text = view.state.doc.toString();
    this.checking?.abort();
    const mine = this.checking = new AbortController();
    if (text === this.base && this.name) { this.report({ state: 'clean' }); return []; }
    if (this.theirs) { this.report({ state: 'conflict', gone: this.theirs.gone === true }); return []; }
    if (!this.name && !nameIn(text)) {
      this.report({ state: 'invalid', errors: 1, detail: `the ${this.noun} has no name` });
      return [{ from: 0, to: view.state.doc.line(1).to, severity: 'error', message: `A ${this.noun} needs a name, as in "name: web".` }];
    }
    this.report({ state: 'checking' });
    let result;
    try { result = await put(this.path(text), text, { etag: this.etag, dryRun: true, signal: mine.signal }); }
    catch { return []; } // a newer check has taken over
    if (result.ok) { this.report({ state: 'valid' }); return []; }
    const { problem } = result;
    if (problem.status === 412 || problem.status === 409) {
      if (!this.name) { this.report({ state: 'conflict' }); return []; }
      await this.tell('OnMoved'); // .NET looks, merges or asks, and has it checked again
      return [];
    }
    if (problem.status === 400 || problem.status === 422) {
      const first = problem.errors?.[0];
      this.report({ state: 'invalid', errors: problem.errors?.length || 1, detail: first ? `line ${first.line ?? 1}: ${first.detail}` : problem.detail ?? problem.title });
      return toDiagnostics(view.state.doc, problem);
    }
    this.report({ state: 'failed', detail: problem.detail ?? problem.title });
    return [];
  }

  report(check) {
    this.told = check;
    this.tell('OnChecked', { errors: 0, detail: null, gone: false, ...check });
  }

  /** What the review dialog shows. Cut to what fits a message; the whole diff is drawn from the texts here. */
  async dryRun() {
    const text = this.text;
    const result = await put(this.path(text), text, { etag: this.etag, dryRun: true });
    if (!result.ok) {
      if (result.problem.errors) {
        this.view.dispatch(setDiagnostics(this.view.state, toDiagnostics(this.view.state.doc, result.problem)));
        result.problem.errors = result.problem.errors.slice(0, 20);
      }
      return { ok: false, problem: result.problem };
    }
    const { diff, summary, impact, warnings } = result.body ?? {};
    return {
      ok: true, summary: summary ?? diff?.summary ?? null, impact: JSON.stringify(impact ?? {}).length < 8000 ? impact ?? null : null,
      warnings: (warnings ?? []).slice(0, 20).map(w => typeof w === 'string' ? w : w.detail ?? w.message ?? w.code),
    };
  }

  async apply(comment, confirmWithin, revertIf) {
    const text = this.text;
    const result = await put(this.path(text), text, { etag: this.etag, comment, confirmWithin, revertIf });
    if (!result.ok) {
      if (result.problem.errors) result.problem.errors = result.problem.errors.slice(0, 20);
      return { ok: false, problem: result.problem };
    }
    remove(this.draftKey);
    this.name ??= nameIn(text);
    [this.base, this.etag, this.theirs] = [text, result.etag, null];
    // As the node has it from here on: what others change is compared with that.
    const now = await fetchYaml(this.path());
    if (now.ok && now.etag === (this.etag ?? now.etag)) {
      const untouched = this.text === text;
      if (untouched) this.replace(now.text);
      [this.base, this.etag] = [untouched ? now.text : text, now.etag];
    }
    this.noteDirty();
    return { ok: true, version: result.version, changed: result.changed, elapsedMs: result.elapsedMs, name: this.name };
  }

  /** Puts the cursor on the line that names it, else on the first that mentions it. */
  show(word) {
    const lines = this.text.split('\n');
    const named = lines.findIndex(l => /^[\s-]*name:/.test(l) && l.replace(/^[^:]*:\s*/, '').replace(/["'\s]/g, '') === word);
    const at = named >= 0 ? named : lines.findIndex(l => l.includes(word));
    if (at < 0) return;
    const line = this.view.state.doc.line(at + 1);
    this.view.dispatch({ selection: { anchor: line.from + lines[at].search(/\S|$/), head: line.to }, effects: EditorView.scrollIntoView(line.from, { y: 'center' }) });
    this.view.focus();
  }
  curl(comment, confirmWithin, revertIf) { return asCurl(this.path(), this.text, { etag: this.etag, comment, confirmWithin, revertIf }); }

  /** What would go live, in one column. */
  showReview(host) {
    this.shown?.dispose();
    this.shown = new Comparison(new EditorView({
      parent: host, doc: this.text,
      extensions: [...reading('Your text with the changes marked'), unifiedMergeView({ original: this.base, mergeControls: false, collapseUnchanged: { margin: 3, minSize: 6 } })],
    }));
  }

  /** The places that both changed, each as it was before, as it runs now, and as it is here. */
  async showConflict(host) {
    let got = await fetchYaml(this.path());
    const gone = got.problem?.status === 404;
    if (gone) got = { ok: true, text: '', etag: null, gone };
    if (!got.ok) return { ok: false, problem: got.problem };
    this.theirs = got;
    host.replaceChildren();
    if (!gone)
      for (const conflict of merge(this.base, this.text, got.text).conflicts) host.append(drawConflict(conflict));
    return { ok: true, gone };
  }

  /** mine, theirs: what the places take that both changed. discard: theirs as a whole. */
  resolve(choice) {
    if (!this.theirs) return;
    const theirs = this.theirs;
    const text = theirs.gone ? (choice === 'mine' ? this.text : '') : choice === 'discard' ? theirs.text : merge(this.base, this.text, theirs.text).text(choice);
    [this.base, this.etag, this.theirs] = [theirs.text, theirs.etag, null];
    this.name ??= nameIn(this.text);
    this.replace(text);
    this.noteDirty();
    this.saveDraft();
    this.recheck();
  }

  /** A check now, without waiting for a key. */
  async recheck() { this.view.dispatch(setDiagnostics(this.view.state, await this.check(this.view))); }

  reset() { this.theirs = null; this.replace(this.base); this.noteDirty(); this.saveDraft(); }
  focus() { this.view.focus(); }

  dispose() {
    removeEventListener('beforeunload', this.onLeave);
    removeEventListener('pagehide', this.onHide);
    clearTimeout(this.saving);
    if (this.dirty) this.saveDraft();
    this.checking?.abort();
    this.shown?.dispose();
    this.view.destroy();
  }
}

class Comparison {
  constructor(view) { this.view = view; }
  dispose() { this.view.destroy(); }
}

function drawConflict(conflict) {
  const row = Object.assign(document.createElement('div'), { className: 'sides3' });
  for (const [label, text] of [['Before both', conflict.base], ['Theirs: runs now', conflict.theirs], ['Yours: not applied', conflict.mine]]) {
    const side = document.createElement('section');
    side.append(Object.assign(document.createElement('h3'), { textContent: label }), Object.assign(document.createElement('pre'), { textContent: text || '(nothing)', tabIndex: 0 }));
    row.append(side);
  }
  return row;
}

function sideBySide(host, left, leftLabel, right, rightLabel) {
  host.replaceChildren();
  return new Comparison(new MergeView({
    parent: host, a: { doc: left, extensions: reading(leftLabel) }, b: { doc: right, extensions: reading(rightLabel) },
    gutter: true, collapseUnchanged: { margin: 3, minSize: 6 },
  }));
}

export function createEditor(host, collection, noun, name, starter, readOnly, dotnet) {
  return new ResourceEditor(host, collection, noun, name, starter, readOnly, dotnet);
}

/** A document to read: {ok, problem}; the handle is kept on the host. */
export async function showDocument(host, path) {
  const got = await fetchYaml(path);
  host.replaceChildren();
  if (!got.ok) return { ok: false, problem: got.problem };
  host.comparison = new Comparison(new EditorView({ parent: host, doc: got.text, extensions: [...reading('The document as YAML'), foldGutter(), search({ top: true }), keymap.of([...searchKeymap, ...foldKeymap])] }));
  return { ok: true };
}

/** Two documents, side by side or in one column. */
export async function showComparison(host, fromPath, toPath, split, fromLabel, toLabel) {
  const [from, to] = await Promise.all([fetchYaml(fromPath), fetchYaml(toPath)]);
  host.comparison?.dispose();
  host.replaceChildren();
  const failed = [from, to].find(x => !x.ok);
  if (failed) return { ok: false, problem: failed.problem };
  host.comparison = split
    ? sideBySide(host, from.text, fromLabel, to.text, toLabel)
    : new Comparison(new EditorView({ parent: host, doc: to.text, extensions: [...reading(`${toLabel}, with the changes since ${fromLabel} marked`), unifiedMergeView({ original: from.text, mergeControls: false, collapseUnchanged: { margin: 3, minSize: 6 } })] }));
  return { ok: true };
}
