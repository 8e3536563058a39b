// Bundles src/ into ../wwwroot/js/dist/. Started by Assets.targets; `node build.mjs` does the same by hand.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const dist = join(here, '..', 'wwwroot', 'js', 'dist');
const lock = join(here, '.build-lock');
const entries = ['theme.js', 'shell.js', 'signin.js', 'editor.js', 'chart.js', 'traffic.js', 'upload.js', 'forms.js', 'live-worker.js'];

// mkdir is atomic; a lock older than five minutes belongs to a build that was killed.
async function withLock(work) {
  for (let waited = 0; ; waited += 100) {
    try { mkdirSync(lock); break; } catch (e) { if (e.code !== 'EEXIST') throw e; }
    try { if (Date.now() - statSync(lock).mtimeMs > 300_000) { rmdirSync(lock); continue; } } catch { continue; }
    if (waited > 300_000) throw new Error(`another build holds ${lock}`);
    await new Promise(r => setTimeout(r, 100));
  }
  try { await work(); } finally { rmSync(lock, { recursive: true, force: true }); }
}

function installPackages() {
  const wanted = createHash('sha256').update(readFileSync(join(here, 'package-lock.json'))).digest('hex');
  const stamp = join(here, 'node_modules', '.lock-hash');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: here, stdio: 'inherit' });
  writeFileSync(stamp, wanted);
}

await withLock(async () => {
  installPackages();
  const { build } = await import('esbuild');
  const result = await build({
    entryPoints: entries.map(e => join(here, 'src', e)),
    outdir: dist,
    bundle: true, minify: true, write: false,
    format: 'esm', target: 'es2022', legalComments: 'linked', logLevel: 'warning',
  });
  mkdirSync(dist, { recursive: true });
  for (const file of result.outputFiles) {
    // Written aside and renamed: a build that reads the folder now never sees half a file.
    const aside = `${file.path}.${process.pid}.tmp`;
    writeFileSync(aside, file.contents);
    renameSync(aside, file.path);
  }
});
