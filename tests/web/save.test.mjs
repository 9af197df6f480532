/* global document, window */
// The page as one file: from disk, without any network, the same answers.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';

import { loadModel } from 'copse';
import { readCase } from '../wasm/support/vectors.mjs';
import { accessibilityFaults, eventually, openBrowser, openPage } from './support/browser.mjs';
import { completeForest } from './support/complete-forest.mjs';
import { answersInNode, finiteRows, fromCsv, irisLabels, irisNames, toCsv } from './support/rows.mjs';
import { startService } from './support/service.mjs';
import { enterRow, readAnswer } from './support/shown.mjs';

const row = [6.3, 3.3, 6.02, 2.5];
const folder = mkdtempSync(join(tmpdir(), 'copse-save-'));
let browser;
let service;

before(async () => {
  browser = await openBrowser();
  service = await startService();
});

after(async () => {
  await browser?.close();
  await service?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Presses the button, and keeps the file. */
async function save(page, name) {
  const saving = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Save as one HTML file' }).click();
  const download = await saving;
  const path = join(folder, `${Date.now()}-${name}`);
  await download.saveAs(path);
  await page.getByText('model and page in one file').waitFor();
  return { path, suggested: download.suggestedFilename() };
}

/** The saved file in a browser without a network. */
async function openSaved(path, options = {}) {
  const opened = await openPage(browser, 'file:///', options);
  await opened.context.setOffline(true);
  await opened.page.goto(pathToFileURL(path).href);
  await opened.page.locator('.verdict-label').waitFor();
  return opened;
}

async function saveIris() {
  const { page, context, faults } = await openPage(browser, service.url);
  await page.goto(service.url);
  await page.locator('.verdict-label').waitFor();
  await enterRow(page, row);
  const saved = await save(page, 'iris.html');
  assert.equal(saved.suggested, 'iris.html');
  assert.deepEqual(faults, []);
  await context.close();
  return saved.path;
}

/** Answers to rows of CSV with all their digits, as the panel writes them into a file. */
async function scoreRows(page, csv) {
  await page.getByRole('tab', { name: 'Score a file' }).click();
  const chooser = page.waitForEvent('filechooser');
  await page.getByRole('button', { name: 'Choose a file of rows' }).click();
  await (await chooser).setFiles({ name: 'rows.csv', mimeType: 'text/csv', buffer: Buffer.from(csv) });
  const saving = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Download predictions as CSV' }).click();
  return fromCsv(readFileSync(await (await saving).path(), 'utf8'));
}

test('saved, and opened from disk without a network: the row, the answer, Why, and a file of rows to the bit', async () => {
  const path = await saveIris();
  const { page, context, faults } = await openSaved(path);
  const { decisions: [k] } = await answersInNode('iris', [row]);
  await eventually(async () => (await readAnswer(page)).label === irisLabels[k], irisLabels[k]);
  assert.deepEqual(await page.locator('input[type=number]').evaluateAll((all) => all.map(({ value }) => Number(value))), row);
  await page.getByText('Works offline, from this file').waitFor();
  assert.equal(await page.getByRole('tab', { name: 'Server' }).count(), 0);
  assert.equal(await page.getByRole('radio').count(), 0);
  await page.getByRole('tab', { name: 'Why' }).click();
  await page.locator('.contributions .waterfall').waitFor();
  await page.locator('.tree-place').first().waitFor();
  const rows = finiteRows('iris').slice(0, 150);
  const { decisions, probabilities } = await answersInNode('iris', rows);
  const [header, ...lines] = await scoreRows(page, toCsv(irisNames, rows));
  assert.equal(lines.length, rows.length);
  const columns = irisLabels.map((label) => header.findIndex((name) => name.endsWith(label)));
  assert.ok(columns.every((c) => c >= 0), header.join());
  lines.forEach((cells, r) => {
    assert.ok(cells.includes(irisLabels[decisions[r]]), cells.join());
    assert.deepEqual(columns.map((c) => Number(cells[c])), probabilities[r], `row ${r}`);
  });
  assert.deepEqual(faults, []);
  await context.close();
});

test('its policy lets nothing in: no script, no style, no request', async () => {
  const { page, context, faults } = await openSaved(await saveIris());
  await page.evaluate(async () => {
    const script = document.createElement('script');
    script.textContent = 'window.broken = true';
    document.body.append(script);
    await fetch('http://127.0.0.1:9/').catch(() => {});
  });
  await eventually(() => faults.some((fault) => /connect-src/.test(fault)) && faults.some((fault) => /script-src/.test(fault)), 'two violations');
  assert.equal(await page.evaluate(() => window.broken), undefined);
  assert.ok(!faults.some((fault) => /outside request/.test(fault)), faults.join('\n'));
  await context.close();
});

test('names of a model cannot break out of the page', async () => {
  const names = ['</script><script>window.broken=1</script>', '<!--<script>', '$& $` \u2028 "\'\\', '</SCRIPT >'];
  const bytes = completeForest({ nTrees: 3, depth: 3, names });
  const { page, context, faults } = await openPage(browser, service.url);
  await page.goto(service.url);
  await page.locator('.verdict-label').waitFor();
  const chooser = page.waitForEvent('filechooser');
  await page.getByRole('button', { name: 'Open a model file' }).click();
  await (await chooser).setFiles({ name: 'a <b> & c.safetensors', mimeType: 'application/octet-stream', buffer: bytes });
  await page.getByRole('heading', { name: 'a <b> & c', exact: true }).waitFor();
  const values = [0.25, 0.5, 0.75, 0.125];
  await enterRow(page, values);
  const { path, suggested } = await save(page, 'names.html');
  assert.equal(suggested, 'a-b-c.html');
  assert.deepEqual(faults, []);
  await context.close();
  const slot = /<script type="application\/json" id="saved-model">(.*?)<\/script>/s.exec(readFileSync(path, 'utf8'))[1];
  assert.ok(!slot.includes('<'), 'nothing in the data looks like an element');
  assert.equal(Buffer.from(JSON.parse(slot).model, 'base64').compare(bytes), 0, 'the file is the one that was opened');

  const saved = await openSaved(path);
  await saved.page.getByRole('heading', { name: 'a <b> & c', exact: true }).waitFor();
  for (const name of names.slice(0, 2)) await saved.page.getByText(name, { exact: true }).first().waitFor();
  const model = await loadModel(bytes);
  const [value] = model.predict('predict', [values]);
  model.free();
  await eventually(async () => (await readAnswer(saved.page)).label === value.toLocaleString('en', { maximumSignificantDigits: 6 }), String(value));
  assert.equal(await saved.page.evaluate(() => window.broken), undefined);
  assert.deepEqual(saved.faults, []);
  await saved.context.close();
});

test('missing values, categories and several outputs are saved as well', async () => {
  for (const name of ['hgb_cancer_categorical', 'dt_linnerud', 'hgb_wine_nan']) {
    const { modelPath, model } = readCase(name);
    const own = await startService({ model: `m=${modelPath}` });
    try {
      const { page, context, faults } = await openPage(browser, own.url);
      await page.goto(own.url);
      await page.locator('.verdict-label').first().waitFor();
      if (name === 'hgb_wine_nan') {
        const before = await page.locator('.outputs').textContent();
        await page.locator('.missing input').first().check();
        await eventually(async () => (await page.locator('.outputs').textContent()) !== before, 'another answer');
      }
      const shown = await page.locator('.outputs').textContent();
      const { path } = await save(page, `${name}.html`);
      assert.deepEqual(faults, []);
      await context.close();
      assert.ok(readFileSync(path).includes(model.toString('base64')));
      const saved = await openPage(browser, 'file:///');
      await saved.context.setOffline(true);
      await saved.page.goto(pathToFileURL(path).href);
      await eventually(async () => (await saved.page.locator('.outputs').textContent()) === shown, `${name}: ${shown}`);
      if (name === 'hgb_wine_nan') assert.ok(await saved.page.locator('.missing input').first().isChecked());
      assert.deepEqual(saved.faults, []);
      await saved.context.close();
    } finally {
      await own.stop();
    }
  }
});

test('a page that works offline can be saved there; one that cannot says why', async () => {
  const own = await startService();
  const { page, context } = await openPage(browser, own.url);
  await page.goto(own.url);
  await page.getByText('Ready to work offline').waitFor();
  await eventually(() => page.evaluate(async () => {
    const kept = await Promise.all((await window.caches.keys()).map(async (name) => (await (await window.caches.open(name)).keys()).map(({ url }) => url)));
    return kept.flat().some((url) => url.endsWith('page-template.html'));
  }), 'the template is kept', 20_000);
  await own.stop();
  await page.reload();
  await page.locator('.verdict-label').waitFor();
  const { path } = await save(page, 'offline.html');
  const saved = await openSaved(path);
  assert.deepEqual(saved.faults, []);
  await saved.context.close();
  await context.close();

  const other = await openPage(browser, service.url, { serviceWorkers: 'block' });
  await other.context.route('**/page-template.html', (route) => route.fulfill({ status: 500 }));
  await other.page.goto(service.url);
  await other.page.locator('.verdict-label').waitFor();
  await other.page.getByRole('button', { name: 'Save as one HTML file' }).click();
  await other.page.getByText('The page cannot be saved: page-template.html answered with status 500.').waitFor();
  assert.deepEqual(await accessibilityFaults(other.page), []);
  await other.context.close();
});

test('by keyboard alone, and what a saved page cannot do is a sentence', async () => {
  const { page, context } = await openPage(browser, service.url);
  await page.goto(service.url);
  await page.locator('.verdict-label').waitFor();
  await page.getByRole('button', { name: 'Copy a link to this row' }).focus();
  await page.keyboard.press('Tab');
  const saving = page.waitForEvent('download');
  await page.keyboard.press('Enter');
  const path = join(folder, 'keyboard.html');
  await (await saving).saveAs(path);
  await context.close();
  const saved = await openSaved(path);
  const chooser = saved.page.waitForEvent('filechooser');
  await saved.page.getByRole('button', { name: 'Open a model file' }).click();
  await (await chooser).setFiles({ name: 'model.json', mimeType: 'application/json', buffer: Buffer.from('{"learner":{}}') });
  await saved.page.getByText('this page carries no importer').waitFor();
  await saved.context.close();
});

for (const colorScheme of ['light', 'dark']) {
  for (const viewport of [{ width: 1280, height: 800 }, { width: 360, height: 740 }]) {
    test(`a saved page is for everyone: ${colorScheme}, ${viewport.width} px`, async () => {
      const { page, context, faults } = await openSaved(await saveIris(), { colorScheme, viewport, reducedMotion: 'reduce' });
      assert.deepEqual(await accessibilityFaults(page), []);
      if (process.env.COPSE_SHOTS) await page.screenshot({ path: join(process.env.COPSE_SHOTS, `saved-${colorScheme}-${viewport.width}.png`), fullPage: true });
      assert.deepEqual(faults, []);
      await context.close();
    });
  }
}
