// Ctrl+K: every room, resource and action by a few letters. All of it in the browser: no letter waits for the circuit.
const rooms = [['Overview', '/'], ['Traffic', '/traffic'], ['Listeners', '/listeners'], ['Routes', '/routes'], ['Clusters', '/clusters'], ['Secrets', '/secrets'], ['Modules', '/modules'], ['Bench', '/bench'], ['Runtime: VMs of guest code', '/modules?tab=runtime'], ['History', '/history'], ['Help: reference of filters and fields', '/help']];
const kinds = { listeners: ['listener', '/listeners/'], route_configurations: ['route configuration', '/routes/'], clusters: ['cluster', '/clusters/'], secrets: ['secret', '/secrets/'], modules: ['module', '/modules/'] };
const most = 40; // what a list shows; more letters show others

const element = (tag, properties, ...children) => { const e = Object.assign(document.createElement(tag), properties); e.append(...children); return e; };

/** Whether all letters are in it in their order; the lower the better: whole word, beginning of a word, scattered. */
export function rank(text, query) {
  const [t, q] = [text.toLowerCase(), query.toLowerCase().trim()];
  if (!q) return 1;
  const at = t.indexOf(q);
  if (at >= 0) return at === 0 ? 0 : /[^a-z0-9]/.test(t[at - 1]) ? 1 : 2;
  if (q.split(/\s+/).every(word => t.includes(word))) return 3;
  let from = 0;
  for (const letter of q.replace(/\s+/g, '')) { from = t.indexOf(letter, from) + 1; if (!from) return null; }
  return 4 + (t.length > 60 ? 1 : 0);
}

export class Palette {
  /** @param tell to the frame; @param act what the frame's own script does: theme, sign-out, copying */
  constructor(tell, act) { Object.assign(this, { tell, act, names: {}, versions: [] }); }

  async open() {
    if (this.dialog?.open) { this.dialog.close(); return; }
    this.dialog ??= this.build();
    this.input.value = '';
    this.dialog.showModal();
    this.show();
    const read = async path => { try { const answer = await fetch(path); return answer.ok ? await answer.json() : null; } catch { return null; } };
    const [names, versions] = await Promise.all([read('/api/v1/names'), read('/api/v1/versions?page_size=30')]);
    [this.names, this.versions] = [names ?? this.names, versions?.items ?? this.versions];
    if (!names) this.note.textContent = 'The node does not answer: rooms and actions only.';
    if (this.dialog.open) this.show();
  }

  build() {
    this.list = element('ul', { id: 'palette-list', role: 'listbox' });
    this.list.setAttribute('aria-label', 'Found');
    this.note = element('p', { className: 'muted palette-note' });
    this.note.setAttribute('role', 'status');
    this.input = element('input', { type: 'text', placeholder: 'Go to, or do…', autocomplete: 'off', spellcheck: false, maxLength: 100 });
    for (const [name, value] of Object.entries({ role: 'combobox', 'aria-label': 'Search resources and actions', 'aria-controls': 'palette-list', 'aria-expanded': 'true', 'aria-autocomplete': 'list' })) this.input.setAttribute(name, value);
    const dialog = element('dialog', { className: 'palette' }, this.input, this.list, this.note);
    dialog.setAttribute('aria-label', 'Search');
    this.input.addEventListener('input', () => this.show());
    this.input.addEventListener('keydown', e => {
      const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 }[e.key];
      if (step) { e.preventDefault(); this.pick(Math.min(Math.max(this.at + step, 0), this.found.length - 1)); }
      else if (e.key === 'Enter' && !e.isComposing) { e.preventDefault(); this.run(this.found[this.at]); }
    });
    dialog.addEventListener('click', e => { if (e.target === dialog) dialog.close(); });
    document.body.append(dialog);
    return dialog;
  }

  entries() {
    const go = path => () => this.tell('OnGo', path);
    const all = rooms.map(([name, path]) => ({ name, kind: 'page', run: go(path) }));
    all.push({ name: 'Publish a service', kind: 'action', run: go('/new') });
    for (const [noun, path] of [['listener', '/listeners/new'], ['cluster', '/clusters/new'], ['route configuration', '/routes/new'], ['secret', '/secrets/new']]) all.push({ name: `New ${noun}`, kind: 'action', run: go(path) });
    all.push({ name: 'Why this route?', kind: 'action', run: go('/routes') }, { name: 'Upload a module', kind: 'action', run: go('/modules') },
      { name: 'Keyboard shortcuts', kind: 'action', run: () => this.tell('OnHelp') }, { name: 'Sign out', kind: 'action', run: () => this.act.signOut() },
      { name: 'Copy this page’s address', kind: 'action', run: () => this.act.copy(location.href) },
      { name: 'Copy the configuration as curl', kind: 'action', run: () => this.act.copy(`curl -fsS '${location.origin}/api/v1/config' \\\n  -H "Authorization: Bearer $TOKEN" \\\n  -H 'Accept: application/yaml'\n`) });
    for (const [choice, label] of [['light', 'light'], ['dark', 'dark'], ['system', 'like the system']]) all.push({ name: `Theme: ${label}`, kind: 'action', run: () => this.act.theme(choice) });
    for (const version of this.versions) {
      all.push({ name: `v${version.version} ${version.comment ?? ''}`.trim(), kind: 'version', run: go(`/history/${version.version}`) });
      if (version.state !== 'active' && version.state !== 'rejected') all.push({ name: `Roll back to v${version.version} ${version.comment ?? ''}`.trim(), kind: 'action', run: () => this.tell('OnRollBack', version.version) });
    }
    for (const [collection, [kind, path]] of Object.entries(kinds))
      for (const name of this.names[collection] ?? []) {
        all.push({ name, kind, run: go(path + encodeURIComponent(name)) });
        if (kind === 'module') all.push({ name: `Test ${name} in the bench`, kind: 'action', run: go(`/bench?module=${encodeURIComponent(name)}`), more: true });
        if (kind !== 'module') all.push({ name: `${name} history`, kind, run: go(`${path}${encodeURIComponent(name)}?tab=history`), more: true });
        if (kind === 'listener') all.push({ name: `${name} traffic`, kind, run: go(`/traffic?of=${encodeURIComponent('listener:' + name)}`), more: true });
        if (kind === 'cluster') all.push({ name: `${name} traffic`, kind, run: go(`/traffic?of=${encodeURIComponent('cluster:' + name)}`), more: true });
      }
    return all;
  }

  show() {
    const query = this.input.value;
    const ranked = [];
    for (const entry of this.entries()) {
      if (entry.more && !query.trim()) continue;
      const r = rank(entry.name, query) ?? (query.trim() && rank(`${entry.kind} ${entry.name}`, query) != null ? 6 : null);
      if (r != null) ranked.push({ ...entry, r: r + (entry.more ? 0.5 : 0) });
    }
    if (query.trim()) ranked.sort((a, b) => a.r - b.r || a.name.length - b.name.length);
    this.found = ranked.slice(0, most);
    this.list.replaceChildren(...this.found.map((entry, i) => {
      const item = element('li', { id: `palette-${i}`, role: 'option' }, element('span', { textContent: entry.name, className: 'cut' }), element('span', { textContent: entry.kind, className: 'muted' }));
      item.addEventListener('click', () => this.run(entry));
      return item;
    }));
    this.note.textContent = !ranked.length ? 'Nothing is called so.' : ranked.length > most ? `The first ${most} of ${ranked.length}` : '';
    this.pick(0);
  }

  pick(at) {
    this.list.children[this.at]?.removeAttribute('aria-selected');
    this.at = at;
    const item = this.list.children[at];
    if (!item) { this.input.removeAttribute('aria-activedescendant'); return; }
    item.setAttribute('aria-selected', 'true');
    this.input.setAttribute('aria-activedescendant', item.id);
    item.scrollIntoView({ block: 'nearest' });
  }

  run(entry) {
    if (!entry) return;
    this.dialog.close();
    entry.run();
  }
}
