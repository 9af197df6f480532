/* global caches */
// Loaded once, every panel works without a network and without the server.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';

import { loadModel } from 'copse';

import { readCase } from '../wasm/support/vectors.mjs';
import { eventually, openBrowser, openReadyPage } from './support/browser.mjs';
import { answersInNode, finiteRows, irisLabels, irisNames, toCsv } from './support/rows.mjs';
import { startService } from './support/service.mjs';
import { enterRow, giveFile, readAnswer } from './support/shown.mjs';

let browser;

before(async () => {
  browser = await openBrowser();
});

after(() => browser?.close());

/** Waits until the service worker has all files that it names. */
async function everythingKept(page, url) {
  const [, list] = /copsePrecache=(\{.*?\});/.exec(await (await fetch(`${url}sw.js`)).text());
  const { files, rest } = JSON.parse(list);
  const names = [...files, ...rest];
  assert.ok(names.some((name) => name.includes('panel-compare')) && names.includes('page-template.html'), names.join());
  await eventually(() => page.evaluate(async (wanted) => {
    const found = await Promise.all(wanted.map((name) => caches.match(name)));
    return found.every((response) => response !== undefined);
  }, names), 'all files are kept', 20_000);
}

/** What asked the network in vain, but for what asks the server first and has a copy: the page and the models. */
function watchFailures(context, url) {
  const failed = [];
  context.on('requestfailed', (request) => {
    const { pathname } = new URL(request.url());
    const mayTry = request.method() === 'GET' && /^\/(index\.html|models|models\/.*)?$/.test(pathname);
    if (!request.url().startsWith(url) || !mayTry) failed.push(`${request.method()} ${request.url()}: ${request.failure()?.errorText}`);
  });
  return failed;
}

test('without a network and a server every panel does its work', async () => {
  const service = await startService();
  let opened;
  try {
    opened = await openReadyPage(browser, service.url, { reducedMotion: 'reduce' });
    await opened.page.getByText('Ready to work offline').waitFor();
    await everythingKept(opened.page, service.url);
  } finally {
    await service.stop();
  }
  const { page, context, faults } = opened;
  await assert.rejects(fetch(service.url), 'the server must be gone');
  await context.setOffline(true);
  const failed = watchFailures(context, service.url);
  // A new page: nothing of the panels is in its memory.
  await page.reload();
  await page.locator('.verdict-label').waitFor();

  for (const [row, label] of [[[6.3, 3.3, 6.0, 2.5], 'virginica'], [[5.1, 3.5, 1.4, 0.2], 'setosa']]) {
    await enterRow(page, row);
    await eventually(async () => (await readAnswer(page)).label === label, label);
  }

  await page.getByRole('tab', { name: 'Why' }).click();
  await page.locator('.contributions .waterfall tbody tr').first().waitFor();
  await page.locator('.tree-place').first().waitFor();

  await page.getByRole('tab', { name: 'What if' }).click();
  await page.locator('.nearest-found[aria-busy=false] .change').first().waitFor();
  await page.locator('.small-curve').first().waitFor();
  const colours = () => page.locator('.regions canvas').evaluate((canvas) => {
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    return new Set(new Uint32Array(data.buffer)).size;
  });
  await eventually(async () => (await colours()) >= 3, 'a map of three classes');

  await page.getByRole('tab', { name: 'Score a file' }).click();
  const rows = finiteRows('iris').slice(0, 12);
  const { decisions } = await answersInNode('iris', rows);
  await giveFile(page, 'Choose a file of rows', 'rows.csv', Buffer.from(toCsv(irisNames, rows)));
  await page.getByText('12 rows in').waitFor();
  await page.locator('.rows tbody tr').nth(11).waitFor();
  assert.deepEqual(await page.locator('.row-answer').allTextContents(), decisions.map((k) => irisLabels[k]));

  await page.getByRole('tab', { name: 'Compare' }).click();
  await giveFile(page, 'Choose the second model', 'gb_iris.safetensors', readCase('gb_iris').model);
  await page.getByText('iris beside gb_iris').waitFor();
  const answers = page.locator('.both-answer td');
  await answers.first().waitFor();
  const [mine, theirs] = await answers.allTextContents();
  assert.equal(mine, 'setosa');
  const other = await loadModel(readCase('gb_iris').model);
  assert.ok(other.description.outputs[0].labels.map(String).includes(theirs), `the second model answers '${theirs}'`);
  other.free();

  await page.getByRole('tab', { name: 'Predict' }).click();
  const saving = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Save as one HTML file' }).click();
  const saved = await saving;
  assert.equal(saved.suggestedFilename(), 'iris.html');
  assert.ok(readFileSync(await saved.path(), 'utf8').includes('id="saved-model"'));
  await page.getByText('model and page in one file').waitFor();

  assert.deepEqual(failed, []);
  assert.deepEqual(faults, []);
  await context.close();
});
