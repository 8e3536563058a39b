// One configuration resource over HTTP: its text, its ETag, dry runs and writes. The session cookie goes along by itself.

export async function readProblem(answer) {
  try { return { ...await answer.json(), status: answer.status }; }
  catch { return { status: answer.status, code: `HTTP_${answer.status}`, title: `The admin API answered ${answer.status}` }; }
}

export const unreachable = e => ({ status: 0, code: 'UNREACHABLE', title: 'The admin API does not answer', detail: String(e?.message ?? e) });

/** Text of any address as YAML: {ok, text, etag, problem, unchanged}. */
export async function fetchYaml(path, etag) {
  try {
    const answer = await fetch(path, { cache: 'no-store', headers: { Accept: 'application/yaml', ...(etag ? { 'If-None-Match': etag } : {}) } });
    if (answer.status === 304) return { ok: true, unchanged: true };
    if (!answer.ok) return { ok: false, problem: await readProblem(answer) };
    return { ok: true, text: await answer.text(), etag: answer.headers.get('ETag') };
  } catch (e) { return { ok: false, problem: unreachable(e) }; }
}

/** Headers that make a write safe: against the text it was started from, or only if nothing is there yet. */
const guard = etag => etag ? { 'If-Match': etag } : { 'If-None-Match': '*' };

export async function put(path, text, { etag, dryRun, comment, confirmWithin, revertIf, signal } = {}) {
  const query = new URLSearchParams();
  if (dryRun) query.set('dry_run', 'true');
  if (comment) query.set('comment', comment);
  if (confirmWithin) query.set('confirm_within', confirmWithin);
  if (revertIf) query.set('revert_if', revertIf);
  const started = performance.now();
  try {
    const answer = await fetch(path + (query.size ? `?${query}` : ''), {
      method: 'PUT', body: text, signal,
      headers: { 'Content-Type': 'application/yaml', Accept: 'application/json', ...guard(etag) },
    });
    const elapsedMs = performance.now() - started;
    if (!answer.ok) return { ok: false, problem: await readProblem(answer) };
    const body = await answer.text();
    const version = Number(answer.headers.get('Config-Version')) || null;
    return {
      ok: true, elapsedMs, version, changed: answer.headers.get('Config-Changed') !== 'false',
      etag: answer.headers.get('ETag'), body: dryRun ? JSON.parse(body || '{}') : null,
    };
  } catch (e) {
    if (e?.name === 'AbortError') throw e;
    return { ok: false, problem: unreachable(e) };
  }
}

export const quoted = text => `'${text.replaceAll("'", `'\\''`)}'`;

/** The same write for a shell; the token is the reader's own. */
export function asCurl(path, text, { etag, comment, confirmWithin, revertIf }) {
  const query = new URLSearchParams();
  if (comment) query.set('comment', comment);
  if (confirmWithin) query.set('confirm_within', confirmWithin);
  if (revertIf) query.set('revert_if', revertIf);
  const [name, value] = Object.entries(guard(etag))[0];
  let end = 'YAML';
  while (text.split('\n').includes(end)) end += '_';
  return `curl -fsS -X PUT ${quoted(`${location.origin}${path}${query.size ? `?${query}` : ''}`)} \\\n`
    + `  -H "Authorization: Bearer $TOKEN" -H ${quoted(`${name}: ${value}`)} \\\n`
    + `  -H 'Content-Type: application/yaml' --data-binary @- <<'${end}'\n${text.replace(/\n?$/, '\n')}${end}\n`;
}
