// What a run of the bench showed, drawn in the browser: answers may be large, and none of it has to pass the circuit.
export const element = (tag, properties = {}, ...children) => {
  const { attributes, ...rest } = properties;
  const e = Object.assign(document.createElement(tag), rest);
  for (const [name, value] of Object.entries(attributes ?? {})) e.setAttribute(name, value);
  e.append(...children.filter(c => c != null));
  return e;
};

const table = (label, heads, rows) => element('div', { className: 'scroll', tabIndex: 0, attributes: { role: 'group', 'aria-label': label } },
  element('table', { className: 'cards' },
    element('thead', {}, element('tr', {}, ...heads.map(h => element('th', { scope: 'col', textContent: h.replace('#', ''), className: h.startsWith('#') ? 'num' : '' })))),
    element('tbody', {}, ...rows)));

const cell = (label, content, className = '') => element('td', { className, attributes: { 'data-label': label } }, element('span', {}, content));
const panel = (title, note, ...body) => element('section', { className: 'panel', attributes: { 'aria-label': title } },
  element('div', { className: 'panel-head' }, element('h2', { textContent: title }), note ? element('span', { className: 'muted', textContent: note }) : null), ...body);
const code = (text, label) => element('pre', { className: 'code', tabIndex: 0, textContent: text, attributes: { 'aria-label': label } });
const micros = n => n >= 1000 ? `${(n / 1000).toFixed(2)} ms` : `${n.toFixed(1)} µs`;
const bytes = n => n === 1 ? '1 byte' : `${n} bytes`;

/** Fields by lower-case name; several of one name joined, as the trace has them. */
export function joined(pairs) {
  const fields = new Map();
  for (const [name, value] of pairs) { const key = name.toLowerCase(); fields.set(key, fields.has(key) ? `${fields.get(key)}, ${value}` : value); }
  return fields;
}

/** What became of header fields: rows [name, before, after], those that changed first. */
export function compare(before, after) {
  const rows = [...new Set([...before.keys(), ...after.keys()])].map(name => [name, before.get(name) ?? null, after.get(name) ?? null]);
  return rows.sort((a, b) => (a[1] === a[2]) - (b[1] === b[2]) || (a[0] < b[0] ? -1 : 1));
}

function headerTable(label, rows, [from, to]) {
  if (!rows.length) return element('p', { className: 'blank-line', textContent: 'No header fields.' });
  return table(label, ['Field', from, to], rows.map(([name, before, after]) => {
    const change = before === after ? null : before == null ? 'added' : after == null ? 'removed' : 'changed';
    return element('tr', { attributes: change ? { 'data-change': change } : {} },
      element('th', { scope: 'row', className: 'mono' }, name, change ? element('span', { className: 'tag', textContent: change }) : null),
      cell(from, before == null ? '–' : before === after ? before : element('del', { textContent: before }), 'mono'),
      cell(to, after == null ? '–' : before === after ? after : element('ins', { textContent: after }), 'mono'));
  }));
}

function step(it, at) {
  const errors = it.calls.filter(c => c.function === 'error');
  const calls = it.calls.filter(c => c.function !== 'error');
  const changes = [it.headers.length ? `${it.headers.length} ${it.headers.length === 1 ? 'field' : 'fields'}` : null,
    it.body && it.body.before !== it.body.after ? `body ${it.body.before} → ${bytes(it.body.after)}` : null].filter(Boolean).join(', ');
  const more = it.headers.length || calls.length || it.body?.text;
  const row = element('tr', {},
    element('th', { scope: 'row' }, it.filter),
    cell('Callback', element('span', {}, element('code', { textContent: it.hook }), it.end_stream ? element('span', { className: 'tag', textContent: 'end of stream', title: 'Nothing follows in this direction' }) : null)),
    cell('Answer', it.status), cell('Time', micros(it.time_micros), 'num'), cell('Instructions', it.instructions ? it.instructions.toLocaleString('en') : '–', 'num'), cell('Calls', String(calls.length), 'num'),
    cell('Changes', errors.length ? element('span', { className: 'mark bad', textContent: `✕ ${errors[0].result}` }) : changes || '–', errors.length ? 'wide' : ''));
  if (!more) return [row];
  const detail = element('details', {}, element('summary', { textContent: `What it did in ${it.hook}` }),
    it.headers.length ? headerTable(`Header changes of step ${at}`, it.headers.map(h => [h.name, h.before, h.after]), ['Before', 'After']) : null,
    it.body?.text ? code(it.body.text, `Body after step ${at}`) : null,
    calls.length ? table(`Host calls of step ${at}`, ['Call', 'Arguments', 'Result', 'Where'], calls.map(c => element('tr', {},
      element('th', { scope: 'row', className: 'mono', textContent: c.function }), cell('Arguments', c.arguments || '–', 'mono'), cell('Result', c.result || '–', 'mono'), cell('Where', c.place, 'mono')))) : null);
  return [row, element('tr', { className: 'more' }, element('td', { colSpan: 7 }, detail))];
}

/** @param sent the test as it was sent; @param toLine puts the cursor on a line of the script */
export function draw(result, sent, lineOf, toLine) {
  const errorLink = text => {
    const line = lineOf(text);
    return element('li', {}, line ? element('button', { type: 'button', className: 'link', textContent: `Line ${line}`, onclick: () => toLine(line) }) : null, line ? ': ' : '', text);
  };
  const status = result.response?.status;
  const errors = [...new Set([...(result.error ? [result.error] : []), ...result.errors])];
  const head = element('div', { className: 'bench-sum' },
    element('span', { className: `mark ${!status ? 'bad' : status >= 400 ? 'warn' : 'good'}` },
      element('strong', { className: 'num', textContent: status ? `${status} ${result.response.reason ?? ''}`.trim() : 'no response' })),
    errors.length ? element('span', { className: 'mark bad', textContent: `✕ ${errors.length === 1 ? '1 error' : `${errors.length} errors`}` }) : null,
    element('span', { className: 'num', textContent: `${result.time_ms.toFixed(1)} ms in all` }),
    element('span', { className: 'num muted', textContent: result.instructions ? `${result.instructions.toLocaleString('en')} instructions` : '' }),
    element('span', { className: 'num muted', textContent: `${result.upstream_requests.length} ${result.upstream_requests.length === 1 ? 'request' : 'requests'} to upstreams` }));
  const upstream = result.upstream_requests.map((r, i) => {
    const own = i === result.upstream_requests.length - 1; // calls of filters come before the request itself
    const before = own ? joined([['host', sent.request.authority || 'sandbox.test'], ...pairs(sent.request.headers)]) : new Map();
    const line = `${r.method} ${r.path}`;
    return panel(result.upstream_requests.length > 1 ? `Upstream ${i + 1}: ${r.cluster}` : `What the upstream got: ${r.cluster}`, line,
      headerTable(`Request to ${r.cluster}`, compare(before, joined(r.headers.map(h => [h.name, h.value]))), ['Client sent', 'Upstream got']),
      r.body || (own && sent.request.body) ? element('div', { className: 'panel-body' }, element('p', { className: 'muted', textContent: own && r.body !== (sent.request.body ?? '') ? `Body, changed (${bytes((sent.request.body ?? '').length)} before)` : 'Body, as it was sent' }), code(r.body || '(empty)', 'Body that the upstream got')) : null);
  });
  const client = result.response ? panel('What the client gets', `${status} ${result.response.reason ?? ''}`,
    headerTable('Response to the client', compare(result.upstream_requests.length ? joined(pairs(sent.upstream_response.headers)) : new Map(), joined(result.response.headers.map(h => [h.name, h.value]))), ['Upstream sent', 'Client gets']),
    element('div', { className: 'panel-body' }, element('p', { className: 'muted', textContent: result.upstream_requests.length && result.response.body !== (sent.upstream_response.body ?? '') ? 'Body, changed' : 'Body' }), code(result.response.body || '(empty)', 'Body that the client gets')),
    result.response.trailers?.length || sent.upstream_response.trailers ? headerTable('Trailers to the client', compare(joined(pairs(sent.upstream_response.trailers)), joined((result.response.trailers ?? []).map(h => [h.name, h.value]))), ['Upstream sent, trailer', 'Client gets']) : null) : null;
  const logs = panel('Log', result.logs.length ? String(result.logs.length) : null, result.logs.length
    ? element('ul', { className: 'bench-log mono', tabIndex: 0, attributes: { 'aria-label': 'Log lines' } }, ...result.logs.slice(0, 500).map(l => element('li', { attributes: { 'data-level': l.level } }, element('span', { className: 'tag', textContent: l.level === 'information' ? 'info' : l.level }), ' ', l.text)))
    : element('p', { className: 'blank-line', textContent: 'Nothing was logged.' }));
  return [
    panel('Result', null, head, errors.length ? element('ul', { className: 'note note-bad bench-errors' }, ...errors.map(errorLink)) : null,
      result.trace.length ? table('Callbacks', ['Filter', 'Callback', 'Answer', '#Time', '#Instructions', '#Calls', 'Changes'], result.trace.flatMap((t, i) => step(t, i + 1)))
        : element('p', { className: 'blank-line', textContent: 'No filter was called.' })),
    ...upstream, ...(client ? [client] : []), logs,
  ];
}

/** A test that was refused: its errors, those of the script at their lines, and what was logged. */
export function drawProblem(problem, lineOf, toLine) {
  const items = problem.errors?.length ? problem.errors : [{ detail: problem.detail ?? problem.title }];
  return [panel('Result', null, element('ul', { className: 'note note-bad bench-errors' }, ...items.slice(0, 50).map(e => {
    const line = lineOf(e.detail ?? '');
    return element('li', {}, line ? element('button', { type: 'button', className: 'link', textContent: `Line ${line}`, onclick: () => toLine(line) }) : null, line ? ': ' : '',
      [e.detail, e.hint].filter(Boolean).join('; '), !line && e.pointer && e.pointer !== '#' ? element('span', { className: 'mono muted', textContent: ` ${e.pointer}` }) : null);
  })), problem.logs?.length ? element('ul', { className: 'bench-log mono' }, ...problem.logs.slice(0, 100).map(l => element('li', {}, element('span', { className: 'tag', textContent: l.level }), ' ', l.text))) : null)];
}

const pairs = headers => Object.entries(headers ?? {}).flatMap(([name, values]) => [values].flat().map(value => [name, value]));
