// What every result of the benchmarks in Node is kept with: machine, versions, commit, command, load.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { cpus, loadavg, platform, release } from 'node:os';
import { join, relative } from 'node:path';

import { root } from '../wasm/support/vectors.mjs';

const date = new Date().toISOString().slice(0, 10);
const code = ['.', ':!tests/bench/results', ':!docs/benchmarks.md'];
const git = (...args) => execFileSync('git', args, { cwd: root }).toString().trim();

/** Where a result of today lies. */
export function resultFile(name) {
  return join(root, `tests/bench/results/${name}-${date}.json`);
}

/** The head of a result; `more` follows it. Call it before anything is measured. */
export function beginRecord(script, more) {
  return {
    date,
    machine: `${cpus()[0]?.model ?? 'unknown'}, ${cpus().length} cores`,
    system: `${platform()} ${release()}`,
    node: process.version,
    commit: git('rev-parse', '--short', 'HEAD'),
    // The results before this one are no other code.
    uncommitted_changes: git('status', '--porcelain', '--untracked-files=no', '--', ...code) !== '',
    command: [`node tests/bench/${script}`, ...process.argv.slice(2)].join(' '),
    load_average_before: loadavg()[0],
    ...more,
  };
}

/** Writes a result and says where. */
export function keepRecord(record, file) {
  writeFileSync(file, `${JSON.stringify({ ...record, load_average_after: loadavg()[0] }, null, 1)}\n`);
  console.log(`kept in ${relative(root, file)}`);
}

/** The middle one, or the mean of the two in the middle. */
export function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
