// What a first visit costs, and that the build is the same every time.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { test } from 'node:test';
import { brotliCompressSync, brotliDecompressSync, gunzipSync } from 'node:zlib';

import { iris, root } from '../wasm/support/vectors.mjs';
import { builtPage } from './support/service.mjs';
import { useSite } from './support/site.mjs';

const kib = 1024;
const budgets = { '.js': 60 * kib, '.css': 12 * kib, '.wasm': 48 * kib };
/** What the first panel does without, and no first visit fetches. */
const later = /\/(copse-fast|(copse-)?import|panel)-[^/]*$/;
const laterMax = 120 * kib;
const firstLoadMax = 100 * kib;

const site = useSite();

function filesUnder(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/** Bytes of a file on its way: compressed where the build left a compressed one beside it. */
function sentBytes(path) {
  return readFileSync(`${path}.br`).length;
}

test('each kind of file keeps to its budget', () => {
  const page = filesUnder(builtPage).filter((path) => !path.includes('apidocs'));
  for (const [extension, budget] of Object.entries(budgets)) {
    const files = page.filter((path) => extname(path) === extension && !later.test(path));
    assert.ok(files.length > 0, `there is no ${extension}`);
    const bytes = files.reduce((total, path) => total + sentBytes(path), 0);
    assert.ok(bytes <= budget, `${extension}: ${bytes} bytes as brotli, at most ${budget}`);
  }
  const files = page.filter((path) => ['.js', '.wasm'].includes(extname(path)) && later.test(path));
  assert.equal(files.filter((path) => extname(path) === '.wasm').length, 3);
  for (const part of ['import', 'panel-score', 'panel-score-worker', 'panel-why', 'panel-server']) {
    assert.equal(files.filter((path) => new RegExp(`/${part}-[\\w-]{8}\\.js$`).test(path)).length, 1, part);
  }
  for (const path of files) {
    const bytes = sentBytes(path);
    assert.ok(bytes <= laterMax, `${path}: ${bytes} bytes as brotli, at most ${laterMax}`);
  }
});

test('the first load is under 100 KiB', async () => {
  const { page, context, faults } = await site.openPage();
  const paths = new Set();
  context.on('request', (request) => paths.add(new URL(request.url()).pathname));
  await page.goto(site.url);
  await page.getByText('Ready to work offline').waitFor();
  assert.deepEqual([...paths].filter((path) => later.test(path)), [], 'no part of a first load');
  assert.ok(paths.has('/models/iris.safetensors') && [...paths].some((path) => path.endsWith('.wasm')), [...paths].join(' '));
  let bytes = 0;
  for (const path of [...paths].filter((sent) => !later.test(sent))) {
    if (path === '/models/iris.safetensors') bytes += brotliCompressSync(readFileSync(iris)).length;
    else if (path === '/models') bytes += (await (await fetch(new URL(path, site.url))).arrayBuffer()).byteLength;
    else bytes += sentBytes(join(builtPage, path === '/' ? 'index.html' : path));
  }
  assert.ok(bytes < firstLoadMax, `${bytes} bytes: ${[...paths].join(' ')}`);
  console.log(`report: first load ${bytes} bytes as brotli in ${paths.size} files`);
  assert.deepEqual(faults, []);
  await context.close();
});

test('compressed files hold what they stand beside', () => {
  const files = filesUnder(builtPage);
  const plain = files.filter((path) => !['.br', '.gz', '.png'].includes(extname(path)));
  assert.ok(plain.length >= 10);
  for (const path of plain) {
    const bytes = readFileSync(path);
    assert.deepEqual(brotliDecompressSync(readFileSync(`${path}.br`)), bytes, path);
    assert.deepEqual(gunzipSync(readFileSync(`${path}.gz`)), bytes, path);
  }
});

test('the service sends them', async () => {
  for (const [accept, sent] of [['br', 'br'], ['gzip', 'gzip'], ['identity', null]]) {
    const response = await fetch(site.url, { headers: { 'Accept-Encoding': accept } });
    assert.equal(response.headers.get('content-encoding'), sent);
    assert.match(await response.text(), /<title>Copse/);
  }
});

test('the same sources give the same bytes', () => {
  const folder = mkdtempSync(join(tmpdir(), 'copse-web-'));
  try {
    execFileSync('node', [join(root, 'web/tools/build.mjs'), folder], { stdio: 'pipe' });
    const digest = (base) =>
      filesUnder(base).map((path) => `${createHash('sha256').update(readFileSync(path)).digest('hex')} ${path.slice(base.length)}`);
    const [again, built] = [digest(folder), digest(builtPage)];
    assert.deepEqual(again.filter((line) => !built.includes(line)), [], 'files of the second build (is build/web up to date?)');
    assert.equal(again.length, built.length);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
