/* global document */
// The entry that carries its module: from a page on disk, without a request, with a worker or without.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { brotliCompressSync, gunzipSync } from 'node:zlib';

import { errorCode, loadModel } from 'copse';
import * as inline from 'copse/inline';
import { build } from 'vite';

import { compressedModule } from '../../wasm/dist/embedded.js';
import { openBrowser, openPage } from '../web/support/browser.mjs';
import { fixtureNames, readFixture } from './support/fixtures.mjs';
import { iris, root } from './support/vectors.mjs';

const bytes = readFileSync(iris);
const rows = new Float64Array([5.1, 3.5, 1.4, 0.2, 6.3, 2.5, 5, 1.9]);
const small = readFileSync(new URL(import.meta.resolve('copse/copse.wasm')));

let folder;
let browser;
let script;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'copse-inline-'));
  script = await bundle();
  browser = await openBrowser();
});
after(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true });
});

/** What a page does with the entry, as one classic script that carries the model too. */
async function bundle() {
  const entry = join(folder, 'entry.js');
  writeFileSync(
    entry,
    `import { loadModel, openWorker } from 'copse/inline';
    const file = Uint8Array.from(atob('${bytes.toString('base64')}'), (c) => c.charCodeAt(0));
    const rows = Float64Array.from(${JSON.stringify(Array.from(rows))});
    async function answers() {
      const model = await loadModel(file);
      const here = model.predictProba(rows);
      const worker = await openWorker();
      const remote = await worker.client.load(file);
      const there = await remote.predictProba(rows);
      const refusal = await remote.predict('proba', [[1]]).catch((error) => error);
      worker.end();
      const { name, code, message } = refusal;
      return { here: [...here], there: [...there], ownThread: worker.ownThread, refusal: { name, code, message } };
    }
    answers().then((found) => found, (error) => ({ failed: String(error) })).then((found) => {
      document.body.textContent = JSON.stringify(found);
      document.body.dataset.done = 'yes';
    });`,
  );
  const [{ output }] = await build({
    configFile: false,
    logLevel: 'warn',
    root: folder,
    resolve: { alias: { 'copse/inline': join(root, 'wasm/dist/inline.js') } },
    build: { write: false, lib: { entry, formats: ['iife'], name: 'page' } },
  });
  assert.equal(output.length, 1, 'one script, no files beside it');
  return output[0].code.trim();
}

/** Opens the script in a page on disk under `policy`, and reads what it found. */
async function openFromDisk(policy) {
  const hash = createHash('sha256').update(script).digest('base64');
  const csp = policy.replace('SCRIPT', `'sha256-${hash}'`);
  const path = join(folder, 'page.html');
  writeFileSync(
    path,
    `<!doctype html><html lang="en"><meta charset="utf-8">
    <meta http-equiv="Content-Security-Policy" content="${csp}">
    <link rel="icon" href="data:,"><title>copse</title><body><script>${script}</script></body></html>`,
  );
  const { context, page, faults } = await openPage(browser, 'file:///');
  try {
    await page.goto(pathToFileURL(path).href);
    await page.locator('body[data-done]').waitFor();
    return { found: JSON.parse(await page.evaluate(() => document.body.textContent)), faults };
  } finally {
    await context.close();
  }
}

async function expected() {
  const model = await loadModel(bytes);
  const proba = [...model.predictProba(rows)];
  model.free();
  return proba;
}

test('the embedded module is copse.wasm', () => {
  assert.ok(small.equals(gunzipSync(Buffer.from(compressedModule, 'base64'))));
});

test('a script with the entry is at most 72 KiB as brotli, without the model in it', () => {
  const bare = Buffer.from(script.replace(bytes.toString('base64'), ''));
  const size = brotliCompressSync(bare).length;
  console.log(`report: a script with copse/inline: ${bare.length} bytes, brotli ${size} bytes`);
  assert.ok(bare.length < script.length && size <= 72 * 1024, `${size} bytes`);
});

test('the inline entry answers in Node as the other, in a call and through a client', async () => {
  const model = await inline.loadModel(bytes);
  assert.deepEqual([...model.predictProba(rows)], await expected());
  model.free();
  const { client, ownThread, end } = await inline.openWorker();
  assert.equal(ownThread, false);
  const remote = await client.load(bytes);
  assert.deepEqual([...(await remote.predictProba(rows))], await expected());
  const { bytes: pickle } = readFixture(fixtureNames().find((name) => name.startsWith('skl_rf')));
  await assert.rejects(client.import(new Uint8Array(pickle)), {
    name: 'ForestError',
    code: errorCode.unavailable,
    message: /^this page carries no importer/,
  });
  end();
  await assert.rejects(remote.predictProba(rows), { code: errorCode.unavailable });
  end();
});

test('a page on disk computes in a worker of its own, and asks nobody for anything', async () => {
  const { found, faults } = await openFromDisk(
    "default-src 'none'; img-src data:; script-src SCRIPT 'wasm-unsafe-eval'; worker-src blob:",
  );
  const proba = await expected();
  assert.deepEqual(found, {
    here: proba,
    there: proba,
    ownThread: true,
    refusal: {
      name: 'ForestError',
      code: errorCode.invalidInput,
      message: 'row 1 has 1 values: expected 4, the columns of this model',
    },
  });
  assert.deepEqual(faults, []);
});

test('where the policy allows no worker the page itself computes, through the same client', async () => {
  const { found } = await openFromDisk(
    "default-src 'none'; img-src data:; script-src SCRIPT 'wasm-unsafe-eval'",
  );
  const proba = await expected();
  assert.deepEqual(found.there, proba);
  assert.equal(found.ownThread, false);
});
