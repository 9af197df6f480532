// Why this answer: contributions and votes as the binding has them, adding up on screen.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';

import { loadModel } from 'copse';

import { readFixture } from '../wasm/support/fixtures.mjs';
import { iris } from '../wasm/support/vectors.mjs';
import { eventually, holds } from './support/browser.mjs';
import { useSite } from './support/site.mjs';
import { decimalsIn, enterRowBeside, numberIn, openVector, openWhy, readWaterfall, shownTree } from './support/why.mjs';

const site = useSite();
const row = [6.3, 2.5, 5, 1.9];
const titles = ['sepal length', 'sepal width', 'petal length', 'petal width'];
let forest;

before(async () => {
  forest = await loadModel(readFileSync(iris));
});

after(async () => {
  forest?.free();
});

/** Whole numbers of the last decimal that is shown. */
function unitsOf(texts) {
  const decimals = Math.max(...texts.map(decimalsIn));
  assert.ok(texts.every((text) => decimalsIn(text) === decimals), `as many digits everywhere: ${texts.join(' ')}`);
  return texts.map((text) => Math.round(numberIn(text) * 10 ** decimals));
}

/** The numbers of the waterfall add up to the last digit, and are those of the binding to within one of it. */
function demandSum(texts, expected, total) {
  const units = unitsOf(texts);
  const sum = units.at(-1);
  assert.equal(units.slice(0, -1).reduce((a, b) => a + b, 0), sum, texts.join(' '));
  const unit = 10 ** decimalsIn(texts[0]);
  assert.ok(Math.abs(sum - total * unit) <= 0.5 + 1e-6, `${texts.at(-1)} and ${total}`);
  units.slice(0, -1).forEach((x, i) => assert.ok(Math.abs(x - expected[i] * unit) < 1 + 1e-6, `${texts[i]} and ${expected[i]}`));
}

/** Contributions to margin `k` in the order of the page, after the base; more than `n` of them as one. */
function expectedTerms(model, values, k, n = 10, sign = 1) {
  const stride = model.nFeatures + 1;
  const own = Array.from(model.explain([values]).subarray(k * stride, (k + 1) * stride), (x) => sign * x);
  const base = own.pop();
  const order = own.map((_, f) => f).sort((a, b) => Math.abs(own[b]) - Math.abs(own[a]) || a - b);
  const listed = own.length > n + 1 ? order.slice(0, n) : order;
  const rest = order.slice(listed.length).reduce((sum, f) => sum + own[f], 0);
  return { order: listed, terms: [base, ...listed.map((f) => own[f]), ...(listed.length < own.length ? [rest] : [])] };
}

test('iris: contributions add up to the margin of the predicted class, and to that of another', async () => {
  const { page, context, faults } = await openWhy(site.browser, site.url);
  await enterRowBeside(page, row);
  const margins = forest.predict('margin', [row]);
  for (const [choice, k] of [['as predicted: virginica', 2], ['versicolor', 1], ['setosa', 0]]) {
    await page.getByLabel('Class', { exact: true }).selectOption(choice);
    const { order, terms } = expectedTerms(forest, row, k);
    await holds(async () => {
      const { names, texts } = await readWaterfall(page);
      assert.equal(names.at(-1), `= probability of ${['setosa', 'versicolor', 'virginica'][k]}`);
      assert.deepEqual(names.slice(1, -1), order.map((f) => `${titles[f]} = ${row[f]} cm`));
      demandSum(texts, terms, margins[k]);
    });
  }
  await page.getByText('Counted in probability').waitFor();
  assert.deepEqual(faults, []);
  await context.close();
});

test('iris: the predicted class is followed until one is chosen, and the form is followed live', async () => {
  const { page, context, faults } = await openWhy(site.browser, site.url);
  const name = () => page.locator('.waterfall-sum th').textContent();
  await page.getByRole('button', { name: 'setosa' }).click();
  await eventually(async () => (await name()) === '= probability of setosa', 'setosa');
  await page.getByRole('slider', { name: 'petal length, slider' }).focus();
  await page.keyboard.press('End');
  await page.getByRole('slider', { name: 'petal width, slider' }).focus();
  await page.keyboard.press('End');
  await eventually(async () => (await name()) === '= probability of virginica', 'virginica');
  await page.getByLabel('Class', { exact: true }).selectOption('setosa');
  await page.keyboard.press('Home');
  await eventually(async () => (await name()) === '= probability of setosa', 'setosa');
  // An incomplete form keeps the last explanation and says what is missing.
  await page.getByLabel('petal width in cm', { exact: true }).fill('');
  await page.locator('.contributions').getByText('petal width needs a number').waitFor();
  assert.equal(await name(), '= probability of setosa');
  assert.deepEqual(faults, []);
  await context.close();
});

test('iris: the votes of all trees are those of the binding, and make the answer', async () => {
  const { page, context, faults } = await openWhy(site.browser, site.url);
  await enterRowBeside(page, row);
  const paths = forest.decisionPath(row);
  const margin = forest.predict('margin', [row])[2];
  await eventually(async () => /virginica/.test(await page.locator('.votes-sum').textContent()), 'votes for virginica');
  assert.equal(numberIn(await page.locator('.votes-sum b').first().textContent()).toFixed(3), margin.toFixed(3));
  const first = [0, 1, 2].map((k) => paths.filter(({ values }) => values.indexOf(Math.max(...values)) === k).length);
  const ballot = await page.locator('.ballot li').allTextContents();
  assert.deepEqual(ballot.map((text) => Number.parseInt(text, 10)).sort((a, b) => b - a), first.filter((n) => n > 0).sort((a, b) => b - a));
  await page.getByText('As a table').click();
  await page.getByRole('button', { name: 'Show more' }).click();
  const listed = await page.locator('.votes-table tbody tr').evaluateAll((rows) => rows.map((line) => Array.from(line.cells, (cell) => cell.textContent)));
  assert.equal(listed.length, 100);
  const order = paths.map(({ tree, values }) => [tree, values[2]]).sort((a, b) => b[1] - a[1] || a[0] - b[0]);
  assert.deepEqual(listed.map(([name]) => name), order.map(([tree]) => `Tree ${tree + 1}`));
  const sum = listed.reduce((total, [, adds]) => total + numberIn(adds), 0);
  assert.ok(Math.abs(sum - margin) < 1e-4, `${sum} and ${margin}`);
  await page.getByRole('button', { name: 'Tree 17', exact: true }).click();
  await page.getByRole('heading', { name: 'Tree 17' }).waitFor();
  assert.deepEqual(faults, []);
  await context.close();
});

test('a tree is chosen by pointer and by keys', async () => {
  const { page, context, faults } = await openWhy(site.browser, site.url);
  await enterRowBeside(page, row);
  const strip = page.getByRole('slider', { name: 'Tree, in the order of what it says' });
  await eventually(async () => /virginica/.test((await strip.getAttribute('aria-valuetext')) ?? ''), 'votes for virginica');
  const order = forest.decisionPath(row).map(({ tree, values }) => [tree, values[2]]).sort((a, b) => b[1] - a[1] || a[0] - b[0]).map(([tree]) => tree);
  const demand = (place) => eventually(async () => (await shownTree(page)) === order[place], `tree ${order[place] + 1} at place ${place + 1}`);
  await strip.focus();
  await page.keyboard.press('Home');
  await demand(0);
  await page.keyboard.press('ArrowRight');
  await demand(1);
  await page.keyboard.press('PageUp');
  await demand(11);
  await page.keyboard.press('End');
  await demand(99);
  assert.equal(await strip.getAttribute('aria-valuenow'), '100');
  const area = await strip.boundingBox();
  await page.mouse.click(area.x + area.width * 0.305, area.y + area.height / 2);
  await demand(30);
  assert.deepEqual(faults, []);
  await context.close();
});

/** Start and trees add up to the margin on screen, and are those of the binding. */
async function demandVotes(page, model, form, column, sign) {
  const texts = (await page.locator('.votes-sum b').allTextContents()).map((text) => text.replace('= ', ''));
  const adds = model.decisionPath(form).map(({ output, values }) => (output === null ? values[values.length === 1 ? 0 : column] : output === column ? values[0] : null)).filter((x) => x !== null);
  const sum = sign * adds.reduce((a, b) => a + b, 0);
  const total = sign * model.predict('margin', [form])[column];
  const shown = unitsOf(texts);
  const unit = 10 ** decimalsIn(texts[0]);
  if (shown.length === 3) assert.equal(shown[0] + shown[1], shown[2], texts.join(' '));
  assert.ok(Math.abs(shown.at(-1) - total * unit) <= 0.5 + 1e-6, `${texts.at(-1)} and ${total}`);
  assert.ok(Math.abs((shown.length === 3 ? shown[1] : shown[0]) - sum * unit) < 1.01, `${texts.join(' ')} and ${sum}`);
  assert.equal(await page.locator('.strip-chart').getAttribute('aria-valuemax'), String(adds.length));
}

/** [vector, class to choose or null, margin column, sign, words of the unit]. */
const kinds = [
  ['xgb_cancer_logistic', '0', 0, -1, 'Counted in log-odds'],
  ['gb_cancer', '1', 0, 1, 'Counted in log-odds'],
  ['gb_cancer_exponential', '1', 0, 1, 'raw score'],
  ['gb_iris', 'virginica', 2, 1, 'before the softmax'],
  ['rf_diabetes', null, 0, 1, 'unit of the prediction'],
  ['xgb_diabetes_gamma', null, 0, 1, 'natural logarithm'],
  ['hgb_cancer_categorical', '1', 0, 1, 'Counted in log-odds'],
  ['hgb_wine_nan', '0', 0, 1, 'before the softmax'],
  ['rf_linnerud', null, 0, 1, 'unit of the prediction'],
  ['logreg_iris_ovr', '0', 0, 1, 'raw score'],
];

for (const [name, label, column, sign, unit] of kinds) {
  test(`${name}: adds up, in ${unit}`, async () => {
    const { page, faults, model, close } = await openVector(site.browser, name);
    try {
      const values = await page.locator('input[type=number]').evaluateAll((inputs) => inputs.map((input) => input.valueAsNumber));
      const form = values.slice(0, model.nFeatures);
      if (label !== null) {
        const labels = model.description.outputs[0].labels.map(String);
        assert.ok(labels.includes(label), labels.join(' '));
        await page.getByLabel('Class', { exact: true }).selectOption({ index: 1 + labels.indexOf(label) });
      }
      await page.locator('.contributions').getByText(unit).waitFor();
      const { terms } = expectedTerms(model, form, column, 10, sign);
      const total = sign * model.predict('margin', [form])[column];
      await holds(async () => demandSum((await readWaterfall(page)).texts, terms, total));
      if (model.description.n_trees > 0) await holds(() => demandVotes(page, model, form, column, sign));
      assert.deepEqual(faults, []);
    } finally {
      await close();
    }
  });
}

test('of several outputs each can be explained, and each of its classes', async () => {
  const { page, faults, model, close } = await openVector(site.browser, 'rf_multioutput_str');
  try {
    const { outputs } = model.description;
    assert.ok(outputs.length > 1);
    const form = (await page.locator('input[type=number]').evaluateAll((inputs) => inputs.map((input) => input.valueAsNumber))).slice(0, model.nFeatures);
    const margins = model.predict('margin', [form]);
    for (const [k, { name, labels, columns: [begin] }] of outputs.entries()) {
      await page.getByLabel('Output', { exact: true }).selectOption(name);
      for (const c of [0, labels.length - 1]) {
        await page.getByLabel('Class', { exact: true }).selectOption({ index: 1 + c });
        const { terms } = expectedTerms(model, form, begin + c);
        await holds(async () => demandSum((await readWaterfall(page)).texts, terms, margins[begin + c]));
        await holds(() => demandVotes(page, model, form, begin + c, 1));
        const own = model.decisionPath(form).map(({ values }) => values.slice(begin, outputs[k].columns[1]));
        const firsts = own.filter((values) => values.indexOf(Math.max(...values)) === c).length;
        await holds(async () => {
          const ballot = await page.locator('.ballot li').allTextContents();
          const line = ballot.find((text) => text.replaceAll('\u00a0', ' ').endsWith(` ${labels[c]}`));
          assert.equal(line === undefined ? 0 : Number.parseInt(line, 10), firsts, ballot.join('; '));
        });
      }
    }
    assert.deepEqual(faults, []);
  } finally {
    await close();
  }
});

test('what cannot be explained says so, and its trees are still there', async () => {
  const { page, faults, model, close } = await openVector(site.browser, 'ref_min_uneven');
  try {
    let refusal = '';
    try {
      model.explain([new Array(model.nFeatures).fill(0)]);
    } catch (cause) {
      refusal = cause.message;
    }
    assert.match(refusal, /smallest or largest/);
    assert.equal((await page.locator('.contributions .note').textContent()).toLowerCase(), `${refusal}.`.toLowerCase());
    await page.getByText('The answer is made of the smallest value').waitFor();
    await page.locator('.tree-place').first().waitFor();
    assert.deepEqual(faults, []);
  } finally {
    await close();
  }
});

test('more features than are listed are one line, until all are asked for', async () => {
  const { page, faults, model, close } = await openVector(site.browser, 'rf_cancer_float');
  try {
    assert.equal(await page.locator('.waterfall tbody tr').count(), 13);
    assert.equal((await readWaterfall(page)).names[11], `${model.nFeatures - 10} others`);
    await page.getByRole('button', { name: `Show all ${model.nFeatures} features` }).click();
    assert.equal(await page.locator('.waterfall tbody tr').count(), model.nFeatures + 2);
    await page.getByText('Every digit').click();
    const cells = await page.locator('.every-digit td:nth-child(4)').allTextContents();
    const form = (await page.locator('input[type=number]').evaluateAll((inputs) => inputs.map((input) => input.valueAsNumber))).slice(0, model.nFeatures);
    const k = Number(await page.locator('.waterfall-sum th').textContent().then((text) => model.description.outputs[0].labels.map(String).indexOf(text.split(/\s/).at(-1))));
    assert.ok(Math.abs(Number(cells.at(-1)) - model.predict('margin', [form])[k]) < 1e-9);
    assert.deepEqual(faults, []);
  } finally {
    await close();
  }
});

test('importances are those of the binding, by each kind that the file has', async () => {
  const { page, context, faults } = await openWhy(site.browser, site.url);
  const known = forest.importances();
  for (const [title, values] of [['Cover', known.cover], ['Splits', known.splits]]) {
    await page.getByRole('radio', { name: title }).check();
    const order = titles.map((_, f) => f).sort((a, b) => values[b] - values[a]);
    const lines = await page.locator('.importance-bars tbody tr').evaluateAll((rows) => rows.map((line) => [line.cells[0].textContent, line.cells[2].textContent]));
    assert.deepEqual(lines.map(([name]) => name), order.map((f) => titles[f]));
    lines.forEach(([, text], i) => assert.ok(Math.abs(numberIn(text) - values[order[i]]) <= 0.5, `${text} and ${values[order[i]]}`));
  }
  assert.equal(await page.getByRole('radio', { name: 'Gain' }).count(), 0);
  const chooser = page.waitForEvent('filechooser');
  await page.getByRole('button', { name: 'Open a model file' }).click();
  const { path } = readFixture('xgb_squarederror');
  await (await chooser).setFiles(path);
  await page.getByRole('heading', { name: /Imported from/ }).waitFor();
  await page.getByRole('radio', { name: 'Gain' }).waitFor();
  assert.deepEqual(faults, []);
  await context.close();
});
