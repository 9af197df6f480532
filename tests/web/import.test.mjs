/* global DataTransfer, File, caches, document, window */
// A file of one's own: dropped or picked, imported here, asked at once, and saved. Without a server.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, test } from 'node:test';
import { gzipSync } from 'node:zlib';

import { loadModel } from 'copse';

import { fixtureNames, readFixture } from '../wasm/support/fixtures.mjs';
import { toDoubles } from '../wasm/support/npy.mjs';
import { iris, readCase, root } from '../wasm/support/vectors.mjs';
import { accessibilityFaults, eventually, openReadyPage } from './support/browser.mjs';
import { focusGoesTo } from './support/keyboard.mjs';
import { startService } from './support/service.mjs';
import { enterRow, percentText, readAnswer } from './support/shown.mjs';
import { useSite } from './support/site.mjs';

const program = process.env.COPSE_BIN ?? join(root, 'build/bin/copse');
const scratch = mkdtempSync(join(tmpdir(), 'copse-drop-'));
const forest = readFixture(fixtureNames().find((name) => name.startsWith('skl_rf')));

const site = useSite();

after(() => rmSync(scratch, { recursive: true }));

/** The bytes that the command line writes for a file. */
function native(path, ...options) {
  const out = join(scratch, 'native.safetensors');
  execFileSync(program, ['import', path, '-o', out, ...options], { stdio: 'pipe' });
  return readFileSync(out);
}

/** Waits until the service worker has what importing needs. */
async function keptForOffline(page) {
  await page.getByText('Ready to work offline').waitFor();
  const kept = () =>
    page.evaluate(async () => {
      const matches = (request) => /\/(copse-)?import-[^/]*$/.test(request.url);
      const opened = await Promise.all((await caches.keys()).map((name) => caches.open(name)));
      return (await Promise.all(opened.map((cache) => cache.keys()))).flat().filter(matches).length;
    });
  await eventually(async () => (await kept()) === 3, 'the importer in the cache', 20_000);
}

/** Drops files on the page, as a hand with a mouse does. */
async function drop(page, ...files) {
  const data = files.map(({ name, bytes }) => ({ name, bytes: [...bytes] }));
  const transfer = await page.evaluateHandle((dropped) => {
    const all = new DataTransfer();
    for (const { name, bytes } of dropped) all.items.add(new File([new Uint8Array(bytes)], name));
    return all;
  }, data);
  await page.dispatchEvent('.page', 'dragenter', { dataTransfer: transfer });
  await page.dispatchEvent('.page', 'dragover', { dataTransfer: transfer });
  assert.ok(await page.getByText('Drop a model, or a file of rows').isVisible());
  await page.dispatchEvent('.page', 'drop', { dataTransfer: transfer });
  assert.ok(!(await page.getByText('Drop a model, or a file of rows').isVisible()));
}

async function pick(page, name, bytes) {
  const chooser = page.waitForEvent('filechooser');
  await page.getByRole('button', { name: 'Open a model file' }).click();
  await (await chooser).setFiles({ name, mimeType: 'application/octet-stream', buffer: Buffer.from(bytes) });
}

const panel = (page) => page.getByRole('region', { name: /^(Imported from|Opened)/ });

async function download(page) {
  const saved = page.waitForEvent('download');
  await panel(page).getByRole('link', { name: /^Download/ }).click();
  const file = await saved;
  return { name: file.suggestedFilename(), bytes: readFileSync(await file.path()) };
}

/** What the binding says about a row in Node, as the page must show it. */
async function expectedAnswer(bytes, row) {
  const model = await loadModel(bytes);
  const { label, probabilities } = model.predictRow(row);
  model.free();
  return { label: String(label), bars: Object.entries(probabilities).map(([name, p]) => [name, percentText(p)]) };
}

test('with the server gone: drop a pickle, predict, save it, go back', async () => {
  const own = await startService();
  const { page, context, faults } = await openReadyPage(site.browser, own.url);
  await keptForOffline(page);
  await own.stop();
  await page.goto(own.url);
  await page.locator('.verdict-label').waitFor();
  faults.length = 0; // the browser complains that the server is gone

  await drop(page, { name: 'my forest.pkl', bytes: forest.bytes });
  await panel(page).waitFor();
  assert.equal(await page.locator('h1').textContent(), 'my forest');
  assert.match(await panel(page).textContent(), /Imported from my forest\.pkl.*kB became a model file of .*kB/);
  assert.match(await page.locator('.lead').textContent(), /Trained with scikit-learn/);
  const bytes = native(forest.path);
  const rows = toDoubles(forest.rows);
  const width = forest.rows.shape[1];
  const usable = (row) => row.every((x) => Number.isFinite(Math.fround(x)));
  const row = Array.from({ length: forest.rows.shape[0] }, (_, r) => [...rows.subarray(r * width, (r + 1) * width)]).find(usable);
  await enterRow(page, row);
  const expected = JSON.stringify(await expectedAnswer(bytes, row));
  await eventually(async () => JSON.stringify(await readAnswer(page)) === expected, `the answer ${expected}`);
  assert.equal(await page.getByRole('radio', { name: 'The server' }).count(), 0);

  const saved = await download(page);
  assert.equal(saved.name, 'my forest.safetensors');
  assert.ok(saved.bytes.equals(bytes), 'other bytes than copse import writes');

  await page.getByRole('button', { name: 'Back to iris' }).click();
  await page.getByRole('heading', { name: 'iris', exact: true }).waitFor();
  assert.equal(await panel(page).count(), 0);
  assert.equal(await page.evaluate(() => document.activeElement.id), 'model-name');
  await enterRow(page, [5.1, 3.5, 1.4, 0.2]);
  await eventually(async () => (await readAnswer(page)).label === 'setosa', 'setosa');
  assert.deepEqual(faults, []);
  await context.close();
});

test('a file of every library is imported and answers, and downloads as the command line writes it', async (t) => {
  const { page, context, faults } = await site.openReadyPage();
  for (const prefix of ['skl_', 'wrap_', 'xgb_', 'lgb_', 'onnx_', 'cat_']) {
    const fixture = readFixture(fixtureNames().find((name) => name.startsWith(prefix)));
    await t.test(fixture.name, async () => {
      const name = `${fixture.name}-${basename(fixture.path)}`;
      await pick(page, name, fixture.bytes);
      await page.getByRole('heading', { name: `Imported from ${name}` }).waitFor();
      await page.locator('.verdict-label').first().waitFor();
      assert.ok((await download(page)).bytes.equals(native(fixture.path)));
    });
  }
  assert.deepEqual(faults, []);
  await context.close();
});

test('a compressed file and a file of our own open too', async () => {
  const { page, context, faults } = await site.openReadyPage();
  await drop(page, { name: 'forest.pkl.gz', bytes: gzipSync(forest.bytes) });
  await page.getByRole('heading', { name: 'Imported from forest.pkl.gz' }).waitFor();
  assert.equal(await page.locator('h1').textContent(), 'forest');
  const wine = readCase('dt_wine');
  await pick(page, 'wine.safetensors', wine.model);
  await page.getByRole('heading', { name: 'Opened wine.safetensors' }).waitFor();
  assert.equal((await panel(page).textContent()).includes('became'), false);
  assert.ok((await download(page)).bytes.equals(wine.model));
  assert.deepEqual(faults, []);
  await context.close();
});

test('a bad file is one visible sentence, and the model stays', async () => {
  const { page, context, faults } = await site.openReadyPage();
  const alert = page.locator('.open').getByRole('alert');
  for (const [name, bytes, said] of [
    ['cut.pkl', forest.bytes.subarray(0, forest.bytes.length >> 1), /^cut\.pkl: .+\.$/],
    ['rows.txt', Buffer.from('1,2,3\n'), /^rows\.txt: .*no model.*\.$/],
    ['broken.safetensors', readFileSync(iris).subarray(0, 400), /^broken\.safetensors: .*header.*\.$/],
    ['model.xz', Buffer.from('\xfd7zXZ\0\0\x04', 'latin1'), /^model\.xz: this xz file .*compress=3/],
    ['empty.pkl', Buffer.alloc(0), /^empty\.pkl: .*empty/],
  ]) {
    await drop(page, { name, bytes });
    await eventually(async () => (await alert.count()) === 1 && said.test(await alert.textContent()), String(said));
    assert.ok(await alert.isVisible());
    assert.equal(await page.locator('h1').textContent(), 'iris');
  }
  await drop(page, { name: 'a.pkl', bytes: [1] }, { name: 'b.pkl', bytes: [2] });
  await page.getByText('2 files: expected one file at a time.').waitFor();
  await page.getByRole('button', { name: 'Close' }).click();
  assert.equal(await alert.count(), 0);
  assert.deepEqual(faults, []);
  await context.close();
});

test('the rounds of a booster that was stopped early can be chosen', async () => {
  const { page, context, faults } = await site.openReadyPage();
  const booster = readFixture('xgb_stopped_best');
  await pick(page, 'booster.json', booster.bytes);
  await panel(page).getByRole('list', { name: 'Warnings' }).getByText('all 6 are used').waitFor();
  assert.ok((await download(page)).bytes.equals(native(booster.path)));
  await page.getByRole('button', { name: 'Keep the best rounds only' }).click();
  await panel(page).getByText('the first 4 are used').waitFor();
  assert.ok((await download(page)).bytes.equals(native(booster.path, '--iterations', 'best')));
  await page.getByRole('button', { name: 'Use all rounds' }).click();
  await panel(page).getByText('all 6 are used').waitFor();
  assert.deepEqual(faults, []);
  await context.close();
});

/** A stump of LightGBM on the last of `n` features. */
function wideModel(n) {
  const names = Array.from({ length: n }, (_, f) => `x${f}`);
  return [
    'tree',
    'version=v3',
    'num_class=1',
    'num_tree_per_iteration=1',
    'label_index=0',
    `max_feature_idx=${n - 1}`,
    'objective=regression',
    `feature_names=${names.join(' ')}`,
    `feature_infos=${names.map(() => '[0:1]').join(' ')}`,
    '',
    'Tree=0',
    'num_leaves=2',
    'num_cat=0',
    `split_feature=${n - 1}`,
    'split_gain=1',
    'threshold=0.5',
    'decision_type=2',
    'left_child=-1',
    'right_child=-2',
    'leaf_value=10 20',
    'leaf_weight=1 1',
    'leaf_count=1 1',
    'internal_value=15',
    'internal_weight=2',
    'internal_count=2',
    'shrinkage=1',
    '',
    '',
    'end of trees',
    '',
  ].join('\n');
}

test('a model of many features shows a hundred fields, and all when asked', async () => {
  const { page, context, faults } = await site.openReadyPage();
  await pick(page, 'wide.txt', Buffer.from(wideModel(150)));
  await panel(page).waitFor();
  const fields = page.locator('input[type=number]');
  assert.equal(await fields.count(), 100);
  await page.getByRole('button', { name: 'Show all 150 features' }).press('Enter');
  await focusGoesTo(page, page.locator('.field').nth(100).locator('input').first(), 'the first that was not shown');
  assert.equal(await fields.count(), 150);
  await fields.last().fill('0.75');
  await eventually(async () => (await readAnswer(page)).label === '20', '20');
  await fields.last().fill('0.25');
  await eventually(async () => (await readAnswer(page)).label === '10', '10');
  assert.deepEqual(faults, []);
  await context.close();
});

test('the newest file wins', async () => {
  const { page, context, faults } = await site.openReadyPage();
  await pick(page, 'first.pkl', forest.bytes);
  await pick(page, 'second.pkl', forest.bytes);
  await page.getByRole('heading', { name: 'Imported from second.pkl' }).waitFor();
  await page.locator('.verdict-label').waitFor();
  assert.equal(await page.locator('h1').textContent(), 'second');
  assert.deepEqual(faults, []);
  await context.close();
});

test('the importer is fetched with the first file that needs it, and nothing is sent', async () => {
  const { page, context } = await site.openReadyPage({ serviceWorkers: 'block' });
  const asked = [];
  page.on('request', (request) => asked.push(`${request.method()} ${new URL(request.url()).pathname}`));
  await pick(page, 'forest.pkl', forest.bytes);
  await panel(page).waitFor();
  await page.locator('.verdict-label').waitFor();
  const kinds = asked.map((line) => line.replace(/-[\w-]{8}\./, '.')).filter((line) => !line.includes('/models')).sort();
  assert.deepEqual([...new Set(kinds)], ['GET /assets/copse-import.wasm', 'GET /assets/copse.wasm', 'GET /assets/import.js', 'GET /assets/model-worker.js']);
  await context.close();
});

test('without the importer the page says so', async () => {
  const { page, context } = await site.openReadyPage({ serviceWorkers: 'block' });
  await context.route(/\/copse-import-/, (route) => route.abort());
  await pick(page, 'forest.pkl', forest.bytes);
  await page.getByText(/forest\.pkl: .*cannot be fetched/).waitFor();
  await context.unroute(/\/copse-import-/);
  await pick(page, 'forest.pkl', forest.bytes);
  await panel(page).waitFor();
  await context.close();
});

test('a page without a model of its own opens one', async () => {
  const { page, context } = await site.openReadyPage({ serviceWorkers: 'block' });
  await context.route('**/models/iris.safetensors', (route) => route.fulfill({ status: 500, body: '' }));
  await page.reload();
  await page.getByRole('heading', { name: 'There is no model to ask' }).waitFor();
  await pick(page, 'forest.pkl', forest.bytes);
  await panel(page).waitFor();
  await context.unroute('**/models/iris.safetensors');
  await page.getByRole('button', { name: 'Close this model' }).click();
  await page.getByRole('heading', { name: 'iris', exact: true }).waitFor();
  await context.close();
});

test('the file can be picked by keyboard, and its result is heard', async () => {
  const { page, context } = await site.openReadyPage();
  const heard = [];
  await page.exposeFunction('hear', (text) => heard.push(text));
  await page.evaluate(() => {
    const status = document.querySelector('.open [role=status]');
    new window.MutationObserver(() => window.hear(status.textContent)).observe(status, { childList: true, characterData: true, subtree: true });
  });
  const chooser = page.waitForEvent('filechooser');
  await page.getByRole('button', { name: 'Open a model file' }).focus();
  await page.keyboard.press('Enter');
  await (await chooser).setFiles({ name: 'forest.pkl', mimeType: '', buffer: forest.bytes });
  await panel(page).waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Open a model file');
  await eventually(() => heard.some((text) => text.startsWith('Imported forest.pkl')), 'the announcement');
  assert.ok(heard.includes('Importing forest.pkl …'), heard.join('; '));
  await context.close();
});

for (const colorScheme of ['light', 'dark']) {
  for (const viewport of [{ width: 1280, height: 800 }, { width: 360, height: 740 }]) {
    test(`for everyone: ${colorScheme}, ${viewport.width} px`, async () => {
      const { page, context, faults } = await site.openReadyPage({ colorScheme, viewport, reducedMotion: 'reduce' });
      await pick(page, 'a-file-with-a-name-that-has-no-place-to-break.pkl', forest.bytes.subarray(0, 300));
      await page.locator('.open').getByRole('alert').waitFor();
      assert.deepEqual(await accessibilityFaults(page), []);
      await pick(page, 'a-file-with-a-name-that-has-no-place-to-break.pkl', forest.bytes);
      await panel(page).waitFor();
      await page.locator('.verdict-label').waitFor();
      assert.deepEqual(await accessibilityFaults(page), []);
      const [inner, outer] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
      assert.ok(inner <= outer, `the page is ${inner} wide in a window of ${outer}`);
      assert.deepEqual(faults, []);
      await context.close();
    });
  }
}
