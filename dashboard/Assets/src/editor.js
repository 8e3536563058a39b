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
import { asCurl, fetchYaml, put } from './resource.js';

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

const nameIn = text => /^name:\s*(['"]?)([A-Za-z0-9._-]{1,64})\1\s*(?:#.*)?$/m.exec(text)?.[2] ?? null;

class ResourceEditor {
  constructor(host, collection, name, starter, readOnly, dotnet) {
    Object.assign(this, { host, collection, name, dotnet, base: '', etag: null, dirty: false, shown: null, checking: null });
    this.view = new EditorView({
      parent: host,
      state: EditorState.create({ doc: starter ?? '', extensions: [
        lineNumbers(), foldGutter(), lintGutter(), highlightSpecialChars(), history(), drawSelection(), indentOnInput(), bracketMatching(),
        highlightActiveLine(), highlightActiveLineGutter(), highlightSelectionMatches(), search({ top: true }), indentUnit.of('  '), yaml(), look,
        EditorState.readOnly.of(readOnly),
        EditorView.contentAttributes.of({ 'aria-label': 'Listener as YAML', 'aria-multiline': 'true' }),
        keymap.of([
          { key: 'Mod-s', preventDefault: true, run: () => { this.dotnet.invokeMethodAsync('OnReviewKey'); return true; } },
          ...defaultKeymap, ...historyKeymap, ...foldKeymap, ...lintKeymap, ...searchKeymap, indentWithTab,
        ]),
        linter(view => readOnly ? [] : this.check(view), { delay: checkDelay }),
        EditorView.updateListener.of(u => { if (u.docChanged) this.noteDirty(); }),
      ] }),
    });
    this.onLeave = e => { if (this.dirty) e.preventDefault(); };
    addEventListener('beforeunload', this.onLeave);
    this.noteDirty();
  }

  get text() { return this.view.state.doc.toString(); }
  path(text = this.text) { return `/api/v1/${this.collection}/${this.name ?? nameIn(text) ?? ''}`; }

  noteDirty() {
    const dirty = this.text !== this.base;
    if (dirty === this.dirty) return;
    this.dirty = dirty;
    this.dotnet.invokeMethodAsync('OnDirty', dirty);
  }

  replace(text) { this.view.dispatch({ changes: { from: 0, to: this.view.state.doc.length, insert: text } }); }

  /** Reads the resource. `keep`: only if nobody is editing; otherwise .NET learns that the node has moved on. */
  async load(keep = false) {
    if (!this.name) return { ok: true };
    const got = await fetchYaml(this.path(), keep ? this.etag : null);
    if (!got.ok || got.unchanged) return { ok: got.ok, problem: got.problem ?? null };
    if (keep && this.dirty) return { ok: true, moved: true };
    [this.base, this.etag] = [got.text, got.etag];
    this.replace(got.text);
    this.noteDirty();
    return { ok: true };
  }

  /** A dry run with the real builders, as lint source and as .NET's state of the review button. */
  async check(view) {
    const text = view.state.doc.toString();
    this.checking?.abort();
    const mine = this.checking = new AbortController();
    if (text === this.base && this.name) { this.report({ state: 'clean' }); return []; }
    if (!this.name && !nameIn(text)) {
      this.report({ state: 'invalid', errors: 1, detail: 'the listener has no name' });
      return [{ from: 0, to: view.state.doc.line(1).to, severity: 'error', message: 'A listener needs a name: letters, digits, dot, dash, underscore; at most 64.' }];
    }
    this.report({ state: 'checking' });
    let result;
    try { result = await put(this.path(text), text, { etag: this.etag, dryRun: true, signal: mine.signal }); }
    catch { return []; } // a newer check has taken over
    if (result.ok) { this.report({ state: 'valid' }); return []; }
    const { problem } = result;
    if (problem.status === 412 || problem.status === 409) { this.report({ state: 'conflict' }); return []; }
    if (problem.status === 400 || problem.status === 422) {
      const first = problem.errors?.[0];
      this.report({ state: 'invalid', errors: problem.errors?.length || 1, detail: first ? `line ${first.line ?? 1}: ${first.detail}` : problem.detail ?? problem.title });
      return toDiagnostics(view.state.doc, problem);
    }
    this.report({ state: 'failed', detail: problem.detail ?? problem.title });
    return [];
  }

  report(check) { this.dotnet.invokeMethodAsync('OnChecked', { errors: 0, detail: null, ...check }); }

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

  async apply(comment, confirmWithin) {
    const text = this.text;
    const result = await put(this.path(text), text, { etag: this.etag, comment, confirmWithin });
    if (!result.ok) {
      if (result.problem.errors) result.problem.errors = result.problem.errors.slice(0, 20);
      return { ok: false, problem: result.problem };
    }
    this.name ??= nameIn(text);
    this.base = text;
    this.etag = result.etag ?? (await fetchYaml(this.path())).etag;
    this.noteDirty();
    return { ok: true, version: result.version, changed: result.changed, elapsedMs: result.elapsedMs, name: this.name };
  }

  curl(comment, confirmWithin) { return asCurl(this.path(), this.text, { etag: this.etag, comment, confirmWithin }); }

  /** What would go live, in one column. */
  showReview(host) {
    this.shown?.dispose();
    this.shown = new Comparison(new EditorView({
      parent: host, doc: this.text,
      extensions: [...reading('Your text with the changes marked'), unifiedMergeView({ original: this.base, mergeControls: false, collapseUnchanged: { margin: 3, minSize: 6 } })],
    }));
  }

  /** Fetches what somebody else made live meanwhile and draws it beside the edited text. */
  async showConflict(host) {
    this.shown?.dispose();
    let got = await fetchYaml(this.path());
    if (got.problem?.status === 404) got = { ok: true, text: '', etag: null }; // deleted meanwhile: mine would create it again
    this.theirs = got.ok ? got : null;
    if (!got.ok) return { ok: false, problem: got.problem };
    this.shown = sideBySide(host, got.text, 'Theirs: what runs now', this.text, 'Yours');
    return { ok: true };
  }

  /** mine: keep the edited text, now against theirs (the review then shows what it would undo). Otherwise: take theirs. */
  resolve(mine) {
    if (!this.theirs) return;
    [this.base, this.etag] = [this.theirs.text, this.theirs.etag];
    this.name ??= nameIn(this.text);
    if (!mine) this.replace(this.base);
    this.noteDirty();
    this.recheck();
  }

  /** A check now, without waiting for a key. */
  async recheck() { this.view.dispatch(setDiagnostics(this.view.state, await this.check(this.view))); }

  reset() { this.replace(this.base); this.noteDirty(); }
  focus() { this.view.focus(); }

  dispose() {
    removeEventListener('beforeunload', this.onLeave);
    this.checking?.abort();
    this.shown?.dispose();
    this.view.destroy();
  }
}

class Comparison {
  constructor(view) { this.view = view; }
  dispose() { this.view.destroy(); }
}

function sideBySide(host, left, leftLabel, right, rightLabel) {
  host.replaceChildren();
  return new Comparison(new MergeView({
    parent: host, a: { doc: left, extensions: reading(leftLabel) }, b: { doc: right, extensions: reading(rightLabel) },
    gutter: true, collapseUnchanged: { margin: 3, minSize: 6 },
  }));
}

export function createEditor(host, collection, name, starter, readOnly, dotnet) {
  return new ResourceEditor(host, collection, name, starter, readOnly, dotnet);
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
