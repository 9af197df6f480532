/* global caches, document, getComputedStyle */
// What the page says about changed rows is what the binding says in Node.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';

import { loadModel } from 'copse';

import { iris, readCase } from '../wasm/support/vectors.mjs';
import { accessibilityFaults, eventually } from './support/browser.mjs';
import { focusGoesTo } from './support/keyboard.mjs';
import { finiteRows, irisLabels, irisNames } from './support/rows.mjs';
import { giveFile, percentText } from './support/shown.mjs';
import { useSite } from './support/site.mjs';

const site = useSite();
const titles = ['sepal length', 'sepal width', 'petal length', 'petal width'];
let model;
before(async () => { model = await loadModel(readFileSync(iris)); });
after(() => { model.free(); });

const classOf = (row) => model.predict('index', Float64Array.from(row))[0];

/** Opens the panel for a row; the form is filled first. */
async function openWhatIf(row, options) {
  const opened = await site.openReadyPage({ reducedMotion: 'reduce', ...options });
  const { page } = opened;
  for (const [f, x] of row.entries()) await page.locator('input[type=number]').nth(f).fill(String(x));
  await eventually(async () => (await page.locator('.verdict-label').textContent()) === irisLabels[classOf(row)], 'the answer');
  await page.getByRole('tab', { name: 'What if' }).click();
  await page.locator('.small-curve').first().waitFor();
  await page.locator('.nearest-found[aria-busy=false] .change').first().waitFor();
  return opened;
}

/** { feature: value } of a sentence "petal length from 1.4 cm to 2.46 cm makes it versicolor". */
function changesIn(sentence) {
  return titles.flatMap((title, f) => {
    const [, to] = new RegExp(`${title} from [\\d.-]+ cm to ([\\d.eE+-]+)`).exec(sentence) ?? [];
    return to === undefined ? [] : [[f, Number(to)]];
  });
}

/** Smallest distance, in the slider's ranges, at which one feature alone gives another class. */
function nearestByForce(row, spans) {
  const here = classOf(row);
  let best = Infinity;
  for (let f = 0; f < 4; ++f) {
    const cuts = new Set();
    for (let t = 0; t < model.description.n_trees; ++t) {
      const tree = model.tree(t);
      tree.threshold.forEach((cut, node) => { if (tree.feature[node] === f) cuts.add(cut); });
    }
    const above = (cut) => new Float32Array(new Int32Array([new Int32Array(new Float32Array([cut]).buffer)[0] + 1]).buffer)[0];
    for (const cut of cuts) {
      for (const x of [cut, above(cut)]) {
        if (classOf(row.with(f, x)) !== here) best = Math.min(best, Math.abs(x - Math.fround(row[f])) / spans[f]);
      }
    }
  }
  return best;
}

const spans = [[4.2, 7.8], [2, 4.4], [1, 6.7], [0.1, 2.5]].map(([low, high]) => high - low);
const flowers = [[5.1, 3.5, 1.4, 0.2], [6.0, 3.2, 3.9, 1.3], [6.3, 2.5, 5.0, 1.9], [6.0, 2.7, 5.1, 1.6]];

for (const row of flowers) {
  test(`the nearest change of ${row} flips it, and none of one feature is smaller`, async () => {
    const { page, context, faults } = await openWhatIf(row);
    const lines = page.locator('.change');
    const one = changesIn(await lines.nth(0).textContent());
    const force = nearestByForce(row, spans);
    if (one.length === 0) {
      assert.equal(force, Infinity);
    } else {
      const [[f, x]] = one;
      assert.equal(one.length, 1);
      assert.notEqual(classOf(row.with(f, x)), classOf(row), 'the change flips the answer');
      const distance = Math.abs(x - row[f]) / spans[f];
      assert.ok(distance >= force - 1e-6 && distance <= force + 0.002, `${distance} by ${titles[f]}, by brute force ${force}`);
      await lines.nth(0).getByRole('button', { name: /^Apply/ }).click();
      const said = irisLabels[classOf(row.with(f, x))];
      await eventually(async () => (await page.locator('.now-answer').textContent()).startsWith(said), `the row becomes ${said}`);
      await page.getByRole('button', { name: 'Undo all changes' }).press('Enter');
      await focusGoesTo(page, page.getByRole('region', { name: 'The row' }), 'the row');
      await eventually(async () => (await page.locator('.now-answer').textContent()).startsWith(irisLabels[classOf(row)]), 'the row is back');
    }
    await page.locator('.nearest-found[aria-busy=false]').waitFor();
    const two = changesIn(await lines.nth(1).textContent());
    if (two.length > 0) {
      assert.equal(two.length, 2);
      assert.notEqual(classOf(two.reduce((other, [f, x]) => other.with(f, x), row)), classOf(row));
      assert.ok(two.reduce((sum, [f, x]) => sum + Math.abs(x - row[f]) / spans[f], 0) <= force + 0.004, 'two are asked for less than one');
    }
    assert.deepEqual(faults, []);
    await context.close();
  });
}

test('regions: the table and the pixels are the classes of the binding', async () => {
  const row = flowers[3];
  const { page, context, faults } = await openWhatIf(row);
  const card = page.locator('.regions');
  await card.getByText('As a table').click();
  const [across, up] = await card.locator('.picks select').evaluateAll((all) => all.map((one) => Number(one.value)));
  const table = await card.locator('tbody tr').evaluateAll((rows) => rows.map((one) => Array.from(one.cells, (cell) => cell.textContent)));
  const columns = (await card.locator('thead th').allTextContents()).slice(1).map((text) => Number.parseFloat(text));
  assert.ok(table.length >= 5 && columns.length >= 5);
  for (const [head, ...said] of table) {
    assert.deepEqual(said, columns.map((x) => irisLabels[classOf(row.with(across, x).with(up, Number.parseFloat(head)))]), head);
  }
  // Where a class is sure its colour wins: the nearest of the palette is its own.
  const pixels = await card.locator('canvas').evaluate((canvas) => {
    const style = getComputedStyle(canvas);
    const rgb = (name) => {
      const hex = style.getPropertyValue(name).trim().replace(/^#(.)(.)(.)$/, '#$1$1$2$2$3$3');
      return [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
    };
    const all = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
    const points = [];
    for (let i = 0; i < 12; ++i) {
      for (let j = 0; j < 12; ++j) {
        const [u, v] = [(i + 0.5) / 12, (j + 0.5) / 12];
        const at = 4 * ((canvas.height - 1 - Math.floor(v * canvas.height)) * canvas.width + Math.floor(u * canvas.width));
        points.push({ u, v, pixel: Array.from(all.slice(at, at + 3)) });
      }
    }
    return { points, surface: rgb('--surface'), classes: [0, 1, 2].map((k) => rgb(`--class-${k}`)), size: [canvas.width, canvas.height] };
  });
  const slider = await page.locator('.regions-fields input[type=range]').evaluateAll((all) => all.map((one) => [Number(one.min), Number(one.max)]));
  let checked = 0;
  for (const { u, v, pixel } of pixels.points) {
    const value = (fraction, n, [low, high]) => low + ((Math.floor(fraction * n) + 0.5) / n) * (high - low);
    const at = row.with(across, value(u, pixels.size[0], slider[0])).with(up, value(v, pixels.size[1], slider[1]));
    const p = Array.from(model.predictProba(Float64Array.from(at)));
    const k = classOf(at);
    const share = 0.22 + 0.68 * Math.max(0, (p[k] - 1 / 3) / (2 / 3));
    const expected = pixels.surface.map((x, i) => Math.round(x + (pixels.classes[k][i] - x) * share));
    assert.deepEqual(pixel, expected, `${u} ${v}`);
    ++checked;
  }
  assert.equal(checked, 144);
  assert.deepEqual(faults, []);
  await context.close();
});

test('curves: every step has the probabilities of the binding', async () => {
  const row = flowers[1];
  const { page, context, faults } = await openWhatIf(row);
  for (const [f, title] of titles.entries()) {
    await page.locator('.small-curve', { hasText: title }).click();
    const large = page.locator('.large-curve');
    await large.locator('.frame-x-name', { hasText: title }).waitFor();
    const details = large.locator('details');
    if (!(await details.evaluate((one) => one.open))) await large.getByText('As a table').click();
    const steps = await large.locator('tbody tr').evaluateAll((rows) => rows.map((one) => Array.from(one.cells, (cell) => cell.textContent)));
    assert.ok(steps.length > 3, `${title}: ${steps.length} steps`);
    let checked = 0;
    for (const [range, said, ...percents] of steps) {
      const [low, high] = range.split(' to ').map(Number);
      // Six digits are shown of each end.
      if (high - low < 1e-4) continue;
      const at = row.with(f, (low + high) / 2);
      assert.equal(said, irisLabels[classOf(at)], `${title} ${range}`);
      assert.deepEqual(percents, Array.from(model.predictProba(Float64Array.from(at)), percentText), `${title} ${range}`);
      ++checked;
    }
    assert.ok(checked > 2, irisNames[f]);
  }
  assert.deepEqual(faults, []);
  await context.close();
});

test('by keyboard alone: the mark and the curve move the row', async () => {
  const { page, context, faults } = await openWhatIf([6.0, 3.2, 3.9, 1.3]);
  const numbers = page.locator('.regions-fields input[type=number]');
  const [x, y] = await numbers.evaluateAll((all) => all.map((one) => Number(one.value)));
  await page.locator('.mark').focus();
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('Shift+ArrowUp');
  await eventually(async () => {
    const now = await numbers.evaluateAll((all) => all.map((one) => Number(one.value)));
    return now[0] > x && now[1] > y;
  }, 'the row moves');
  assert.equal(await page.evaluate(() => document.activeElement.className), 'mark');
  assert.match(await page.locator('.mark').getAttribute('aria-valuetext'), /petal/);
  await page.locator('.small-curve').last().focus();
  await page.keyboard.press('Enter');
  await page.locator('.handle').focus();
  const before1 = await page.locator('.handle').getAttribute('aria-valuenow');
  await page.keyboard.press('ArrowRight');
  await eventually(async () => Number(await page.locator('.handle').getAttribute('aria-valuenow')) > Number(before1), 'the curve moves the row');
  assert.deepEqual(faults, []);
  await context.close();
});

test('the mark is dragged with a mouse, and the row goes with it', async () => {
  const { page, context, faults } = await openWhatIf(flowers[0]);
  const map = page.locator('.regions .map');
  await map.scrollIntoViewIfNeeded();
  let seen = null;
  await eventually(async () => {
    const last = seen;
    seen = JSON.stringify(await map.boundingBox());
    return seen === last;
  }, 'the map stands still');
  const [box, from] = [await map.boundingBox(), await page.locator('.mark').boundingBox()];
  await page.mouse.move(from.x + from.width / 2, from.y + from.height / 2);
  await page.mouse.down();
  const to = [0.75, 0.8];
  await page.mouse.move(box.x + to[0] * box.width, box.y + (1 - to[1]) * box.height, { steps: 8 });
  assert.deepEqual(await map.boundingBox(), box, 'the map stays where it is');
  await page.mouse.up();
  const numbers = page.locator('.regions-fields input[type=number]');
  const sliders = await page.locator('.regions-fields input[type=range]').evaluateAll((all) => all.map((one) => [Number(one.min), Number(one.max)]));
  const wanted = sliders.map(([low, high], i) => low + to[i] * (high - low));
  await eventually(async () => {
    const now = await numbers.evaluateAll((all) => all.map((one) => Number(one.value)));
    return now.every((x, i) => Math.abs(x - wanted[i]) < 0.02 * (sliders[i][1] - sliders[i][0]));
  }, 'the row is where the mouse let go');
  const moved = await numbers.evaluateAll((all) => all.map((one) => Number(one.value)));
  const [across, up] = await page.locator('.regions .picks select').evaluateAll((all) => all.map((one) => Number(one.value)));
  const said = irisLabels[classOf(flowers[0].with(across, moved[0]).with(up, moved[1]))];
  assert.notEqual(said, irisLabels[classOf(flowers[0])], 'it was dragged to another class');
  await eventually(async () => (await page.locator('.now-answer').textContent()).startsWith(said), `the row becomes ${said}`);
  assert.ok(await page.locator('.nearest').evaluate((card) => card.style.height === ''), 'the cards above are free again');
  // The mouse is let go: nothing follows it any more.
  await page.mouse.move(box.x + 5, box.y + 5);
  assert.deepEqual(await numbers.evaluateAll((all) => all.map((one) => Number(one.value))), moved);
  assert.deepEqual(faults, []);
  await context.close();
});

/** Opens the panel for a vector's model and one of its rows; null is missing. */
async function openModel(name, row) {
  const opened = await site.openReadyPage({ reducedMotion: 'reduce' });
  const { page } = opened;
  await giveFile(page, 'Open a model file', `${name}.safetensors`, readCase(name).model);
  await page.locator('h1', { hasText: name }).waitFor();
  for (const [f, x] of row.entries()) {
    const field = page.locator('.field').nth(f);
    if (x === null) await field.getByRole('checkbox', { name: /^missing/ }).check();
    else await field.locator('input[type=number]').fill(String(x));
  }
  await page.getByRole('tab', { name: 'What if' }).click();
  await page.locator('.nearest-found[aria-busy=false] .change').first().waitFor();
  return opened;
}

test('of a number: the change crosses the value that is asked for', async () => {
  const name = 'gb_diabetes_huber';
  const row = finiteRows(name)[0].map((x) => Number(x.toFixed(4)));
  const other = await loadModel(readCase(name).model);
  const valueOf = (values) => other.predict('predict', Float64Array.from(values))[0];
  const { page, context, faults } = await openModel(name, row);
  const target = page.getByLabel('To cross');
  assert.match(await target.inputValue(), /^-?[\d.]+$/, 'a value is offered');
  const now = valueOf(row);
  for (const goal of [now + 20, now - 5]) {
    await target.fill(goal.toFixed(2));
    const line = page.locator('.nearest-found[aria-busy=false] .change').first();
    await eventually(async () => {
      const parts = await changeOf(line, other);
      return parts !== null && (valueOf(parts.reduce((values, [f, x]) => values.with(f, x), row)) - Number(goal.toFixed(2))) * Math.sign(goal - now) >= 0;
    }, `a change that crosses ${goal}`);
  }
  await target.fill('');
  await page.getByText('Type a value that its answer should reach').waitFor();
  other.free();
  assert.deepEqual(faults, []);
  await context.close();
});

/** [[feature, value]] of a change's sentence. */
async function changeOf(line, { description }) {
  const text = (await line.locator('.change-text').allTextContents()).join();
  const parts = description.features.flatMap((feature, f) => {
    const [, to] = new RegExp(`\\b${feature.title ?? feature.name} from \\S+ to (-?[\\d.eE+-]+)`).exec(text) ?? [];
    return to === undefined ? [] : [[f, Number(to)]];
  });
  return parts.length === 0 ? null : parts;
}

test('a row with a missing value has its changes, its map and its curves', async () => {
  const name = 'hgb_cancer_nan';
  const width = readCase(name).rows.shape[1];
  const row = finiteRows(name)[0].map((x, f) => (f === 1 ? null : Number(x.toFixed(4))));
  assert.equal(row.length, width);
  const other = await loadModel(readCase(name).model);
  const classFor = (values) => other.predict('index', Float64Array.from(values, (x) => x ?? NaN))[0];
  const { page, context, faults } = await openModel(name, row);
  const parts = await changeOf(page.locator('.change').first(), other);
  if (parts === null) await page.getByText('No change of one feature alone does it').waitFor();
  else assert.notEqual(classFor(parts.reduce((values, [f, x]) => values.with(f, x), row)), classFor(row));
  await page.locator('.small-curve').first().waitFor();
  const card = page.locator('.regions');
  await card.getByText('As a table').click();
  const [across, up] = await card.locator('.picks select').evaluateAll((all) => all.map((one) => Number(one.value)));
  const columns = (await card.locator('thead th').allTextContents()).slice(1).map((text) => Number.parseFloat(text));
  const labels = other.description.outputs[0].labels.map(String);
  for (const [head, ...said] of await card.locator('tbody tr').evaluateAll((rows) => rows.map((one) => Array.from(one.cells, (cell) => cell.textContent)))) {
    assert.deepEqual(said, columns.map((x) => labels[classFor(row.with(across, x).with(up, Number.parseFloat(head)))]), head);
  }
  other.free();
  assert.deepEqual(faults, []);
  await context.close();
});

test('of categories: the map, the curve and the change are the answers of the binding', async () => {
  const name = 'hgb_cancer_categorical';
  const row = finiteRows(name)[0].map((x) => Number(x.toFixed(4)));
  const other = await loadModel(readCase(name).model);
  const [across, up] = other.description.features.flatMap(({ kind }, f) => (kind === 'cat' ? [f] : []));
  const labels = other.description.outputs[0].labels.map(String);
  const classFor = (values) => other.predict('index', Float64Array.from(values))[0];
  const { page, context, faults } = await openModel(name, row);
  const card = page.locator('.regions');
  await card.locator('.picks select').nth(0).selectOption(String(across));
  await card.locator('.picks select').nth(1).selectOption(String(up));
  await card.getByText('As a table').click();
  const readTable = (place) => place.locator('tbody tr').evaluateAll((rows) => rows.map((one) => Array.from(one.cells, (cell) => cell.textContent)));
  const readHead = async () => (await card.locator('thead th').allTextContents()).slice(1);
  await eventually(async () => (await readHead()).every((text) => /^\d+$/.test(text)), 'the map is of categories');
  const codes = (await readHead()).map(Number);
  assert.ok(codes.length > 2 && new Set(codes).size === codes.length, `codes ${codes}`);
  const map = await readTable(card);
  assert.ok(map.length > 2);
  for (const [head, ...said] of map) {
    assert.deepEqual(said, codes.map((x) => labels[classFor(row.with(across, x).with(up, Number(head)))]), `${head} up`);
  }
  await page.locator('.small-curve', { hasText: other.description.features[across].name }).click();
  const large = page.locator('.large-curve');
  await large.getByText('As a table').click();
  const steps = await readTable(large);
  assert.deepEqual(steps.map(([code]) => Number(code)), steps.map((_, i) => i), 'one step for each category');
  assert.ok(steps.length >= codes.length);
  for (const [code, said, ...percents] of steps) {
    const at = row.with(across, Number(code));
    assert.equal(said, labels[classFor(at)], `category ${code}`);
    assert.deepEqual(percents, Array.from(other.predictProba(Float64Array.from(at)), percentText), `category ${code}`);
  }
  const parts = await changeOf(page.locator('.change').first(), other);
  if (parts === null) await page.getByText('No change of one feature alone does it').waitFor();
  else assert.notEqual(classFor(parts.reduce((values, [f, x]) => values.with(f, x), row)), classFor(row));
  other.free();
  assert.deepEqual(faults, []);
  await context.close();
});

for (const colorScheme of ['light', 'dark']) {
  for (const viewport of [{ width: 1280, height: 800 }, { width: 360, height: 740 }]) {
    test(`what if for everyone: ${colorScheme}, ${viewport.width} px`, async () => {
      const { page, context, faults } = await openWhatIf(flowers[3], { colorScheme, viewport });
      for (const details of await page.locator('.behind summary').all()) await details.click();
      assert.deepEqual(await accessibilityFaults(page), []);
      const [inner, outer] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
      assert.ok(inner <= outer, `the page is ${inner} wide in a window of ${outer}`);
      assert.deepEqual(faults, []);
      await context.close();
    });
  }
}

test('a visit without a network has the panel too', async () => {
  const { page, context } = await site.openReadyPage();
  await page.getByText('Ready to work offline').waitFor();
  const has = (part) => page.evaluate(async (name) => {
    const found = await Promise.all((await caches.keys()).map(async (key) => (await (await caches.open(key)).keys()).map(({ url }) => url)));
    return found.flat().some((url) => url.includes(name));
  }, part);
  for (const part of ['panel-what-if', 'panel-compare', 'panel-answers']) await eventually(() => has(part), `${part} is kept`, 20_000);
  await context.setOffline(true);
  await page.getByRole('tab', { name: 'What if' }).click();
  await page.locator('.small-curve').first().waitFor();
  await context.close();
});
