// What copse.wasm asks for, what it gives, how large it is, and that anybody can build it again.
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

const path = fileURLToPath(import.meta.resolve('copse/copse.wasm'));
const bytes = readFileSync(path);
const sha256 = (data) => createHash('sha256').update(data).digest('hex');

test('the module imports two functions and no more', async () => {
  assert.deepEqual(WebAssembly.Module.imports(await WebAssembly.compile(bytes)), [
    { module: 'env', name: 'emscripten_notify_memory_growth', kind: 'function' },
    { module: 'wasi_snapshot_preview1', name: 'proc_exit', kind: 'function' },
  ]);
});

test('the module exports the C door, its memory and its initialiser', async () => {
  const listed = readFileSync(join(root, 'wasm/exports.txt'), 'utf8').trim().split('\n');
  const module = await WebAssembly.compile(bytes);
  const names = WebAssembly.Module.exports(module).map(({ name }) => name);
  const ours = listed.map((name) => name.slice(1));
  assert.deepEqual(
    names.filter((name) => ours.includes(name)).sort(),
    [...ours].sort(),
    'all of exports.txt',
  );
  const rest = names.filter((name) => !ours.includes(name)).sort();
  assert.deepEqual(rest.filter((name) => name.startsWith('copse_')), []);
  assert.ok(rest.includes('memory') && rest.includes('_initialize'));
});

test('the module is at most 40 KiB as brotli', (t) => {
  const params = {
    [constants.BROTLI_PARAM_QUALITY]: 11,
    [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
  };
  const size = brotliCompressSync(bytes, { params }).length;
  t.diagnostic(`copse.wasm: ${bytes.length} bytes, brotli -11 ${size} bytes`);
  assert.ok(size <= 40 * 1024, `${size} bytes`);
});

test('the module names no folder of the machine that built it', () => {
  assert.doesNotMatch(bytes.toString('latin1'), /\/(home|work|tmp|usr|root)\/|\.cc\b/);
});

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
  const again = sha256(readFileSync(join(folder, 'wasm/dist/copse.wasm')));
  t.diagnostic(`sha256 ${again}`);
  assert.equal(again, sha256(bytes), 'other bytes; or wasm/dist is older than the sources');
});
