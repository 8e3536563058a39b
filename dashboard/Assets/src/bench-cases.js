// Saved cases of the bench: a request, what the upstream answers and the status that is expected, by the subject that they are for. They are
// this browser's (localStorage); what carries credentials is not kept.
const store = 'managed.bench.cases';
const credentials = /^\s*(?:(?:proxy-)?authorization|cookie|set-cookie|[\w-]*(?:api-?key|token|secret|password)[\w-]*)\s*:/i;
const most = 100;

function all() { try { return JSON.parse(localStorage.getItem(store)) ?? {}; } catch { return {}; } }

/** Header lines without the values of those that carry credentials. */
export const withoutCredentials = lines => lines.split('\n').map(line => credentials.test(line) ? `${line.split(':')[0]}: (not kept)` : line).join('\n');

export const casesOf = subject => Object.entries(all()[subject] ?? {}).map(([name, it]) => ({ name, ...it }));

/** @returns what is wrong, for the person who saves; null: it is stored */
export function save(subject, name, it) {
  const stored = all();
  const mine = stored[subject] ??= {};
  if (!(name in mine) && Object.keys(mine).length >= most) return `There are ${most} cases already.`;
  mine[name] = { ...it, headers: withoutCredentials(it.headers), replyHeaders: withoutCredentials(it.replyHeaders) };
  return put(stored);
}

export function rename(subject, from, to) {
  const stored = all();
  const mine = stored[subject] ?? {};
  if (!(from in mine)) return null;
  if (to in mine) return `There is a case “${to}” already.`;
  stored[subject] = Object.fromEntries(Object.entries(mine).map(([name, it]) => [name === from ? to : name, it]));
  return put(stored);
}

export function remove(subject, name) {
  const stored = all();
  delete stored[subject]?.[name];
  if (stored[subject] && !Object.keys(stored[subject]).length) delete stored[subject];
  return put(stored);
}

function put(stored) {
  try { localStorage.setItem(store, JSON.stringify(stored)); return null; } catch { return 'The browser has no room for it, or does not let this page keep anything.'; }
}
