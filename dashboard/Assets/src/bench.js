// The bench: a filter and a message on the left and right, run in the node's sandbox by Ctrl+Enter. All of it is in the browser: scripts,
// bodies and answers may be larger than what a circuit carries, and it works on while a circuit is lost.
import { EditorState } from '@codemirror/state';
import { EditorView, keymap, lineNumbers, highlightActiveLine, highlightActiveLineGutter, drawSelection, highlightSpecialChars } from '@codemirror/view';
import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands';
import { bracketMatching, indentOnInput, indentUnit } from '@codemirror/language';
import { lintGutter, lintKeymap, setDiagnostics } from '@codemirror/lint';
import { search, searchKeymap } from '@codemirror/search';
import { look } from './editor-look.js';
import { lua } from './lua.js';
import { changesBetween } from './merge.js';
import { clock, holdsSecret, read, remove, write } from './drafts.js';
import { copy } from './clipboard.js';
import { quoted, readProblem, unreachable } from './resource.js';
import { draw, drawProblem, element } from './bench-result.js';
import { filterOf, testOf, Wrong } from './bench-test.js';
import * as cases from './bench-cases.js';

const starter = `-- Runs on each request and response. Try it with Ctrl+Enter.
function envoy_on_request(handle)
  local user = handle:headers():get("x-user") or "nobody"
  handle:headers():add("x-greeting", "hello " .. user)
  handle:logInfo("a request of " .. user)
end

function envoy_on_response(handle)
  handle:headers():replace("server", "bench")
end
`;
const circuitMost = 24_000; // bytes; a circuit takes 32 KB
const messages = ['method', 'path', 'authority', 'headers', 'body', 'status', 'replyHeaders', 'replyBody', 'replyTrailers', 'calls'];
const fields = ['kind', 'module', 'type', 'root', 'configuration', 'listener', 'chain', 'filter', ...messages];

async function get(path, as = 'json') {
  const answer = await fetch(`/api/v1/${path}`, { cache: 'no-store' });
  if (!answer.ok) throw new Wrong((await readProblem(answer)).detail ?? `The node answered ${answer.status}.`);
  return answer[as]();
}

class Bench {
  constructor(host, dotnet) {
    Object.assign(this, { host, dotnet, modules: [], filters: null, base: null, key: 'bench', stop: new AbortController(), ours: new Set(), touched: new Set(), ready: false });
    const run = { key: 'Mod-Enter', preventDefault: true, run: () => { this.run(); return true; } };
    this.view = new EditorView({
      parent: this.part('editor'),
      state: EditorState.create({ doc: '', extensions: [
        lineNumbers(), lintGutter(), highlightSpecialChars(), history(), drawSelection(), indentOnInput(), bracketMatching(), highlightActiveLine(), highlightActiveLineGutter(),
        search({ top: true }), indentUnit.of('  '), lua, look, EditorView.contentAttributes.of({ 'aria-label': 'Script in Lua', 'aria-multiline': 'true', tabindex: '0' }),
        keymap.of([run, ...defaultKeymap, ...historyKeymap, ...lintKeymap, ...searchKeymap, indentWithTab]),
        EditorView.updateListener.of(u => { if (u.docChanged) this.edited('script'); }),
      ] }),
    });
    const on = (type, act) => host.addEventListener(type, act, { signal: this.stop.signal });
    on('keydown', e => { if (e.key === 'Enter' && (e.ctrlKey || e.metaKey) && !e.defaultPrevented) { e.preventDefault(); this.run(); } });
    on('input', e => { if (fields.includes(e.target.name)) this.edited(e.target.name); });
    on('change', e => this.chosen(e.target));
    on('click', e => this.pressed(e.target.closest('[data-do]')?.dataset.do));
    addEventListener('pagehide', () => this.flush(), { signal: this.stop.signal });
  }

  part(name) { return this.host.querySelector(`[data-part="${name}"]`); }
  field(name) { return this.host.querySelector(`[name="${name}"]`); }
  get script() { return this.view.state.doc.toString(); }
  get state() { return Object.fromEntries(fields.map(name => [name, this.field(name).value])); }
  get module() { return this.modules.find(m => m.reference === this.field('module').value); }

  say(text, bad = false) { Object.assign(this.part('said'), { textContent: text, className: bad ? 'bad-text' : 'muted' }); }

  /** @param about {module, listener, chain, filter} as the address has them */
  async open(about) {
    this.key = ['bench', about.module && `module/${about.module}`, about.listener && [about.listener, about.chain, about.filter].join('/')].filter(Boolean).join('/');
    const draft = read(this.key);
    try {
      const [modules, names] = await Promise.all([get('modules?page_size=1000'), get('names')]);
      this.modules = modules.items.map(m => ({ ...m, reference: m.names[0] ?? m.digest }));
      this.options('module', [['', 'Choose a module'], ...this.modules.filter(m => m.kind !== 'lua').map(m => [m.reference, `${m.names[0] ?? m.digest.slice(0, 19)} (${m.kind})`])]);
      this.options('listener', [['', 'By itself'], ...names.listeners.map(n => [n, `In listener ${n}`])]);
      if (draft?.state) await this.put(draft.state, draft.script);
      else if (about.module) await this.openModule(about.module);
      else if (about.listener) await this.openFilter(about);
      else this.replace(starter);
    } catch (e) {
      this.say(e.message, true);
      if (!this.script) this.replace(draft?.script ?? starter);
    }
    if (draft?.state) this.restored(draft.at);
    this.shape();
    this.drawCases();
    [this.ready, this.host.dataset.ready] = [true, ''];
    if (this.touched.size) this.edited();
  }

  async openModule(reference) {
    const module = await get(reference.startsWith('sha256:') ? `modules/${encodeURIComponent(reference)}` : `modules/by-name/${encodeURIComponent(reference)}`);
    if (module.kind === 'lua') {
      this.storedAs = module.names[0];
      this.replace(await get(`modules/${encodeURIComponent(module.digest)}/content`, 'text'));
      return;
    }
    [this.field('kind').value, this.field('module').value] = ['module', module.names[0] ?? module.digest];
  }

  async openFilter({ listener, chain, filter }) {
    this.field('listener').value = listener;
    await this.fillChains(chain, filter);
    const config = this.base?.typed_config ?? {};
    const reference = config.module ?? config.default_source_code?.module;
    const wasm = config.config?.vm_config?.code?.module;
    const inline = config.inline_code ?? config.default_source_code?.inline_string;
    if (typeof inline === 'string') this.replace(inline);
    else if (wasm || (reference && config.type)) {
      const module = this.modules.find(m => m.digest === (wasm ?? reference) || m.names.includes(wasm ?? reference));
      const given = wasm ? config.config.configuration : config.configuration;
      this.field('kind').value = 'module';
      this.field('module').value = module?.reference ?? '';
      this.shape();
      this.field('type').value = config.type ?? '';
      this.field('root').value = config.config?.root_id ?? '';
      this.field('configuration').value = given == null ? '' : typeof given === 'string' ? given : JSON.stringify(given, null, 2);
    } else if (reference) await this.openModule(reference);
    else {
      this.field('kind').value = 'chain';
      if (filter) this.say(`The script of ${filter} is not in the document: its chain is run as it is.`);
    }
  }

  options(name, list) {
    const select = this.field(name);
    const value = select.value;
    select.replaceChildren(...list.map(([v, text]) => element('option', { value: v, textContent: text })));
    if (list.some(([v]) => v === value)) select.value = value;
  }

  /** The chains of the listener that is chosen, then the filters of its chain. */
  async fillChains(chain, filter) {
    const listener = this.field('listener').value;
    const found = listener ? (await get(`listeners/${encodeURIComponent(listener)}/filter_chains?page_size=200`)).items : [];
    this.options('chain', found.map(c => [c.name ?? 'main', `chain ${c.name ?? 'main'}`]));
    if (chain && found.some(c => (c.name ?? 'main') === chain)) this.field('chain').value = chain;
    await this.fillFilters(filter);
  }

  async fillFilters(filter) {
    const { listener, chain } = this.state;
    this.filters = listener && chain ? (await get(`listeners/${encodeURIComponent(listener)}/filter_chains/${encodeURIComponent(chain)}/http_filters?page_size=200`)).items : null;
    this.options('filter', [['', 'as a new filter, before the router'], ...(this.filters ?? []).slice(0, -1).map(f => [f.name, `in place of ${f.name}`])]);
    if (filter) this.field('filter').value = filter;
    this.base = this.filters?.find(f => f.name === this.field('filter').value) ?? null;
  }

  /** A state as it was kept. */
  async put(state, script) {
    for (const name of fields) if (!['chain', 'filter'].includes(name) && !this.touched.has(name)) this.field(name).value = state[name] ?? '';
    this.replace(script ?? '');
    await this.fillChains(state.chain, state.filter);
    this.shape();
    this.field('type').value = state.type ?? '';
  }

  replace(text) {
    if (this.touched.has('script') && !this.ready) return;
    this.quiet = true;
    this.view.dispatch({ changes: changesBetween(this.script, text) });
    this.quiet = false;
  }

  /** Shows what belongs to what is tested. */
  shape() {
    const { kind, listener } = this.state;
    for (const part of this.host.querySelectorAll('[data-for]')) part.hidden = !part.dataset.for.split(' ').includes(kind);
    this.field('chain').parentElement.hidden = !listener;
    this.field('filter').parentElement.hidden = !listener || kind === 'chain';
    const module = kind === 'module' ? this.module : null;
    this.options('type', (module?.kind === 'dotnet' ? module.exports : []).map(t => [t, t]));
    this.field('type').parentElement.hidden = module?.kind !== 'dotnet';
    this.field('root').parentElement.hidden = module?.kind === 'dotnet';
    this.host.querySelector('[data-do="attach"]').disabled = kind === 'chain';
    this.part('subject').textContent = this.subject.startsWith('script') ? 'of scripts by themselves' : `of ${this.subject}`;
  }

  get subject() {
    const { kind, module, listener, chain, filter } = this.state;
    if (kind === 'module') return `module ${module}`;
    if (listener) return [listener, chain, kind === 'chain' ? '' : filter].filter(Boolean).join(' / ');
    return this.storedAs ? `module ${this.storedAs}` : 'script';
  }

  async chosen(field) {
    try {
      if (field.name === 'listener') await this.fillChains();
      if (field.name === 'chain') await this.fillFilters();
      if (field.name === 'filter') this.base = this.filters?.find(f => f.name === field.value) ?? null;
    } catch (e) { this.say(e.message, true); }
    if (!['kind', 'module', 'listener', 'chain', 'filter'].includes(field.name)) return;
    this.shape();
    this.drawCases();
  }

  /** `what` is typed into; before the page is whole it wins over what comes to stand there. */
  edited(what) {
    if (this.quiet) return;
    if (!this.ready) { this.touched.add(what); return; }
    clearTimeout(this.saving);
    this.saving = setTimeout(() => this.flush(), 200);
  }

  flush() {
    if (!this.saving) return;
    clearTimeout(this.saving);
    this.saving = 0;
    const state = this.state;
    if (holdsSecret(this.script) || holdsSecret(state.configuration)) { remove(this.key); return; }
    write(this.key, { state: { ...state, headers: cases.withoutCredentials(state.headers), replyHeaders: cases.withoutCredentials(state.replyHeaders) }, script: this.script });
  }

  restored(at) {
    const note = this.part('restored');
    const again = element('button', { type: 'button', className: 'link', textContent: 'Discard', onclick: () => { clearTimeout(this.saving); this.saving = 0; this.ready = false; remove(this.key); location.reload(); } });
    note.replaceChildren(`Your unsaved changes from ${clock(at)} were restored. `, again);
    note.hidden = false;
  }

  /** @returns the test, or null: what is wrong is said at its field */
  test(state = this.state) {
    for (const bad of this.host.querySelectorAll('[aria-invalid]')) bad.removeAttribute('aria-invalid');
    try {
      if (state.kind === 'chain' && !state.listener) throw new Wrong('Choose a listener.', 'listener');
      const filter = state.kind === 'chain' ? null : filterOf(state, this.script, this.module, this.base);
      this.name = filter?.name;
      return testOf(state, filter, this.filters);
    } catch (e) {
      if (!(e instanceof Wrong)) throw e;
      this.say(e.message, true);
      const field = e.field && this.field(e.field);
      if (field) {
        field.setAttribute('aria-invalid', 'true');
        field.closest('details')?.setAttribute('open', '');
        field.focus();
      }
      return null;
    }
  }

  async ask(test, signal) {
    try {
      const answer = await fetch('/api/v1/filters/test', { method: 'POST', body: JSON.stringify(test), headers: { 'Content-Type': 'application/json', Accept: 'application/json' }, signal });
      return answer.ok ? { result: await answer.json() } : { problem: await readProblem(answer) };
    } catch (e) {
      if (e?.name === 'AbortError') throw e;
      return { problem: unreachable(e) };
    }
  }

  async run() {
    const test = this.test();
    if (!test) return;
    this.running?.abort();
    const mine = this.running = new AbortController();
    this.say('Running…');
    let answer;
    try { answer = await this.ask(test, mine.signal); } catch { return; /* a newer run has taken over */ }
    if (this.stop.signal.aborted) return;
    const at = test.filters?.findIndex(f => f.name === this.name) ?? -1;
    // Other filters of the chain have lines too: only what this one said is at a line of the editor.
    this.ours = new Set(answer.result
      ? answer.result.trace.filter(t => t.filter === this.name).flatMap(t => t.calls).filter(c => c.function === 'error').map(c => c.result)
      : (answer.problem.errors ?? []).filter(e => e.pointer?.startsWith(`#/filters/${at}/`)).map(e => e.detail));
    this.mark();
    const show = [text => this.lineOf(text), line => this.toLine(line)];
    this.part('result').replaceChildren(...answer.result ? draw(answer.result, test, ...show) : drawProblem(answer.problem, ...show));
    if (answer.result?.response) this.field('expect').placeholder = String(answer.result.response.status);
    const errors = answer.result ? answer.result.errors.length + (answer.result.error ? 1 : 0) : answer.problem.errors?.length || 1;
    this.say(answer.result && !errors ? `Ran in ${answer.result.time_ms.toFixed(1)} ms: ${answer.result.response?.status}.` : errors === 1 ? '1 error.' : `${errors} errors.`, errors > 0);
  }

  /** The line of the script that a message is about; null: none of the editor's. */
  lineOf(text) {
    const line = this.state.kind === 'lua' && this.ours.has(text) ? Number(/(?:script line |[\w.-]+:)(\d+)/.exec(text)?.[1]) : NaN;
    return line >= 1 && line <= this.view.state.doc.lines ? line : null;
  }

  mark() {
    const found = [...this.ours].map(text => [text, this.lineOf(text)]).filter(([, line]) => line);
    this.view.dispatch(setDiagnostics(this.view.state, found.map(([message, at]) => {
      const line = this.view.state.doc.line(at);
      return { from: line.from + line.text.search(/\S|$/), to: line.to, severity: 'error', message };
    })));
    if (found.length) this.view.dispatch({ effects: EditorView.scrollIntoView(this.view.state.doc.line(found[0][1]).from, { y: 'nearest' }) });
  }

  toLine(at) {
    const line = this.view.state.doc.line(Math.min(at, this.view.state.doc.lines));
    this.view.dispatch({ selection: { anchor: line.from + line.text.search(/\S|$/) }, effects: EditorView.scrollIntoView(line.from, { y: 'center' }) });
    this.view.focus();
  }

  async pressed(what) {
    if (what === 'run') this.run();
    if (what === 'curl') this.curl();
    if (what === 'save') this.saveCase();
    if (what === 'all') this.runAll();
    if (what === 'attach' && this.test()) {
      const { kind, type, root, configuration, listener, chain, filter } = this.state;
      const subject = { kind: kind === 'lua' ? 'lua' : this.module.kind, module: kind === 'lua' ? this.storedAs ?? null : this.module.reference, type: type || null, root, configuration, listener, chain, filter };
      if (kind === 'lua') subject.configuration = '';
      if (new Blob([JSON.stringify(subject)]).size > circuitMost) this.say('This configuration is too large to be attached from here: put it into the listener’s YAML.', true);
      else try { await this.dotnet.invokeMethodAsync('OnAttach', subject); } catch { this.say('The connection to the dashboard is lost for the moment; try again.', true); }
    }
  }

  async curl() {
    const test = this.test();
    if (!test) return;
    const text = `curl -fsS ${quoted(`${location.origin}/api/v1/filters/test`)} \\\n  -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \\\n  --data-binary @- <<'JSON'\n${JSON.stringify(test, null, 1)}\nJSON\n`;
    this.say(await copy(text) ? 'Copied: set TOKEN in your shell, then paste.' : 'The browser does not let this page write to the clipboard.');
  }

  /** For .NET, which then attaches it by its name: the script itself is not for the circuit. */
  async store(name) {
    try {
      const answer = await fetch(`/api/v1/modules?name=${encodeURIComponent(name)}`, { method: 'POST', body: this.script, headers: { 'Content-Type': 'text/x-lua', Accept: 'application/json' } });
      if (answer.ok) { this.storedAs = name; return { ok: true }; }
      const problem = await readProblem(answer);
      return { ok: false, problem: { ...problem, errors: problem.errors?.slice(0, 20) ?? null } };
    } catch (e) { return { ok: false, problem: unreachable(e) }; }
  }

  // Cases

  caseNow() { return Object.fromEntries([...messages, 'expect'].map(name => [name, this.field(name).value])); }

  saveCase() {
    const field = this.field('caseName');
    const name = field.value.trim();
    if (!name) { this.say('Name the case first.', true); field.focus(); return; }
    const it = this.caseNow();
    if (!it.expect.trim()) it.expect = this.field('expect').placeholder.replace(/\D+/g, '');
    const wrong = cases.save(this.subject, name, it);
    this.say(wrong ?? `Saved as “${name}”.`, wrong !== null);
    if (!wrong) { field.value = ''; this.field('expect').value = ''; }
    this.drawCases();
  }

  drawCases(verdicts = new Map()) {
    const list = cases.casesOf(this.subject);
    const shown = list.map(it => {
      const verdict = verdicts.get(it.name);
      const act = (label, run) => element('button', { type: 'button', className: 'link', textContent: label, onclick: run, attributes: { 'aria-label': `${label} ${it.name}` } });
      const name = element('button', { type: 'button', className: 'link case-name', textContent: it.name, title: 'Opens it', onclick: () => this.openCase(it) });
      const row = element('li', {}, name, element('span', { className: 'muted num', textContent: it.expect ? `expects ${it.expect}` : '' }),
        verdict ? element('span', { className: `mark ${verdict.good ? 'good' : 'bad'}`, textContent: `${verdict.good ? '✓' : '✕'} ${verdict.text}` }) : null, element('span', { className: 'grow' }),
        act('Rename', () => this.renameCase(it.name, name)), act('Delete', () => { cases.remove(this.subject, it.name); this.drawCases(verdicts); this.field('caseName').focus(); }));
      return row;
    });
    this.part('cases').replaceChildren(...shown);
    this.part('cases').hidden = !list.length;
    this.host.querySelector('[data-do="all"]').disabled = !list.length;
  }

  openCase({ name, ...it }) {
    for (const field of messages) this.field(field).value = it[field] ?? '';
    this.field('expect').value = it.expect ?? '';
    this.field('caseName').value = name;
    this.edited();
    this.run();
  }

  renameCase(from, button) {
    const input = element('input', { type: 'text', value: from, maxLength: 80, className: 'case-rename', attributes: { 'aria-label': `New name of ${from}` } });
    const done = ok => {
      input.onblur = null;
      const to = input.value.trim();
      const wrong = ok && to && to !== from ? cases.rename(this.subject, from, to) : null;
      if (wrong) this.say(wrong, true);
      this.drawCases();
      this.field('caseName').focus();
    };
    input.onkeydown = e => { if (e.key === 'Enter' && !e.ctrlKey) { e.preventDefault(); done(true); } else if (e.key === 'Escape') done(false); };
    input.onblur = () => done(true);
    button.replaceWith(input);
    input.focus();
    input.select();
  }

  async runAll() {
    const verdicts = new Map();
    const list = cases.casesOf(this.subject);
    for (const { name, ...it } of list) {
      this.say(`Running “${name}”…`);
      const test = this.test({ ...this.state, ...it });
      if (!test) return;
      const { result, problem } = await this.ask(test);
      if (this.stop.signal.aborted) return;
      const status = result?.response?.status;
      const failed = problem?.detail ?? result.error ?? result.errors[0];
      verdicts.set(name, { good: !failed && (!it.expect || String(status) === it.expect), text: failed ?? String(status) });
      this.drawCases(verdicts);
    }
    const good = [...verdicts.values()].filter(v => v.good).length;
    this.say(`${good} of ${list.length} ${list.length === 1 ? 'case' : 'cases'} as expected.`, good < list.length);
  }

  dispose() {
    this.stop.abort();
    this.running?.abort();
    this.flush();
    this.view.destroy();
  }
}

export function createBench(host, about, dotnet) {
  const bench = new Bench(host, dotnet);
  bench.open(about);
  return bench;
}
