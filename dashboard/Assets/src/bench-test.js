// What the bench asks the node: the fields of the page and what it is about, as a body of POST /filters/test.
const wasmType = 'type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm';

/** Something that the person has to put right before there is a test; `field` names its input. */
export class Wrong extends Error { constructor(message, field) { super(message); this.field = field; } }

/** Lines `name: value` as the API has header fields; several of one name as a list. */
export function headersOf(lines, what, field) {
  const headers = {};
  for (const [at, line] of lines.split('\n').entries()) {
    if (!line.trim()) continue;
    const colon = line.indexOf(':', 1);
    if (colon < 0) throw new Wrong(`${what}, line ${at + 1}: a header field is written as “name: value”.`, field);
    const [name, value] = [line.slice(0, colon).trim(), line.slice(colon + 1).trim()];
    if (name in headers) headers[name] = [headers[name], value].flat(); else headers[name] = value;
  }
  return headers;
}

function json(text, what, field) {
  try { return JSON.parse(text); } catch (e) { throw new Wrong(`${what}: ${e.message}`, field); }
}

/** The filter that is tested. `base`: what stands in the listener in its place, whose other settings stay. */
export function filterOf(state, script, module, base) {
  const filter = structuredClone(base ?? {});
  if (state.kind === 'lua') {
    const config = filter.typed_config = { ...(filter.typed_config ?? { '@type': 'lua' }) };
    delete config.inline_code;
    delete config.module;
    config.default_source_code = { inline_string: script };
    filter.name ??= 'lua';
    return filter;
  }
  if (!module) throw new Wrong('Choose a module.', 'module');
  filter.name ??= module.names[0] ?? 'module';
  if (module.kind === 'dotnet') {
    filter.typed_config = { '@type': 'native', module: module.reference, type: state.type || module.exports[0], configuration: state.configuration.trim() ? json(state.configuration, 'Configuration', 'configuration') : {} };
    return filter;
  }
  const config = { name: module.names[0] ?? 'module', ...(base?.typed_config?.config ?? {}) };
  config.vm_config = { ...config.vm_config, code: { module: module.reference } };
  if (state.root) config.root_id = state.root; else delete config.root_id;
  if (state.configuration) config.configuration = state.configuration; else delete config.configuration;
  filter.typed_config = { ...(base?.typed_config ?? { '@type': wasmType }), config };
  return filter;
}

/** @param filters of the chain it is tried in; null: it is by itself */
export function testOf(state, filter, filters) {
  const test = {};
  if (state.listener) { test.listener = state.listener; if (state.chain) test.chain = state.chain; }
  if (filter) {
    const at = filters?.findIndex(f => f.name === state.filter) ?? -1;
    const router = filters?.findLastIndex(f => /(^|\.)router$/.test(f.name)) ?? -1;
    test.filters = !filters ? [filter] : at >= 0 ? filters.with(at, filter) : filters.toSpliced(router < 0 ? filters.length : router, 0, filter);
  }
  const status = state.status.trim() || '200';
  if (!/^[2-5]\d\d$/.test(status)) throw new Wrong('The upstream’s status is a number from 200 to 599.', 'status');
  test.request = { method: state.method.trim() || 'GET', path: state.path.trim() || '/', headers: headersOf(state.headers, 'Request headers', 'headers') };
  if (state.authority.trim()) test.request.authority = state.authority.trim();
  if (state.body) test.request.body = state.body;
  test.upstream_response = { status: Number(status), headers: headersOf(state.replyHeaders, 'Response headers', 'replyHeaders') };
  if (state.replyTrailers?.trim()) test.upstream_response.trailers = headersOf(state.replyTrailers, 'Trailers', 'replyTrailers');
  if (state.replyBody) test.upstream_response.body = state.replyBody;
  if (state.calls.trim()) test.calls = json(state.calls, 'Answers to the filter’s own calls', 'calls');
  return test;
}
