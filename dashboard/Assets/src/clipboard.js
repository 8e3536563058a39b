export async function copy(text) {
  try { await navigator.clipboard.writeText(text); return true; } catch { /* not a secure context, or refused */ }
  // http:// on another host than localhost has no clipboard API: the old way still works there.
  const area = Object.assign(document.createElement('textarea'), { value: text });
  area.setAttribute('aria-hidden', 'true');
  area.style.cssText = 'position:fixed;opacity:0';
  document.body.append(area);
  area.select();
  try { return document.execCommand('copy'); } finally { area.remove(); }
}
