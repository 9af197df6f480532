/* global Event, document, getComputedStyle, visualViewport */
// The drawing of a tree: the row's way, folding, zooming, keys, and the file that it is saved as.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';

import { loadModel } from 'copse';

import { iris } from '../wasm/support/vectors.mjs';
import { eventually, openPage } from './support/browser.mjs';
import { completeForest } from './support/complete-forest.mjs';
import { useSite } from './support/site.mjs';
import { enterRowBeside, numberIn, openFile, openVector, openWhy, pathIds, readPathIds, shownTree } from './support/why.mjs';

const site = useSite();
const row = [6.3, 2.5, 5, 1.9];
let forest;

before(async () => {
  forest = await loadModel(readFileSync(iris));
});

after(async () => {
  forest?.free();
});

async function openTree(t, options) {
  const opened = await openWhy(site.browser, site.url, options);
  await enterRowBeside(opened.page, row);
  await opened.page.locator('.tree-place').first().waitFor();
  await chooseTree(opened.page, t);
  return opened;
}

async function chooseTree(page, t) {
  await page.getByLabel(/Number of the tree/).fill(String(t + 1));
  await page.keyboard.press('Enter');
  await eventually(async () => (await shownTree(page)) === t, `tree ${t + 1}`);
}

async function demandPath(page, model, values, t) {
  const expected = pathIds(model, values, t);
  await eventually(async () => JSON.stringify(await readPathIds(page)) === JSON.stringify(expected), `path ${expected.join(' ')}`);
}

const scaleOf = (page) => page.locator('.tree-content').evaluate((group) => Number(/scale\(([\d.]+)/.exec(group.getAttribute('transform'))[1]));
const placeCount = (page) => page.locator('.tree-view').getAttribute('data-places').then(Number);
const activeId = (page) => page.locator('.tree-view').getAttribute('aria-activedescendant');

test('the highlighted way is the decision path of the binding, for each tree and row', async () => {
  const { page, context, faults } = await openTree(0);
  for (const t of [0, 7, 42, 99]) {
    await chooseTree(page, t);
    await demandPath(page, forest, row, t);
  }
  for (const values of [[5.1, 3.5, 1.4, 0.2], [6, 2.7, 5.1, 1.6]]) {
    await enterRowBeside(page, values);
    await demandPath(page, forest, values, 99);
  }
  assert.deepEqual(faults, []);
  await context.close();
});

test('a number that is being typed stays while rows come by', async () => {
  const { page, context, faults } = await openTree(0);
  const number = page.getByLabel(/Number of the tree/);
  await number.fill('43');
  // Rows that move with the focus elsewhere, as from a slider under another finger.
  for (const x of ['5', '5.5', '6']) {
    await page.evaluate((text) => {
      const input = document.querySelector('input[type=number]');
      input.value = text;
      input.dispatchEvent(new Event('input', { bubbles: true }));
    }, x);
    await page.locator('.waterfall-value', { hasText: `= ${x} cm` }).first().waitFor();
    await demandPath(page, forest, [Number(x), ...row.slice(1)], 0);
  }
  assert.equal(await number.inputValue(), '43');
  await page.keyboard.press('Enter');
  await eventually(async () => (await shownTree(page)) === 42, 'tree 43');
  assert.deepEqual(faults, []);
  await context.close();
});

test('nodes say what they ask, of which category, where missing values go, and how many came', async () => {
  const { page, faults, model, close } = await openVector(site.browser, 'hgb_cancer_categorical');
  try {
    const trees = Array.from({ length: model.description.n_trees }, (_, t) => model.tree(t));
    const t = trees.findIndex((tree) => tree.categories.some((set) => set !== null));
    await page.locator('.tree-place').first().waitFor();
    await chooseTree(page, t);
    await page.getByRole('button', { name: 'Unfold all' }).click();
    const tree = trees[t];
    assert.equal(await placeCount(page), 2 * tree.nNodes + 1);
    for (let n = 0; n < tree.nNodes; ++n) {
      const label = await page.locator(`#tree-node-${n}`).getAttribute('aria-label');
      const { name } = model.description.features[tree.feature[n]];
      assert.ok(label.startsWith(`${name} `), label);
      const listed = tree.categories[n];
      if (listed === null) assert.match(label, /≤/);
      else assert.ok(label.includes(listed.join(', ')) && label.includes('not ') === (tree.listedRight[n] === 1), label);
      assert.match(label, new RegExp(`missing: ${tree.missingLeft[n] === 1 ? 'yes' : 'no'}`));
      assert.match(label, /training weight/);
    }
    assert.deepEqual(faults, []);
  } finally {
    await close();
  }
});

test('a row whose values are missing goes the way of missing values', async () => {
  const { page, faults, model, close } = await openVector(site.browser, 'hgb_cancer_nan');
  try {
    await page.locator('.tree-place').first().waitFor();
    const toggles = page.getByLabel(/^missing/);
    for (let f = 0; f < model.nFeatures; ++f) await toggles.nth(f).check();
    await demandPath(page, model, new Array(model.nFeatures).fill(null), await shownTree(page));
    assert.ok((await page.locator('.tree-own').allTextContents()).every((text) => text === 'missing'));
    assert.deepEqual(faults, []);
  } finally {
    await close();
  }
});

test('a leaf whose value depends on the row shows what it adds to this one', async () => {
  const { page, faults, model, close } = await openVector(site.browser, 'ref_linear_leaves');
  try {
    const values = new Array(model.nFeatures).fill(0.25);
    await enterRowBeside(page, values);
    const paths = model.decisionPath(values);
    const t = paths.findIndex(({ tree, leaf, values: [adds] }) => Math.abs(model.tree(tree).leafValues[leaf] - adds) > 0.01);
    assert.ok(t >= 0);
    await chooseTree(page, t);
    await demandPath(page, model, values, t);
    const [adds] = paths[t].values;
    const shown = () => page.locator('.tree-leaf.tree-path .tree-title').textContent().then(numberIn);
    await eventually(async () => Math.abs((await shown()) - adds) < 1e-4, `a leaf of ${adds}`);
    assert.deepEqual(faults, []);
  } finally {
    await close();
  }
});

test('what is folded is unfolded when it is asked for, and folded again', async () => {
  const { page, context, faults } = await openTree(2);
  const tree = forest.tree(2);
  assert.ok(tree.nNodes > 7);
  const steps = forest.decisionPath(row, { from: 2, to: 3 })[0].steps.length;
  // The way, and what lies beside each of its steps.
  assert.equal(await placeCount(page), 2 * steps + 1);
  const folded = page.locator('.tree-place[aria-expanded=false]').first();
  const id = await folded.getAttribute('id');
  await folded.click();
  await page.locator(`#${id}[aria-expanded=true]`).waitFor();
  assert.equal(await placeCount(page), 2 * steps + 3);
  await page.locator(`#${id}`).click();
  await eventually(async () => (await placeCount(page)) === 2 * steps + 1, 'folded');
  await page.getByRole('button', { name: 'Unfold all' }).click();
  await eventually(async () => (await placeCount(page)) === 2 * tree.nNodes + 1, 'all places');
  await page.getByRole('button', { name: 'This row’s path' }).click();
  await eventually(async () => (await placeCount(page)) === 2 * steps + 1, 'the path alone');
  assert.deepEqual(faults, []);
  await context.close();
});

test('zoom by buttons, keys and wheel; drag; fit', async () => {
  const { page, context, faults } = await openTree(2);
  const view = page.locator('.tree-view');
  await view.scrollIntoViewIfNeeded();
  const first = await scaleOf(page);
  await page.getByRole('button', { name: 'Zoom in' }).click();
  const larger = await scaleOf(page);
  assert.ok(larger > first * 1.2);
  await view.focus();
  await page.keyboard.press('-');
  await eventually(async () => Math.abs((await scaleOf(page)) - first) < 1e-6, 'smaller');
  await page.keyboard.press('+');
  await eventually(async () => Math.abs((await scaleOf(page)) - larger) < 1e-6, 'larger');
  const area = await view.boundingBox();
  await page.mouse.move(area.x + 100, area.y + 200);
  await page.keyboard.down('Control');
  await page.mouse.wheel(0, -100);
  await page.keyboard.up('Control');
  await eventually(async () => (await scaleOf(page)) > larger * 1.2, 'larger by the wheel');
  const before = await page.locator('.tree-content').getAttribute('transform');
  const scrolled = await page.evaluate(() => document.documentElement.scrollTop);
  await page.mouse.wheel(0, 100);
  await eventually(async () => (await page.evaluate(() => document.documentElement.scrollTop)) !== scrolled, 'the page scrolls');
  assert.equal(await page.locator('.tree-content').getAttribute('transform'), before);
  await view.scrollIntoViewIfNeeded();
  const now = await view.boundingBox();
  const count = await placeCount(page);
  await page.mouse.move(now.x + 200, now.y + 100);
  await page.mouse.down();
  await page.mouse.move(now.x + 260, now.y + 130, { steps: 4 });
  await page.mouse.up();
  const xOf = (text) => Number(/translate\((-?[\d.]+)/.exec(text)[1]);
  const moved = xOf(await page.locator('.tree-content').getAttribute('transform')) - xOf(before);
  assert.ok(moved > 40 && moved < 80, `moved by ${moved}`);
  assert.equal(await placeCount(page), count, 'a drag is no click');
  await page.getByRole('button', { name: 'Fit' }).click();
  assert.ok(Math.abs((await scaleOf(page)) - first) < 1e-6);
  assert.deepEqual(faults, []);
  await context.close();
});

test('by keyboard alone: along the way, aside, unfold, back to the root', async () => {
  const { page, context, faults } = await openTree(2);
  const [{ steps, leaf }] = forest.decisionPath(row, { from: 2, to: 3 });
  await page.getByRole('button', { name: 'Save as SVG' }).focus();
  await page.keyboard.press('Tab');
  assert.ok(await page.locator('.tree-view').evaluate((view) => view === document.activeElement));
  assert.equal(await activeId(page), 'tree-node-0');
  for (const step of steps.slice(1)) {
    await page.keyboard.press('ArrowDown');
    assert.equal(await activeId(page), `tree-node-${step.node}`);
  }
  await page.keyboard.press('ArrowDown');
  assert.equal(await activeId(page), `tree-leaf-${leaf}`);
  await page.keyboard.press('ArrowUp');
  assert.equal(await activeId(page), `tree-node-${steps.at(-1).node}`);
  await page.keyboard.press('End');
  assert.equal(await activeId(page), `tree-leaf-${leaf}`);
  await page.keyboard.press('Home');
  assert.equal(await activeId(page), 'tree-node-0');
  // Enter folds and unfolds what is meant.
  const before = await placeCount(page);
  await page.keyboard.press('Enter');
  await eventually(async () => (await placeCount(page)) === 1, 'folded');
  await page.keyboard.press('Enter');
  await eventually(async () => (await placeCount(page)) === before, 'unfolded');
  await page.keyboard.press('ArrowDown');
  const here = await activeId(page);
  await page.keyboard.press(steps[0].left ? 'ArrowRight' : 'ArrowLeft');
  assert.notEqual(await activeId(page), here);
  assert.ok(await page.locator(`#${await activeId(page)}`).evaluate((place) => !place.classList.contains('tree-path')));
  assert.equal(await page.locator('[aria-selected=true].tree-place').count(), 1);
  assert.deepEqual(faults, []);
  await context.close();
});

test('the saved file is an SVG of its own with the way in it, and looks the same from disk', async () => {
  const { page, context, faults } = await openTree(2, { colorScheme: 'dark' });
  await page.locator('.tree-place[aria-expanded=false]').first().click();
  const saved = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Save as SVG' }).click();
  const file = await saved;
  assert.equal(file.suggestedFilename(), 'iris-tree-3.svg');
  const boxOnPage = await page.locator('.tree-path .tree-box').first().evaluate((box) => getComputedStyle(box).fill);
  const folder = mkdtempSync(join(tmpdir(), 'copse-svg-'));
  try {
    const path = join(folder, 'tree.svg');
    await file.saveAs(path);
    const url = pathToFileURL(path).href;
    const { page: alone, context: other, faults: others } = await openPage(site.browser, url);
    await alone.goto(url);
    const told = await alone.evaluate(() => {
      const onWay = Array.from(document.querySelectorAll('.tree-place.tree-path'), (place) => Number(place.getAttribute('data-node')));
      const box = document.querySelector('.tree-path .tree-box');
      return {
        root: document.documentElement.nodeName,
        places: document.querySelectorAll('.tree-place').length,
        onWay: onWay.sort((a, b) => a - b),
        active: document.querySelectorAll('script, foreignObject, image, [onclick], [href]').length,
        fill: getComputedStyle(box).fill,
        isDrawn: box.getBoundingClientRect().width > 50,
      };
    });
    const expected = { root: 'svg', places: await placeCount(page), onWay: pathIds(forest, row, 2), active: 0, fill: boxOnPage, isDrawn: true };
    assert.deepEqual(told, expected);
    assert.deepEqual(others, []);
    await other.close();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  assert.deepEqual(faults, []);
  await context.close();
});

test('on a phone two fingers zoom the drawing, not the page', async () => {
  const { page, context, faults } = await openTree(2, { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true });
  await page.locator('.tree-view').scrollIntoViewIfNeeded();
  const first = await scaleOf(page);
  const area = await page.locator('.tree-view').boundingBox();
  const [x, y] = [area.x + area.width / 2, area.y + area.height / 2];
  const session = await context.newCDPSession(page);
  const touch = (type, apart) =>
    session.send('Input.dispatchTouchEvent', { type, touchPoints: apart === null ? [] : [{ x: x - apart, y, id: 1 }, { x: x + apart, y, id: 2 }] });
  await touch('touchStart', 40);
  for (let apart = 45; apart <= 80; apart += 5) await touch('touchMove', apart);
  await touch('touchEnd', null);
  await eventually(async () => (await scaleOf(page)) > first * 1.5, 'larger');
  assert.equal(await page.evaluate(() => visualViewport.scale), 1);
  assert.deepEqual(faults, []);
  await context.close();
});

test('a name that is hostile to markup is text in the drawing and in the file', async () => {
  const name = 'a<b>&"\'\u0001]]>';
  const bytes = completeForest({ nTrees: 1, depth: 2, nFeatures: 1, names: [name] });
  const { page, context, faults } = await openWhy(site.browser, site.url);
  await openFile(page, 'hostile.safetensors', bytes);
  await page.locator('.tree-title').filter({ hasText: 'a<b>&"' }).first().waitFor();
  const saved = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Save as SVG' }).click();
  const folder = mkdtempSync(join(tmpdir(), 'copse-svg-'));
  try {
    const path = join(folder, 'tree.svg');
    await (await saved).saveAs(path);
    const url = pathToFileURL(path).href;
    const { page: alone, context: other, faults: others } = await openPage(site.browser, url);
    await alone.goto(url);
    assert.equal(await alone.evaluate(() => document.querySelector('parsererror')), null);
    assert.equal(await alone.evaluate(() => document.querySelector('.tree-title').textContent), name.replace('\u0001', ''));
    assert.deepEqual(others, []);
    await other.close();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  assert.deepEqual(faults, []);
  await context.close();
});

test('a tree of thousands of nodes is drawn in part, and unfolded as far as can be read', async () => {
  const bytes = completeForest({ nTrees: 2, depth: 12 });
  const { page, context, faults } = await openWhy(site.browser, site.url);
  const model = await loadModel(bytes);
  await openFile(page, 'large.safetensors', bytes);
  const values = new Array(model.nFeatures).fill(0.5);
  await eventually(async () => /4,095 nodes/.test(await page.locator('.tree-head').textContent()), 'the large tree');
  await demandPath(page, model, values, await shownTree(page));
  assert.equal(await placeCount(page), 25);
  assert.equal(await page.locator('.tree-more').count(), 11);
  await page.getByRole('button', { name: 'Unfold all' }).click();
  await eventually(async () => (await placeCount(page)) > 400, 'unfolded');
  assert.ok((await placeCount(page)) <= 500);
  assert.ok((await page.locator('.tree-more').count()) > 0, 'what is not drawn is still told');
  await demandPath(page, model, values, await shownTree(page));
  await page.getByRole('button', { name: 'Fit' }).click();
  await page.locator('.tree-view').scrollIntoViewIfNeeded();
  const { left, right } = await page.locator('.tree-content').evaluate((content) => {
    const [inner, outer] = [content.getBoundingClientRect(), content.ownerSVGElement.getBoundingClientRect()];
    return { left: inner.left - outer.left, right: outer.right - inner.right };
  });
  assert.ok(left >= 0 && right >= 0, 'the whole drawing');
  model.free();
  assert.deepEqual(faults, []);
  await context.close();
});

test('5,000 trees: every one votes, and each can be chosen', async () => {
  const bytes = completeForest({ nTrees: 5000, depth: 4 });
  const { page, context, faults } = await openWhy(site.browser, site.url);
  const model = await loadModel(bytes);
  await openFile(page, 'many.safetensors', bytes);
  const values = new Array(model.nFeatures).fill(0.5);
  const strip = page.locator('.strip-chart');
  await eventually(async () => (await strip.getAttribute('aria-valuemax')) === '5000', 'all votes');
  const order = model.decisionPath(values).map((path) => [path.tree, path.values[0]]).sort((a, b) => b[1] - a[1] || a[0] - b[0]);
  await strip.focus();
  await page.keyboard.press('End');
  await eventually(async () => (await shownTree(page)) === order.at(-1)[0], 'the last tree');
  await demandPath(page, model, values, order.at(-1)[0]);
  await page.keyboard.press('Home');
  await page.keyboard.press('ArrowRight');
  await eventually(async () => (await shownTree(page)) === order[1][0], 'the second tree');
  // However long the exact contributions take, the row that rests has them.
  await enterRowBeside(page, [0.1, 0.9, 0.4, 0.6]);
  const exact = model.explain([[0.1, 0.9, 0.4, 0.6]]).subarray(0, 4);
  await page.getByText('Every digit').click();
  await eventually(async () => {
    const cells = await page.locator('.contributions .every-digit td:nth-child(3)').allTextContents();
    return JSON.stringify(cells.slice(1).map(Number)) === JSON.stringify(Array.from(exact).sort((a, b) => Math.abs(b) - Math.abs(a)));
  }, 'exact contributions', 20_000);
  assert.equal(await page.getByText('A quick estimate').count(), 0);
  await eventually(async () => {
    const [start, all, total] = (await page.locator('.votes-sum b').allTextContents()).map((text) => numberIn(text.replace('= ', '')));
    const margin = model.predict('margin', [[0.1, 0.9, 0.4, 0.6]])[0];
    return start === 0.5 && Math.round((start + all) * 1e4) === Math.round(total * 1e4) && Math.abs(total - margin) < 1e-4;
  }, 'votes that add up');
  model.free();
  assert.deepEqual(faults, []);
  await context.close();
});
