// What pages cost the node: opens pages in tabs of a headless Chromium, closes the tabs, and says how the process's memory went. Where it
// is more than LIMIT MB above where it began after the first tour, this ends with 1.
//   tests/Dashboard.Tests/bin/Release/net10.0/.playwright/node/linux-x64/node tests/page-memory.mjs URL TOKEN-FILE PID [LOADS] [LIMIT]
import { createRequire } from 'module';
import fs from 'fs';
const require = createRequire(import.meta.url);
const { chromium } = require('./Dashboard.Tests/bin/Release/net10.0/.playwright/package');
const [url, tokenFile, pid, loads = '100', limit = '40'] = process.argv.slice(2);
const pages = ['/', '/listeners', '/routes', '/clusters', '/secrets', '/modules', '/vms', '/history', '/new', '/history/1'];
const status = name => Number(fs.readFileSync(`/proc/${pid}/status`, 'utf8').match(new RegExp(`${name}:\\s+(\\d+)`))[1]) / 1024;
const say = what => console.log(`${what.padEnd(34)} ${status('VmRSS').toFixed(0)} MB, of it anonymous ${status('RssAnon').toFixed(0)}`);
const rest = ms => new Promise(done => setTimeout(done, ms));

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] });
const context = await browser.newContext();
async function open(path) {
  const tab = await context.newPage();
  await tab.goto(url + path);
  await tab.locator('html[data-keys=on]').waitFor({ state: 'attached' });
  await rest(200);
  await tab.close({ runBeforeUnload: true });
  await rest(50);
}
say('before the first page');
const first = await context.newPage();
await first.goto(`${url}/sign-in`);
await first.getByLabel('Access token').fill(fs.readFileSync(tokenFile, 'utf8').trim());
await first.getByRole('button', { name: 'Sign in' }).click();
await first.locator('html[data-keys=on]').waitFor({ state: 'attached' });
await first.close({ runBeforeUnload: true });
for (const path of pages) await open(path);
await rest(45_000); // what pages took is given back half a minute after the last one
say('after a tour of all pages');
const began = status('VmRSS');
for (let i = 0; i < Number(loads); i++) {
  await open(pages[i % pages.length]);
  if (i % 25 === 24) say(`after ${i + 1} more loads`);
}
await browser.close();
for (const seconds of [10, 30, 20]) { await rest(seconds * 1000); say(`tabs closed, ${seconds} s later`); }
const more = status('VmRSS') - began;
console.log(`${more.toFixed(0)} MB more than after the tour; the limit is ${limit}`);
process.exit(more <= Number(limit) ? 0 : 1);
