// What somebody has typed and not applied, kept by page and resource in this tab: over a reload, a lost circuit, a restart of the node.
// Nothing secret is kept, and signing out takes all of it along.
const prefix = 'managed.draft:';

// As the node has them (SensitiveFields): what is below such a field is never kept, unless it only says where the value is.
const sensitive = new Set(['private_key', 'pkcs12', 'password', 'session_ticket_keys', 'generic_secret', 'local_jwks', 'users', 'credentials', 'hmac_key', 'token_secret', 'hmac_secret']);
const place = /^["']?(?:filename|environment_?variable|module|sha256|watch|watched_?directory|@type|name|client)["']?\s*:/i;
const mark = /^["']?\[redacted/;

const snake = name => name.replace(/[A-Z]/g, c => `_${c.toLowerCase()}`);
export const isSensitive = name => sensitive.has(snake(name));

/** A scalar or a short form on one line that is itself the secret, and not its place or the node's mark for it. */
function tells(value) {
  const text = value.replace(/[,\s]+$/, '');
  if (!text || /^[{[|>&!][\d+-]*$/.test(text) || /^[\]}]+$/.test(text) || mark.test(text)) return false;
  if (text.startsWith('{') || text.startsWith('[')) return text.slice(1).split(',').some(part => part.trim() && !place.test(part.trim()) && tells(part.replace(/^[^:]*:\s*/, '').replace(/[\]}]+$/, '')));
  return true;
}

/** Whether a document (YAML or indented JSON) has a value that must not be seen again. */
export function holdsSecret(text) {
  if (/PRIVATE KEY-----/.test(text)) return true;
  let holder = -1;
  for (const line of text.split('\n')) {
    if (!line.trim() || /^\s*#/.test(line)) continue;
    const [, indent, name, value] = /^([\s-]*)(?:["']?([\w@.-]+)["']?\s*:(?:\s+|$))?(.*)$/.exec(line);
    if (holder >= 0 && indent.length <= holder && !/^\s*-/.test(line)) holder = -1;
    if (holder >= 0 && indent.length < holder) holder = -1;
    if (holder >= 0) { if (!place.test(line.trim().replace(/^-\s*/, '')) && tells(value)) return true; continue; }
    if (name && isSensitive(name)) { holder = indent.length; if (tells(value)) return true; }
  }
  return false;
}

/** What was kept under a key, with the time as `at` (ISO); null: nothing. */
export function read(key) {
  try { return JSON.parse(sessionStorage.getItem(prefix + key)); } catch { return null; }
}

export function write(key, draft) {
  if ('signedOut' in document.documentElement.dataset) return; // the page is on its way out
  try { sessionStorage.setItem(prefix + key, JSON.stringify({ ...draft, at: new Date().toISOString() })); } catch { /* full, or not allowed: it is still in the page */ }
}

export function remove(key) { try { sessionStorage.removeItem(prefix + key); } catch { /* not allowed: there is none */ } }

/** Of whoever signs out: the next one at this screen is somebody else. */
export function removeAll() {
  document.documentElement.dataset.signedOut = '';
  try { for (const key of Object.keys(sessionStorage)) if (key.startsWith(prefix)) sessionStorage.removeItem(key); } catch { /* not allowed: there are none */ }
}

/** As the reader's clock has it: 22:14. */
export const clock = at => new Date(at).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
