// What the modules ask for, what they give, how large they are, and that anybody can build them
// again.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants } from 'node:zlib';

import { root } from './support/vectors.mjs';

const modules = [
  { name: 'copse', exports: 'exports.txt', kibMax: 48 },
  { name: 'copse-fast', exports: 'exports.txt', kibMax: 104 },
  { name: 'copse-import', exports: 'import_exports.txt', kibMax: 120 },
  { name: 'copse-import-onnx', exports: 'import_exports.txt', kibMax: 120 },
].map((module) => {
  const bytes = readFileSync(fileURLToPath(import.meta.resolve(`copse/${module.name}.wasm`)));
  return { ...module, bytes };
});
// What is shipped comes from the Emscripten of Debian 12; that of Debian 13 makes the same sources larger.
const compiler = execFileSync('emcc', ['--version']).toString().split('\n', 1)[0];
const sizeAllowed = compiler.includes(' 3.1.6 ') ? 1 : 1.02;
const sha256 = (data) => createHash('sha256').update(data).digest('hex');

for (const { name, exports, kibMax, bytes } of modules) {
  test(`${name}.wasm imports two functions at most`, async () => {
    const imports = WebAssembly.Module.imports(await WebAssembly.compile(bytes));
    const known = [
      { module: 'env', name: 'emscripten_notify_memory_growth', kind: 'function' },
      { module: 'wasi_snapshot_preview1', name: 'proc_exit', kind: 'function' }, // not of Emscripten 3.1.69
    ];
    assert.deepEqual(imports, known.slice(0, imports.length));
    assert.ok(imports.length > 0);
  });

  test(`${name}.wasm exports its door, its memory and its initialiser`, async () => {
    const listed = readFileSync(join(root, 'wasm', exports), 'utf8').trim().split('\n');
    const module = await WebAssembly.compile(bytes);
    const names = WebAssembly.Module.exports(module).map((exported) => exported.name);
    const ours = listed.map((listedName) => listedName.slice(1));
    assert.deepEqual(
      names.filter((exported) => ours.includes(exported)).sort(),
      [...ours].sort(),
      `all of ${exports}`,
    );
    const rest = names.filter((exported) => !ours.includes(exported)).sort();
    assert.deepEqual(rest.filter((exported) => exported.startsWith('copse_')), []);
    assert.ok(rest.includes('memory') && rest.includes('_initialize'));
  });

  test(`${name}.wasm is at most ${kibMax} KiB as brotli`, () => {
    const params = {
      [constants.BROTLI_PARAM_QUALITY]: 11,
      [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
    };
    const size = brotliCompressSync(bytes, { params }).length;
    console.log(`report: ${name}.wasm: ${bytes.length} bytes, brotli -11 ${size} bytes`);
    assert.ok(size <= sizeAllowed * kibMax * 1024, `${size} bytes by ${compiler}`);
  });

  test(`${name}.wasm names no folder of the machine that built it`, () => {
    assert.doesNotMatch(bytes.toString('latin1'), /\/(home|work|tmp|usr|root)\/|\.cc\b/);
  });
}

test('a build from another folder gives the same bytes', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'copse-again-'));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const part of ['CMakeLists.txt', 'CMakePresets.json', 'core', 'wasm']) {
    cpSync(join(root, part), join(folder, part), {
      recursive: true,
      filter: (source) => !/[/\\](dist|node_modules)$/.test(source),
    });
  }
  const run = (command, ...args) => execFileSync(command, args, { cwd: folder, stdio: 'pipe' });
  run('cmake', '--preset', 'wasm', '-B', 'elsewhere', '-DCOPSE_TESTS=OFF');
  run('cmake', '--build', 'elsewhere', '--target', 'copse_wasm');
  for (const { name, bytes } of modules) {
    const again = sha256(readFileSync(join(folder, `wasm/dist/${name}.wasm`)));
    t.diagnostic(`${name}.wasm: sha256 ${again}`);
    assert.equal(again, sha256(bytes), `${name}: other bytes; or wasm/dist is older than the sources`);
  }
});
