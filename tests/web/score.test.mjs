/* global DataTransfer, File, document */
// A file of rows: read, answered, judged and saved, in the browser alone.
import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { vectors } from '../wasm/support/vectors.mjs';
import { accessibilityFaults, eventually, holds, openPage } from './support/browser.mjs';
import { arrowTo, focusGoesTo, giveFileByKey, tabPanel, tabTo } from './support/keyboard.mjs';
import { answersInNode, finiteRows, fromCsv, irisLabels, irisNames, toCsv } from './support/rows.mjs';
import { startService } from './support/service.mjs';
import { percentText, readAnswer } from './support/shown.mjs';
import { useSite } from './support/site.mjs';

const site = useSite();
const irisRows = finiteRows('iris');
/** True answers that are sometimes not what the model says. */
const truthOf = (decision, r) => irisLabels[r % 7 === 0 ? (decision + 1) % 3 : decision];

async function openScore(page) {
  await page.getByRole('tab', { name: 'Score a file' }).click();
  await page.getByRole('button', { name: 'Choose a file of rows' }).waitFor();
}

async function score(page, name, text) {
  const chooser = page.waitForEvent('filechooser');
  await page.getByRole('button', { name: 'Choose a file of rows' }).click();
  await (await chooser).setFiles({ name, mimeType: 'text/plain', buffer: Buffer.from(text) });
}

async function openAndScore(name, text, options) {
  const opened = await site.openReadyPage(options);
  await openScore(opened.page);
  await score(opened.page, name, text);
  return opened;
}

async function download(page) {
  const saved = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Download predictions as CSV' }).click();
  const file = await saved;
  return { name: file.suggestedFilename(), text: readFileSync(await file.path(), 'utf8') };
}

const measure = (page, name) => page.locator('.measure', { hasText: name }).locator('dd').textContent();
const matrix = (page) =>
  page.locator('.confusion tbody tr').evaluateAll((rows) => rows.map((row) => Array.from(row.cells).slice(1).map((cell) => Number(cell.textContent.replaceAll(',', '')))));

/** counts[truth][answer], counted here. */
function counted(n, pairs) {
  const counts = Array.from({ length: n }, () => new Array(n).fill(0));
  for (const [truth, answer] of pairs) ++counts[truth][answer];
  return counts;
}

test('a CSV with a label: answers, matrix and accuracy as counted here, and the download holds every digit', async () => {
  const { decisions, probabilities } = await answersInNode('iris', irisRows);
  const truths = decisions.map(truthOf);
  // Columns in another order, and one that is nobody's business.
  const header = ['id', 'p_width', 'species', 's_length', 's_width', 'p_length'];
  const csv = toCsv(header, irisRows.map(([sl, sw, pl, pw], r) => [`r${r}`, pw, truths[r], sl, sw, pl]));
  const { page, context, faults } = await openAndScore('my rows.csv', csv);
  await page.locator('.confusion').waitFor();
  assert.match(await page.locator('.scored-facts').textContent(), new RegExp(`^${irisRows.length} rows in `));
  assert.equal(await page.getByLabel('True answers').inputValue(), '2');
  const pairs = decisions.map((answer, r) => [irisLabels.indexOf(truths[r]), answer]);
  assert.deepEqual(await matrix(page), counted(3, pairs));
  const right = pairs.filter(([truth, answer]) => truth === answer).length / pairs.length;
  assert.equal(await measure(page, 'Accuracy'), `${(right * 100).toLocaleString('en', { maximumFractionDigits: 1 })} %`);

  const saved = await download(page);
  assert.equal(saved.name, 'my-rows-predictions.csv');
  const [savedHeader, ...lines] = fromCsv(saved.text);
  assert.deepEqual(savedHeader, [...header, 'prediction', ...irisLabels.map((label) => `probability_${label}`)]);
  assert.equal(lines.length, irisRows.length);
  lines.forEach((cells, r) => {
    assert.equal(cells[0], `r${r}`);
    assert.equal(cells[6], irisLabels[decisions[r]]);
    assert.deepEqual(cells.slice(7).map(Number), probabilities[r]);
  });
  assert.deepEqual(faults, []);
  await context.close();
});

test('wrong answers can be listed, sorted, and looked at closely', async () => {
  const { decisions } = await answersInNode('iris', irisRows);
  const truths = decisions.map(truthOf);
  const { page, context, faults } = await openAndScore('rows.csv', toCsv([...irisNames, 'species'], irisRows.map((row, r) => [...row, truths[r]])));
  await page.getByLabel('Show').selectOption('wrong answers');
  const wrong = decisions.map((_, r) => r).filter((r) => truths[r] !== irisLabels[decisions[r]]);
  await page.getByText(`of ${wrong.length}`).waitFor();
  const firstShown = () => page.locator('.rows tbody th').first().textContent();
  assert.equal(await firstShown(), String(wrong[0] + 1));
  await page.getByLabel('Order').selectOption('largest error first');
  const largest = await firstShown();
  await page.getByRole('button', { name: `Look at row ${largest} closely` }).click();
  const row = irisRows[Number(largest) - 1];
  const typed = await page.locator('input[type=number]').evaluateAll((inputs) => inputs.map((input) => Number(input.value)));
  assert.deepEqual(typed, row);
  await eventually(async () => (await readAnswer(page)).label === irisLabels[decisions[Number(largest) - 1]], 'the same answer');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'tab-predict');
  // The file is still there.
  await page.getByRole('tab', { name: 'Score a file' }).click();
  await page.locator('.confusion').waitFor();
  assert.deepEqual(faults, []);
  await context.close();
});

test('a threshold moves rows from one class to the other', async () => {
  const own = await startService({ model: `cancer=${join(vectors, 'rf_cancer_int', 'model.safetensors')}` });
  try {
    const rows = finiteRows('rf_cancer_int');
    const { decisions, probabilities } = await answersInNode('rf_cancer_int', rows);
    // Positions of the classes, whose labels are -3 and 7.
    const truths = decisions.map((answer, r) => (r % 5 === 0 ? 1 - answer : answer));
    const { page, context, faults } = await openPage(site.browser, own.url);
    await page.goto(own.url);
    await openScore(page);
    await score(page, 'rows.csv', rows.map((row, r) => [...row, truths[r]].join(',')).join('\n'));
    await page.locator('.confusion').waitFor();
    assert.deepEqual(await matrix(page), counted(2, decisions.map((answer, r) => [truths[r], answer])));
    const pairs = probabilities.map((p, r) => ({ score: p[1], positive: truths[r] === 1 }));
    let above = 0;
    const [positives, negatives] = [pairs.filter((x) => x.positive), pairs.filter((x) => !x.positive)];
    for (const a of positives) for (const b of negatives) above += a.score > b.score ? 1 : Number(a.score === b.score) / 2;
    assert.equal(await measure(page, 'Area under ROC'), (above / positives.length / negatives.length).toFixed(4));
    const slider = page.locator('#threshold');
    for (const threshold of [0.9, 0.2]) {
      await slider.fill(String(threshold));
      const expected = JSON.stringify(counted(2, probabilities.map((p, r) => [truths[r], Number(p[1] >= threshold)])));
      await eventually(async () => JSON.stringify(await matrix(page)) === expected, `the matrix at ${threshold}`);
    }
    const [, ...lines] = fromCsv((await download(page)).text);
    const predictions = lines.map((cells) => cells.at(-3));
    assert.deepEqual(predictions, probabilities.map((p) => (p[1] >= 0.2 ? '7' : '-3')));
    await page.getByRole('button', { name: 'As the model decides' }).click();
    const back = JSON.stringify(counted(2, decisions.map((answer, r) => [truths[r], answer])));
    await eventually(async () => JSON.stringify(await matrix(page)) === back, 'the matrix of the model');
    assert.deepEqual(faults, []);
    await context.close();
  } finally {
    await own.stop();
  }
});

test('numbers are judged by their errors', async () => {
  const own = await startService({ model: `diabetes=${join(vectors, 'rf_diabetes', 'model.safetensors')}` });
  try {
    const rows = finiteRows('rf_diabetes');
    const { decisions } = await answersInNode('rf_diabetes', rows);
    const truths = decisions.map((x, r) => x + ((r % 3) - 0.5) * 10);
    const { page, context, faults } = await openPage(site.browser, own.url);
    await page.goto(own.url);
    await openScore(page);
    await score(page, 'rows.csv', rows.map((row, r) => [...row, truths[r]].join(',')).join('\n'));
    await page.locator('.measure').first().waitFor();
    const errors = decisions.map((x, r) => x - truths[r]);
    const mean = (numbers) => numbers.reduce((a, b) => a + b, 0) / numbers.length;
    const text = (x) => x.toLocaleString('en', { maximumSignificantDigits: 6 });
    const middle = mean(truths);
    const expected = {
      'Mean absolute error': text(mean(errors.map(Math.abs))),
      'Root mean square error': text(Math.sqrt(mean(errors.map((x) => x * x)))),
      'R²': text(1 - mean(errors.map((x) => x * x)) / mean(truths.map((x) => (x - middle) ** 2))),
    };
    for (const [name, value] of Object.entries(expected)) assert.equal(await measure(page, name), value, name);
    assert.deepEqual(faults, []);
    await context.close();
  } finally {
    await own.stop();
  }
});

test('NDJSON, pasted rows and rows without a header get the same answers', async () => {
  const rows = irisRows.slice(0, 20);
  const { decisions } = await answersInNode('iris', rows);
  const expected = decisions.map((k) => irisLabels[k]);
  const { page, context, faults } = await site.openReadyPage();
  await openScore(page);
  const shown = async () => {
    await page.locator('.rows tbody tr').nth(19).waitFor();
    const texts = await page.locator('.row-answer').allTextContents();
    await page.getByRole('button', { name: 'Another file' }).click();
    return texts;
  };
  await score(page, 'rows.ndjson', rows.map((row) => JSON.stringify(Object.fromEntries(row.map((x, f) => [irisNames[f], x]).reverse()))).join('\n'));
  assert.deepEqual(await shown(), expected);
  await score(page, 'lists.ndjson', rows.map((row) => JSON.stringify(row)).join('\n'));
  assert.deepEqual(await shown(), expected);
  await score(page, 'bare.csv', rows.map((row) => row.join(',')).join('\r\n'));
  assert.deepEqual(await shown(), expected);
  await score(page, 'semicolons.csv', `\ufeff${[irisNames, ...rows].map((row) => row.map((x) => `"${x}"`).join(';')).join('\n')}`);
  assert.deepEqual(await shown(), expected);
  await page.getByLabel('Or paste rows').fill(toCsv(irisNames, rows));
  await page.getByRole('button', { name: 'Score these rows' }).click();
  assert.deepEqual(await shown(), expected);
  assert.deepEqual(faults, []);
  await context.close();
});

test('rows that cannot be used are named with row, column and value, and the others are answered', async () => {
  const csv = [irisNames.join(','), '5.1,3.5,1.4,0.2', '5.1,abc,1.4,0.2', '5.1,,1.4,0.2', '5.1,3.5,1.4', '5.1,1e39,1.4,0.2', '6.3,3.3,6.0,2.5'].join('\n');
  const { page, context, faults } = await openAndScore('rows.csv', csv);
  await page.getByText('6 rows in').waitFor();
  assert.deepEqual(await page.locator('.unreadable li').allTextContents(), [
    "Row 2: column 's_width' is 'abc': expected a number.",
    "Row 3: column 's_width' is missing: this model takes no missing values.",
    'Row 4: it has 3 cells: expected 4.',
    "Row 5: column 's_width' is '1e39': expected a number that is finite as float32.",
  ]);
  assert.deepEqual(await page.locator('.row-answer').allTextContents(), ['setosa', 'virginica']);
  await page.getByLabel('Show').selectOption('rows without an answer');
  await page.getByText('of 4').waitFor();
  const [header, ...lines] = fromCsv((await download(page)).text.replaceAll(/"[^"]*"/g, 'text'));
  assert.equal(header.at(-1), 'error');
  assert.deepEqual(lines.map((cells) => cells.at(-1) !== ''), [false, true, true, true, true, false]);
  assert.deepEqual(faults, []);
  await context.close();
});

test('a file that is no table of rows is one sentence', async () => {
  const { page, context, faults } = await site.openReadyPage();
  await openScore(page);
  const alert = page.locator('.chooser').getByRole('alert');
  for (const [name, content, said] of [
    ['empty.csv', ' \n', /empty\.csv cannot be scored: it is empty/],
    ['header.csv', irisNames.join(','), /it has no rows/],
    ['names.csv', 's_length,s_width,p_length,width\n1,2,3,4', /no column 'p_width': its columns are 's_length'/],
    ['narrow.csv', '1,2\n3,4', /rows have 2 cells and no header: expected 4/],
    ['broken.ndjson', '{"s_length":1}\n{oops', /no column 's_width'|line 2 is no JSON/],
    ['latin1.csv', Buffer.from([0x61, 0xe9, 0x0a, 0x31]), /no UTF-8 text/],
    ['quote.csv', `${irisNames.join(',')}\n1,"2,3,4\n`, /a quote is not closed/],
  ]) {
    await score(page, name, content);
    await eventually(async () => (await alert.count()) === 1 && said.test(await alert.textContent()), `${name}: ${said}`);
  }
  assert.deepEqual(faults, []);
  await context.close();
});

test('a hundred thousand rows: progress, cancel, and then all of them', async () => {
  const block = irisRows.map((row) => row.join(',')).join('\n');
  const times = Math.ceil(100_000 / irisRows.length);
  const csv = `${irisNames.join(',')}\n${`${block}\n`.repeat(times)}`;
  const { page, context, faults } = await site.openReadyPage();
  await openScore(page);
  const path = join(tmpdir(), `copse-rows-${process.pid}.csv`);
  writeFileSync(path, csv);
  try {
    const pick = async () => {
      const chooser = page.waitForEvent('filechooser');
      await page.getByRole('button', { name: 'Choose a file of rows' }).click();
      await (await chooser).setFiles(path);
    };
    await pick();
    await page.getByRole('progressbar').waitFor();
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('button', { name: 'Choose a file of rows' }).waitFor();
    await pick();
    const nRows = (irisRows.length * times).toLocaleString('en');
    await page.getByText(`${nRows} rows in`).waitFor({ timeout: 60_000 });
    await page.getByRole('button', { name: 'Last' }).click();
    const last = page.locator('.rows tbody tr').last();
    await eventually(async () => (await last.locator('th').textContent()) === nRows, 'the last row');
    const { decisions } = await answersInNode('iris', irisRows.slice(-1));
    assert.equal(await last.locator('.row-answer').textContent(), irisLabels[decisions[0]]);
    console.log(`report: ${await page.locator('.scored-facts').textContent()} (iris, in the browser)`);
  } finally {
    rmSync(path);
  }
  assert.deepEqual(faults, []);
  await context.close();
});

test('a file of rows that is dropped is scored, whatever is shown; nothing is sent', async () => {
  const { page, context, faults } = await site.openReadyPage();
  const posts = [];
  page.on('request', (request) => request.method() !== 'GET' && posts.push(request.url()));
  const transfer = await page.evaluateHandle((text) => {
    const all = new DataTransfer();
    all.items.add(new File([text], 'dropped.csv'));
    return all;
  }, toCsv(irisNames, irisRows.slice(0, 3)));
  await page.dispatchEvent('.page', 'drop', { dataTransfer: transfer });
  await page.getByText('3 rows in').waitFor();
  assert.ok(await page.getByRole('tab', { name: 'Score a file', selected: true }).isVisible());
  assert.deepEqual(posts, []);
  assert.deepEqual(faults, []);
  await context.close();
});

for (const colorScheme of ['light', 'dark']) {
  for (const viewport of [{ width: 1280, height: 800 }, { width: 360, height: 740 }]) {
    test(`for everyone: ${colorScheme}, ${viewport.width} px`, async () => {
      const { page, context, faults } = await site.openReadyPage({ colorScheme, viewport, reducedMotion: 'reduce' });
      await openScore(page);
      assert.deepEqual(await accessibilityFaults(page), []);
      await score(page, 'no.csv', '1,2');
      await page.locator('.chooser').getByRole('alert').waitFor();
      assert.deepEqual(await accessibilityFaults(page), []);
      const rows = irisRows.slice(0, 30).map((row, r) => [...row, irisLabels[r % 3]]);
      await score(page, 'rows.csv', toCsv([...irisNames, 'species'], [...rows, ['a', 'b', 1, 2, 'setosa']]));
      await page.getByLabel('Classes').selectOption('setosa against the rest');
      await page.locator('#threshold').fill('0.7');
      await page.getByText('not setosa').first().waitFor();
      assert.deepEqual(await accessibilityFaults(page), []);
      const [inner, outer] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
      assert.ok(inner <= outer, `the page is ${inner} wide in a window of ${outer}`);
      assert.deepEqual(faults, []);
      await context.close();
    });
  }
}

test('by keyboard alone: pasted rows, a file, the threshold, the order, pages and the download', async () => {
  const rows = irisRows.slice(0, 60);
  const { decisions, probabilities } = await answersInNode('iris', rows);
  const truths = decisions.map(truthOf);
  const { page, context, faults } = await site.openReadyPage();
  const button = (name) => page.getByRole('button', { name, exact: true });
  await tabPanel(page, 'Score a file');

  await page.getByLabel('Or paste rows').waitFor();
  await tabTo(page, page.getByLabel('Or paste rows'));
  await page.keyboard.type(toCsv(irisNames, rows.slice(0, 3)));
  await tabTo(page, button('Score these rows'), { tabsMax: 1 });
  await page.keyboard.press('Enter');
  await page.getByText('3 rows in').waitFor();
  await eventually(async () => (await page.locator('.row-answer').allTextContents()).join() === decisions.slice(0, 3).map((k) => irisLabels[k]).join(), 'their answers');
  await focusGoesTo(page, page.getByRole('heading', { name: 'pasted rows' }), 'what was scored');
  await tabTo(page, button('Another file'), { tabsMax: 2 });
  await page.keyboard.press('Space');
  await focusGoesTo(page, page.getByRole('heading', { name: 'Score a file' }), 'where the next file is chosen');

  const csv = toCsv([...irisNames, 'species'], rows.map((row, r) => [...row, truths[r]]));
  await giveFileByKey(page, 'Choose a file of rows', { name: 'rows.csv', buffer: Buffer.from(csv) });
  await page.getByText('60 rows in').waitFor();
  await focusGoesTo(page, page.getByRole('heading', { name: 'rows.csv' }), 'the scored file');
  await page.locator('.confusion').waitFor();

  const classes = page.getByLabel('Classes');
  await tabTo(page, classes);
  await arrowTo(page, classes, 'setosa against the rest');
  const slider = page.locator('#threshold');
  await slider.waitFor();
  await tabTo(page, slider, { tabsMax: 1 });
  for (const [key, threshold] of [['Home', 0], ['ArrowRight', 0.01], ['End', 1]]) {
    await page.keyboard.press(key);
    assert.equal(Number(await slider.inputValue()), threshold);
    // Of two classes: the rest comes first.
    const expected = counted(2, probabilities.map(([p], r) => [Number(truths[r] === 'setosa'), Number(p >= threshold)]));
    await holds(async () => assert.deepEqual(await matrix(page), expected, `the matrix at ${threshold}`));
  }
  await tabTo(page, button('As the model decides'), { back: true, tabsMax: 1 });
  await page.keyboard.press('Enter');
  await focusGoesTo(page, slider, 'the threshold that the model has');
  await tabTo(page, classes, { back: true, tabsMax: 1 });
  await page.keyboard.press('Home');
  await eventually(async () => (await page.locator('.confusion tbody tr').count()) === 3, 'three classes again');

  const order = page.getByLabel('Order');
  await tabTo(page, order);
  await arrowTo(page, order, 'least sure first');
  const sure = decisions.map((k, r) => probabilities[r][k]);
  const shown = () => page.locator('.rows tbody tr').evaluateAll((all) => all.map((row) => row.cells[2].textContent));
  const expected = sure.toSorted((a, b) => a - b).map(percentText);
  assert.notDeepEqual(expected.slice(0, 25), sure.slice(0, 25).map(percentText), 'the file is in another order');
  await holds(async () => assert.deepEqual(await shown(), expected.slice(0, 25)));

  await tabTo(page, button('Next'));
  for (const [key, from, to] of [['Enter', 25, 50], ['Space', 50, 60]]) {
    await page.keyboard.press(key);
    await page.getByText(`${from + 1}–${to} of 60`).waitFor();
    await holds(async () => assert.deepEqual(await shown(), expected.slice(from, to)));
  }
  assert.ok(await button('Next').isDisabled(), 'there is a page behind the last');
  await focusGoesTo(page, button('Next'), 'the button that led to the last page');
  await tabTo(page, button('Back'), { back: true, tabsMax: 2 });
  await page.keyboard.press('Enter');
  await page.getByText('26–50 of 60').waitFor();

  await tabTo(page, button('Download predictions as CSV'), { back: true });
  const saved = page.waitForEvent('download');
  await page.keyboard.press('Enter');
  const file = await saved;
  assert.equal(file.suggestedFilename(), 'rows-predictions.csv');
  const [header, ...lines] = fromCsv(readFileSync(await file.path(), 'utf8'));
  const at = header.indexOf('prediction');
  assert.deepEqual(lines.map((cells) => cells[at]), decisions.map((k) => irisLabels[k]));
  assert.deepEqual(faults, []);
  await context.close();
});
