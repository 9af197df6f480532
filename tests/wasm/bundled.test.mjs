/* global document */
// The packed package in a project that Vite builds, and that project in Chromium under a strict
// policy: on the page's thread and in a worker, without a request to anywhere else.
import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { after, before, test } from 'node:test';

import { loadModel } from 'copse';
import { build } from 'vite';

import { openBrowser, openPage } from '../web/support/browser.mjs';
import { fixtureNames, readFixture } from './support/fixtures.mjs';
import { packedProject } from './support/packed.mjs';
import { siteOf } from './support/site-of.mjs';
import { iris } from './support/vectors.mjs';

const row = [6.3, 2.5, 5, 1.9];
const forest = readFixture(fixtureNames().find((name) => name.startsWith('skl_rf')));

let project;
let browser;
before(async () => {
  project = packedProject();
  browser = await openBrowser();
});
after(async () => {
  await browser?.close();
  project?.remove();
});

/**
 * What `answer(file)` of `source` resolves to on a page that was built with it, and which files of
 * the built site were asked for.
 */
async function answerOf(source, options) {
  const { folder } = project;
  writeFileSync(join(folder, 'main.js'), `${source}
    answer().then((found) => found, (error) => ({ failed: String(error) })).then((found) => {
      document.body.textContent = JSON.stringify(found);
      document.body.dataset.done = 'yes';
    });`);
  const head = '<meta charset="utf-8"><title>copse</title><link rel="icon" href="data:,">';
  const page = `<!doctype html><html lang="en"><head>${head}</head><body>`;
  writeFileSync(join(folder, 'index.html'), `${page}<script type="module" src="./main.js"></script>`);
  await build({
    ...{ configFile: false, logLevel: 'warn', root: folder, base: './' },
    worker: { format: 'es' },
    build: { target: 'es2022', assetsInlineLimit: 0, emptyOutDir: true },
  });
  const dist = join(folder, 'dist');
  copyFileSync(iris, join(dist, 'iris.safetensors'));
  copyFileSync(forest.path, join(dist, 'forest.pkl'));
  const site = await siteOf(dist, options);
  try {
    const opened = await openPage(browser, site.url);
    await opened.page.goto(site.url);
    await opened.page.locator('body[data-done]').waitFor();
    const found = JSON.parse(await opened.page.evaluate(() => document.body.textContent));
    await opened.context.close();
    assert.deepEqual(opened.faults, []);
    const asked = site.asked.map((path) => basename(path).replace(/-[\w-]{8}(\.\w+)$/, '$1'));
    return { found, asked: asked.sort(), built: readdirSync(join(dist, 'assets')) };
  } finally {
    await site.stop();
  }
}

async function probabilities() {
  const model = await loadModel(readFileSync(iris));
  const answer = Array.from(model.predictProba([row]));
  model.free();
  return answer;
}

test('on the page it fetches the fast module and the model, and nothing else', async () => {
  const { found, asked } = await answerOf(`
    import { loadModel } from 'copse';
    async function answer() {
      const model = await loadModel('iris.safetensors');
      return Array.from(model.predictProba([${JSON.stringify(row)}]));
    }`);
  assert.deepEqual(found, await probabilities());
  assert.deepEqual(asked, ['', 'copse-fast.wasm', 'index.js', 'iris.safetensors']);
});

test('a page takes the small module by its name', async () => {
  const { found, asked } = await answerOf(`
    import { loadModel } from 'copse';
    import small from 'copse/copse.wasm?url';
    async function answer() {
      const model = await loadModel('iris.safetensors', { wasm: small });
      return Array.from(model.predictProba([${JSON.stringify(row)}]));
    }`);
  assert.deepEqual(found, await probabilities());
  assert.deepEqual(asked, ['', 'copse.wasm', 'index.js', 'iris.safetensors']);
});

test('a worker predicts, imports, and its errors are those of the page', async () => {
  const { found, asked } = await answerOf(`
    import { ForestError } from 'copse';
    import { ForestWorker } from 'copse/client';
    const bytesOf = async (path) => new Uint8Array(await (await fetch(path)).arrayBuffer());
    async function answer() {
      const worker = new Worker(new URL('copse/worker', import.meta.url), { type: 'module' });
      const client = new ForestWorker(worker);
      const model = await client.load(await bytesOf('iris.safetensors'));
      const proba = Array.from(await model.predictProba([${JSON.stringify(row)}]));
      const imported = await client.import(await bytesOf('forest.pkl'));
      const error = await model.predict('proba', [[1, 2, 3, 'x']]).catch((cause) => cause);
      const { name, code, message, detail } = error;
      worker.terminate();
      return { proba, kind: imported.source.kind, isOurs: error instanceof ForestError, error: { name, code, message, detail } };
    }`);
  const model = await loadModel(readFileSync(iris));
  let here;
  assert.throws(() => model.predict('proba', [[1, 2, 3, 'x']]), (error) => {
    const { name, code, message, detail } = error;
    here = { name, code, message, detail };
    return true;
  });
  model.free();
  assert.deepEqual(found, {
    proba: await probabilities(),
    kind: 'scikit-learn',
    isOurs: true,
    error: here,
  });
  const modules = asked.filter((file) => file.endsWith('.wasm'));
  assert.deepEqual(modules, ['copse-import.wasm', 'copse.wasm']);
});

test('the inline entry needs neither connect-src nor a file beside the script', async () => {
  const { found, asked, built } = await answerOf(
    `import { loadModel } from 'copse/inline';
    const file = Uint8Array.from(atob('${readFileSync(iris).toString('base64')}'), (c) => c.charCodeAt(0));
    async function answer() {
      const model = await loadModel(file);
      return Array.from(model.predictProba([${JSON.stringify(row)}]));
    }`,
    { policy: "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; img-src data:" },
  );
  assert.deepEqual(found, await probabilities());
  assert.deepEqual(asked, ['', 'index.js']);
  assert.equal(built.length, 1);
});
