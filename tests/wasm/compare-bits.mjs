// node compare-bits.mjs [NATIVE_BUILD WASM_BUILD]      (default: build/release build/wasm)
//
// Lets the native and the WebAssembly build of the same test programs write down every answer that
// they compute (tests/support/answers.h), and holds the two against each other: the same files, and
// in them the same bytes. The last line counts files as passed or failed.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PROGRAMS = ['explain_test', 'fixtures_test', 'math_test', 'plan_test', 'vectors_test'];
const BYTES_PER_VALUE = 8;

/** Runs the programs of one build, which leave their answers in `folder`. */
function writeAnswers(build, suffix, folder) {
  mkdirSync(folder);
  for (const name of PROGRAMS) {
    const program = join(build, 'bin', name + suffix);
    if (!existsSync(program)) throw new Error(`${program} is missing: build its tests first`);
    const [command, ...args] = suffix ? ['node', '--no-experimental-fetch', program] : [program];
    const env = { ...process.env, COPSE_WRITE_ANSWERS: folder };
    const run = spawnSync(command, args, { env, encoding: 'utf8', maxBuffer: 1 << 28 });
    if (run.status !== 0) throw new Error(`${program} failed:\n${run.stdout}${run.stderr}`);
  }
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

/** The value at `index` as number and bits, or that there is none. */
function show(bytes, index) {
  const at = index * BYTES_PER_VALUE;
  if (at + BYTES_PER_VALUE > bytes.length) return 'no value';
  return `${bytes.readDoubleLE(at)} (0x${bytes.readBigUInt64LE(at).toString(16)})`;
}

/** One file of both folders: what is wrong with it, or null, and how many values it holds. */
function compareFile(name, native, wasm) {
  if (!existsSync(join(native, name))) return { problem: `${name}: only in WebAssembly`, values: 0 };
  if (!existsSync(join(wasm, name))) return { problem: `${name}: only natively`, values: 0 };
  const left = readFileSync(join(native, name));
  const right = readFileSync(join(wasm, name));
  const values = left.length / BYTES_PER_VALUE;
  const at = firstDifference(left, right);
  if (at < 0) return { problem: null, values };
  return { problem: `${name}: value ${at} is ${show(left, at)} natively and ${show(right, at)}`, values };
}

function compareFolders(native, wasm) {
  const names = [...new Set([...readdirSync(native), ...readdirSync(wasm)])].sort();
  const results = names.map((name) => compareFile(name, native, wasm));
  return {
    files: names.length,
    values: results.reduce((sum, { values }) => sum + values, 0),
    problems: results.map(({ problem }) => problem).filter((problem) => problem !== null),
  };
}

function main(nativeBuild, wasmBuild) {
  const folder = mkdtempSync(join(tmpdir(), 'copse-bits-'));
  try {
    writeAnswers(nativeBuild, '', join(folder, 'native'));
    writeAnswers(wasmBuild, '.js', join(folder, 'wasm'));
    return compareFolders(join(folder, 'native'), join(folder, 'wasm'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const [nativeBuild = join(ROOT, 'build/release'), wasmBuild = join(ROOT, 'build/wasm')] =
  process.argv.slice(2);
const { files, values, problems } = main(nativeBuild, wasmBuild);
for (const problem of problems) console.log(problem);
console.log(`${values} values of the native and the WebAssembly build compared bit for bit`);
// Fewer would mean that a program stopped writing its answers.
const enough = files >= 100 && values >= 50000;
if (!enough) console.log(`too few: ${files} files`);
console.log(`${files - problems.length} passed, ${problems.length + (enough ? 0 : 1)} failed`);
process.exitCode = problems.length === 0 && enough ? 0 : 1;
