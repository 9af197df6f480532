// Lighthouse's scores of the page that `copse serve` gives, on its simulated phone and on a desktop:
// medians of several runs, in Debian's Chromium. The result is kept under tests/bench/results/.
// Lighthouse comes with the other packages of package.json (make bench-page installs them).
//
//   node tests/bench/bench_lighthouse.mjs [--rounds 3] [--out FILE]
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';

import { root } from '../wasm/support/vectors.mjs';
import { startService } from '../web/support/service.mjs';
import { beginRecord, keepRecord, median, resultFile } from './record.mjs';

const packages = join(root, 'build/bench/npm/node_modules');
const scores = ['performance', 'accessibility', 'best-practices'];
const timings = {
  first_contentful_paint_ms: 'first-contentful-paint',
  largest_contentful_paint_ms: 'largest-contentful-paint',
  total_blocking_time_ms: 'total-blocking-time',
  cumulative_layout_shift: 'cumulative-layout-shift',
  speed_index_ms: 'speed-index',
};
const secondsMax = 120;
const { values: options } = parseArgs({ options: { rounds: { type: 'string', default: '3' }, out: { type: 'string', default: resultFile('lighthouse') } } });
const rounds = Number(options.rounds);
if (!(Number.isInteger(rounds) && rounds >= 1 && rounds <= 50)) throw new Error(`--rounds ${options.rounds}: expected a whole number from 1 to 50`);

/** One run of Lighthouse: its scores (0 to 1) and timings. */
async function look(url, device, folder) {
  const out = join(folder, `${device}.json`);
  const flags = ['--output=json', `--output-path=${out}`, '--quiet', '--chrome-flags=--headless=new --no-sandbox', `--only-categories=${scores.join(',')}`];
  if (device === 'desktop') flags.push('--preset=desktop');
  const env = { ...process.env, CHROME_PATH: process.env.CHROME_PATH ?? '/usr/bin/chromium' };
  await promisify(execFile)(process.execPath, [join(packages, 'lighthouse/cli/index.js'), url, ...flags], { env, timeout: secondsMax * 1000 });
  const { audits, categories } = JSON.parse(readFileSync(out, 'utf8'));
  const found = Object.fromEntries(scores.map((name) => [name, categories[name].score]));
  for (const [name, audit] of Object.entries(timings)) found[name] = Number(audits[audit].numericValue.toFixed(3));
  return found;
}

const folder = mkdtempSync(join(tmpdir(), 'copse-lighthouse-'));
const service = await startService({ model: join(root, 'models/iris.safetensors') });
try {
  const { version } = JSON.parse(readFileSync(join(packages, 'lighthouse/package.json'), 'utf8'));
  const record = beginRecord('bench_lighthouse.mjs', { lighthouse: version, rounds, devices: {} });
  for (const device of ['mobile', 'desktop']) {
    const runs = [];
    for (let round = 0; round < rounds; ++round) runs.push(await look(service.url, device, folder));
    const middle = Object.fromEntries(Object.keys(runs[0]).map((name) => [name, median(runs.map((run) => run[name]))]));
    record.devices[device] = { median: middle, runs };
    console.log(`${device}: ${Object.entries(middle).map(([name, value]) => `${name} ${value}`).join(', ')}`);
  }
  keepRecord(record, options.out);
} finally {
  await service.stop();
  rmSync(folder, { recursive: true, force: true });
}
