// node compare-bits.mjs FOLDER FOLDER
//
// Compares two folders of raw little-endian doubles (tests/support/answers.h), one written by the
// native build and one by the WebAssembly build: the same files, and in them the same bytes.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const BYTES_PER_VALUE = 8;

function names(folder) {
  return readdirSync(folder).filter((name) => name.endsWith('.bin')).sort();
}

/** Position of the first value that differs, or -1. */
function firstDifference(left, right) {
  if (left.equals(right)) return -1;
  const shared = Math.min(left.length, right.length);
  for (let at = 0; at < shared; at += BYTES_PER_VALUE) {
    const end = at + BYTES_PER_VALUE;
    if (!left.subarray(at, end).equals(right.subarray(at, end))) return at / BYTES_PER_VALUE;
  }
  return shared / BYTES_PER_VALUE;
}

/** The value at `index` as number and bits, or what is there instead. */
function show(bytes, index) {
  const at = index * BYTES_PER_VALUE;
  if (at + BYTES_PER_VALUE > bytes.length) return 'no value';
  return `${bytes.readDoubleLE(at)} (0x${bytes.readBigUInt64LE(at).toString(16)})`;
}

function compare(leftFolder, rightFolder) {
  const left = names(leftFolder);
  const right = names(rightFolder);
  const problems = [
    ...left.filter((name) => !right.includes(name)).map((name) => `${name}: only in ${leftFolder}`),
    ...right.filter((name) => !left.includes(name)).map((name) => `${name}: only in ${rightFolder}`),
  ];
  let values = 0;
  for (const name of left.filter((each) => right.includes(each))) {
    const a = readFileSync(join(leftFolder, name));
    const b = readFileSync(join(rightFolder, name));
    const at = firstDifference(a, b);
    if (at >= 0) problems.push(`${name}: value ${at} is ${show(a, at)} and ${show(b, at)}`);
    values += Math.min(a.length, b.length) / BYTES_PER_VALUE;
  }
  return { files: left.length, values, problems };
}

const [leftFolder, rightFolder] = process.argv.slice(2);
if (!leftFolder || !rightFolder) {
  console.error('usage: node compare-bits.mjs FOLDER FOLDER');
  process.exit(2);
}
const { files, values, problems } = compare(leftFolder, rightFolder);
for (const problem of problems) console.error(problem);
if (values === 0) console.error(`nothing to compare in ${leftFolder} and ${rightFolder}`);
console.log(`${files} files, ${values} values compared, ${problems.length} differences`);
process.exit(problems.length === 0 && values > 0 ? 0 : 1);
