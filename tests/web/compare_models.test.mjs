/* global DataTransfer, document, File */
// Two models beside one another: their answers, and a file of rows through both.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { loadModel } from 'copse';

import { readCase } from '../wasm/support/vectors.mjs';
import { accessibilityFaults, eventually } from './support/browser.mjs';
import { focusGoesTo, giveFileByKey, tabPanel, tabTo } from './support/keyboard.mjs';
import { answersInNode, finiteRows, irisLabels, irisNames, toCsv } from './support/rows.mjs';
import { giveFile, percentText } from './support/shown.mjs';
import { useSite } from './support/site.mjs';

const site = useSite();

/** Opens a vector's model beside iris. */
async function openBeside(name, options) {
  const opened = await site.openReadyPage({ reducedMotion: 'reduce', ...options });
  const { page } = opened;
  await page.getByRole('tab', { name: 'Compare' }).click();
  await giveFile(page, 'Choose the second model', `${name}.safetensors`, readCase(name).model);
  await page.locator('.compare-row').waitFor();
  return opened;
}

/** Names of the features of a vector's model. */
async function namesOf(name) {
  const model = await loadModel(readCase(name).model);
  const names = model.description.features.map((feature) => feature.name);
  model.free();
  return names;
}

test('a model beside itself says the same, and its worker ends when it is closed', async () => {
  const { page, context, faults } = await openBeside('iris');
  await page.getByText('All 4 features have the same names in both').waitFor();
  await page.getByText('both say the same').waitFor();
  const differences = await page.locator('.both tbody tr').evaluateAll((rows) => rows.map((one) => one.cells[3].textContent));
  assert.deepEqual(differences.slice(1), ['0 %', '0 %', '0 %']);
  const workers = page.workers().length;
  await page.getByRole('button', { name: 'Close iris (second)' }).click();
  await page.getByRole('button', { name: 'Choose the second model' }).waitFor();
  await eventually(() => page.workers().length === workers - 1, 'the end of the worker');
  assert.deepEqual(faults, []);
  await context.close();
});

test('features that only one of them has are named', async () => {
  const { page, context, faults } = await openBeside('gb_iris');
  const names = await namesOf('gb_iris');
  const only = names.filter((name) => !irisNames.includes(name));
  assert.ok(only.length > 0, 'the vector names its features otherwise');
  const said = await page.locator('.compare-unmatched').textContent();
  for (const name of [...only, ...irisNames]) assert.ok(said.includes(name), `${name} in: ${said}`);
  assert.deepEqual(faults, []);
  await context.close();
});

test('a file through both: agreement, matrix, accuracy and the rows that differ, as counted here', async () => {
  const rows = finiteRows('gb_iris');
  const others = await namesOf('gb_iris');
  const here = await answersInNode('iris', rows);
  const there = await answersInNode('gb_iris', rows);
  const model = await loadModel(readCase('gb_iris').model);
  const theirLabels = model.description.outputs[0].labels.map(String);
  model.free();
  const truths = here.decisions.map((k, r) => irisLabels[r % 9 === 0 ? (k + 1) % 3 : k]);
  const csv = toCsv([...irisNames, ...others, 'species'], rows.map((row, r) => [...row, ...row, truths[r]]));
  const { page, context, faults } = await openBeside('gb_iris');
  await giveFile(page, 'Choose a file of rows', 'rows.csv', Buffer.from(csv));
  await page.locator('.compare-matrix').waitFor();
  await page.getByText(`${rows.length} rows of rows.csv answered by both`).waitFor();
  const fact = (name) => page.locator('.compare-fact', { hasText: name }).locator('dd').textContent();
  const same = here.decisions.filter((k, r) => irisLabels[k] === theirLabels[there.decisions[r]]).length;
  assert.equal(await fact('They agree'), percentText(same / rows.length));
  const right = here.decisions.filter((k, r) => irisLabels[k] === truths[r]).length;
  await eventually(async () => (await page.locator('.compare-fact').count()) === 3, 'the accuracies');
  assert.equal(await fact('Accuracy of iris'), percentText(right / rows.length));
  const counts = irisLabels.map(() => theirLabels.map(() => 0));
  here.decisions.forEach((k, r) => ++counts[k][there.decisions[r]]);
  const matrix = await page.locator('.compare-matrix tbody tr').evaluateAll((all) => all.map((one) => Array.from(one.cells).slice(1).map((cell) => Number(cell.textContent))));
  assert.deepEqual(matrix, counts);
  const shown = await page.locator('.compare-different tbody tr').evaluateAll((all) => all.slice(0, 10).map((one) => Array.from(one.cells, (cell) => cell.textContent)));
  for (const [number, a, b] of shown) {
    const r = Number(number) - 1;
    assert.deepEqual([a, b], [irisLabels[here.decisions[r]], theirLabels[there.decisions[r]]], `row ${number}`);
  }
  assert.deepEqual(faults, []);
  await context.close();
});

test('two models of numbers and NDJSON rows: the differences are those counted here', async () => {
  const [one, two] = ['gb_diabetes_huber', 'gb_diabetes_quantile'];
  const rows = finiteRows(one).slice(0, 60);
  const names = await namesOf(one);
  const [here, there] = [await answersInNode(one, rows), await answersInNode(two, rows)];
  const differences = here.decisions.map((x, r) => Math.abs(there.decisions[r] - x));
  const { page, context, faults } = await site.openReadyPage({ reducedMotion: 'reduce' });
  await giveFile(page, 'Open a model file', `${one}.safetensors`, readCase(one).model);
  await page.locator('h1', { hasText: one }).waitFor();
  await page.getByRole('tab', { name: 'Compare' }).click();
  await giveFile(page, 'Choose the second model', `${two}.safetensors`, readCase(two).model);
  await page.locator('.compare-row').waitFor();
  const lines = rows.map((row) => JSON.stringify(Object.fromEntries(names.map((name, f) => [name, row[f]]))));
  await giveFile(page, 'Choose a file of rows', 'rows.ndjson', Buffer.from(lines.join('\n')));
  await page.getByText(`${rows.length} rows of rows.ndjson answered by both`).waitFor();
  const fact = async (name) => Number((await page.locator('.compare-fact', { hasText: name }).locator('dd').textContent()).replaceAll(',', ''));
  const near = (x, expected) => Math.abs(x - expected) <= 1e-3 * Math.abs(expected);
  assert.ok(near(await fact('Largest difference'), Math.max(...differences)));
  assert.ok(near(await fact('Mean difference'), differences.reduce((sum, x) => sum + x, 0) / rows.length));
  const most = Number(await page.locator('.compare-different tbody tr').first().locator('a, th, td, button').first().textContent());
  assert.equal(differences[most - 1], Math.max(...differences), 'the row that differs most comes first');
  assert.deepEqual(faults, []);
  await context.close();
});

test('a second model and a file of rows can be dropped', async () => {
  const { page, context, faults } = await site.openReadyPage({ reducedMotion: 'reduce' });
  await page.getByRole('tab', { name: 'Compare' }).click();
  await page.getByRole('button', { name: 'Choose the second model' }).waitFor();
  const drop = async (name, bytes) => {
    const data = await page.evaluateHandle(([file, content]) => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([Uint8Array.from(content)], file));
      return transfer;
    }, [name, Array.from(bytes)]);
    await page.dispatchEvent('body', 'drop', { dataTransfer: data });
  };
  await drop('gb_iris.safetensors', readCase('gb_iris').model);
  await page.getByText('iris beside gb_iris').waitFor();
  const others = await namesOf('gb_iris');
  const rows = finiteRows('gb_iris').slice(0, 25);
  await drop('rows.csv', Buffer.from(toCsv([...irisNames, ...others], rows.map((row) => [...row, ...row]))));
  await page.getByText('25 rows of rows.csv answered by both').waitFor();
  assert.deepEqual(faults, []);
  await context.close();
});

test('what is no model, and a file without the columns, are one sentence each', async () => {
  const { page, context, faults } = await site.openReadyPage();
  await page.getByRole('tab', { name: 'Compare' }).click();
  await giveFile(page, 'Choose the second model', 'no.bin', Buffer.from('no model at all'));
  const alert = page.locator('.compare-choose').getByRole('alert');
  await alert.waitFor();
  assert.match(await alert.textContent(), /^no\.bin cannot be opened: .+\.$/);
  await giveFile(page, 'Choose the second model', 'iris.safetensors', readFileSync(readCase('iris').modelPath));
  await page.locator('.compare-row').waitFor();
  await giveFile(page, 'Choose a file of rows', 'names.csv', Buffer.from('a,b,c,d\n1,2,3,4'));
  await page.locator('.compare-rows').getByText(/has no column 's_length'/).waitFor();
  assert.deepEqual(faults, []);
  await context.close();
});

test('by keyboard alone: the second model and the rows are files, both answers and the agreement are shown', async () => {
  const { page, context, faults } = await site.openReadyPage({ reducedMotion: 'reduce' });
  await tabPanel(page, 'Compare');
  await giveFileByKey(page, 'Choose the second model', { name: 'gb_iris.safetensors', buffer: readCase('gb_iris').model });
  await focusGoesTo(page, page.getByRole('heading', { name: 'iris beside gb_iris' }), 'both names');
  await page.locator('.both-answer').waitFor();
  assert.deepEqual((await page.locator('.both thead th').allTextContents()).slice(1, 3), ['iris', 'gb_iris']);
  const [mine, theirs] = await page.locator('.both-answer td').allTextContents();
  assert.ok(irisLabels.includes(mine) && irisLabels.includes(theirs), `${mine} and ${theirs}`);
  const others = await namesOf('gb_iris');
  const rows = finiteRows('gb_iris').slice(0, 25);
  const csv = toCsv([...irisNames, ...others], rows.map((row) => [...row, ...row]));
  await giveFileByKey(page, 'Choose a file of rows', { name: 'rows.csv', buffer: Buffer.from(csv) }, 'Space');
  await page.getByText('25 rows of rows.csv answered by both').waitFor();
  await focusGoesTo(page, page.getByRole('heading', { name: 'A file of rows through both' }), 'what was asked of both');
  await page.locator('.compare-matrix').waitFor();
  const close = page.getByRole('button', { name: 'Close gb_iris' });
  await tabTo(page, close, { back: true });
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Choose the second model' }).waitFor();
  await focusGoesTo(page, page.getByRole('heading', { name: 'Compare with another model' }), 'where the next model is chosen');
  assert.deepEqual(faults, []);
  await context.close();
});

for (const colorScheme of ['light', 'dark']) {
  for (const viewport of [{ width: 1280, height: 800 }, { width: 360, height: 740 }]) {
    test(`compare for everyone, by keyboard: ${colorScheme}, ${viewport.width} px`, async () => {
      const { page, context, faults } = await site.openReadyPage({ colorScheme, viewport, reducedMotion: 'reduce' });
      await tabPanel(page, 'Compare');
      const served = page.getByRole('button', { name: 'iris of this server' });
      await served.waitFor();
      assert.deepEqual(await accessibilityFaults(page), []);
      await tabTo(page, served);
      await page.keyboard.press('Enter');
      await page.getByText('both say the same').waitFor();
      const csv = toCsv([...irisNames, 'species'], finiteRows('iris').slice(0, 40).map((row) => [...row, 'setosa']));
      await giveFileByKey(page, 'Choose a file of rows', { name: 'rows.csv', buffer: Buffer.from(csv) });
      await page.getByText('Both say the same for every row').waitFor();
      assert.deepEqual(await accessibilityFaults(page), []);
      const [inner, outer] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
      assert.ok(inner <= outer, `the page is ${inner} wide in a window of ${outer}`);
      assert.deepEqual(faults, []);
      await context.close();
    });
  }
}
