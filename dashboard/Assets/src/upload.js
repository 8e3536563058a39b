// Modules to the API, by drop or by choice, past the circuit. .NET hears how far each is and what the node said.
import { readProblem, unreachable } from './resource.js';

const limit = 64 * 1024 * 1024; // the API's
const problem = (title, detail) => ({ status: 0, code: 'NOT_SENT', title, detail });

/** What it is by its first bytes, else by its name. */
async function typeOf(file) {
  const head = new Uint8Array(await file.slice(0, 4).arrayBuffer());
  if (head[0] === 0 && head[1] === 0x61 && head[2] === 0x73 && head[3] === 0x6d) return 'application/wasm';
  if (/\.wasm$/i.test(file.name)) return 'application/wasm'; // the node says what is wrong with it
  if (head[0] === 0x4d && head[1] === 0x5a) return 'application/x-dotnet-assembly'; // MZ
  return /\.lua$/i.test(file.name) ? 'text/x-lua' : null;
}

const nameOf = file => file.name.replace(/\.[^.]*$/, '').replace(/[^A-Za-z0-9._-]+/g, '-').slice(0, 64) || null;

/** RFC 9530; only where the page is a secure context. */
async function digestOf(file) {
  if (!globalThis.crypto?.subtle) return null;
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', await file.arrayBuffer()));
  return `sha-256=:${btoa(String.fromCharCode(...hash))}:`;
}

/** A problem small enough for the circuit. */
function small(p) {
  const cut = text => text?.length > 600 ? `${text.slice(0, 600)}…` : text ?? null;
  return { status: p.status ?? 0, code: p.code ?? null, title: cut(p.title), detail: cut(p.detail), errors: p.errors?.slice(0, 30).map(e => ({ ...e, detail: cut(e.detail), hint: cut(e.hint) })) ?? null };
}

class Uploads {
  constructor(drop, input, name, dotnet) {
    Object.assign(this, { drop, input, name, dotnet, next: 1, running: new Map(), stop: new AbortController() });
    const on = (target, type, f) => target.addEventListener(type, f, { signal: this.stop.signal });
    let inside = 0; // enter and leave come for each child
    on(drop, 'dragenter', e => { e.preventDefault(); inside++; drop.dataset.over = ''; });
    on(drop, 'dragleave', () => { if (--inside <= 0) { inside = 0; delete drop.dataset.over; } });
    on(drop, 'dragover', e => { e.preventDefault(); e.dataTransfer.dropEffect = 'copy'; });
    on(drop, 'drop', e => { e.preventDefault(); inside = 0; delete drop.dataset.over; this.take(e.dataTransfer.files); });
    // A file dropped beside it would replace the page.
    on(window, 'dragover', e => e.preventDefault());
    on(window, 'drop', e => e.preventDefault());
    on(input, 'change', () => this.takeChosen());
    this.takeChosen(); // somebody was faster than this script
    drop.dataset.ready = '';
  }

  takeChosen() {
    const files = [...this.input.files];
    this.input.value = '';
    if (files.length) this.take(files);
  }

  tell(method, ...args) { return this.stop.signal.aborted ? null : this.dotnet.invokeMethodAsync(method, ...args); }

  async take(files) {
    const typed = files.length === 1 ? this.name.value.trim() : '';
    for (const file of files) await this.send(this.next++, file, typed || nameOf(file)); // one after the other: the node compiles one at a time
  }

  async send(id, file, name) {
    const fail = p => this.tell('OnFailed', id, file.name, file.size, small(p));
    const mib = n => `${(n / 1024 / 1024).toFixed(1)} MiB`;
    if (file.size > limit) return fail(problem('It is too large', `${mib(file.size)}; a module is at most ${mib(limit)}`));
    let type;
    let digest;
    try { [type, digest] = [await typeOf(file), await digestOf(file)]; } catch (e) { return fail(problem('The file cannot be read', String(e?.message ?? e))); }
    if (!type) return fail(problem('Not a module', 'It is neither WebAssembly nor named .lua'));
    await this.tell('OnStart', id, file.name, file.size);

    const started = this.stop.signal;
    return new Promise(done => {
      // Not fetch: it tells nothing of an upload's progress.
      const request = new XMLHttpRequest();
      request.open('POST', `/api/v1/modules${name ? `?name=${encodeURIComponent(name)}` : ''}`);
      request.setRequestHeader('Content-Type', type);
      request.setRequestHeader('Accept', 'application/json');
      if (digest) request.setRequestHeader('Content-Digest', digest);
      let told = 0;
      request.upload.onprogress = e => {
        const now = performance.now();
        if (now - told < 250 && e.loaded < e.total) return;
        told = now;
        this.tell('OnProgress', id, Math.round(100 * e.loaded / e.total));
      };
      const end = async report => { this.running.delete(id); await report; done(); };
      request.onload = async () => {
        if (request.status === 200 || request.status === 201) {
          const stored = JSON.parse(request.responseText);
          if (this.name.value.trim() === name) { // not what has been typed for the next one
            this.name.value = '';
            this.name.dispatchEvent(new Event('input', { bubbles: true }));
          }
          end(this.tell('OnDone', id, stored.digest, name, request.status === 201));
        } else end(fail(await readProblem({ status: request.status, json: async () => JSON.parse(request.responseText) })));
      };
      request.onerror = () => end(fail(unreachable('the connection ended')));
      request.onabort = () => end(this.tell('OnCancelled', id));
      this.running.set(id, request);
      if (!started.aborted) request.send(file);
    });
  }

  cancel(id) { this.running.get(id)?.abort(); }

  dispose() {
    this.stop.abort();
    for (const request of this.running.values()) request.abort();
  }
}

/** Somebody may have left the page while this script was on its way: then there is nothing to listen to. */
const nothing = { cancel() {}, dispose() {} };

export function mount(drop, input, name, dotnet) { return drop && input && name ? new Uploads(drop, input, name, dotnet) : nothing; }
