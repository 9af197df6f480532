/* global NodeFilter, document, window */
// Takes the pictures of docs/images with the real service, and writes beside them what of the page's own
// words stands on each, by which pictures.test.mjs sees that they are stale: node tests/web/screenshots.mjs
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';

import { readFixture } from '../wasm/support/fixtures.mjs';
import { root } from '../wasm/support/vectors.mjs';
import { openBrowser, openPage, openReadyPage } from './support/browser.mjs';
import { folder, isSaid, oneSpace, sourcesOfThePage, textsFile } from './support/pictures.mjs';
import { answersInNode, finiteRows, irisLabels, irisNames, toCsv } from './support/rows.mjs';
import { startService } from './support/service.mjs';
import { enterRow, giveFile } from './support/shown.mjs';

const sources = sourcesOfThePage();
const texts = {};
const desk = { width: 1120, height: 900 };
/** A flower between two species: no bar is empty of news. */
const row = [6.0, 2.7, 5.1, 1.6];

mkdirSync(folder, { recursive: true });
const records = mkdtempSync(join(tmpdir(), 'copse-shots-'));
const service = await startService({ options: ['--log', join(records, 'log.db'), '--predictions-route'] });
const browser = await openBrowser();
try {
  await shoot('page-light', { viewport: desk, colorScheme: 'light' }, ask);
  await shoot('page-dark', { viewport: desk, colorScheme: 'dark' }, askTheServer);
  await shoot('page-phone', { viewport: { width: 360, height: 740 }, deviceScaleFactor: 2 }, ask);
  await shoot('page-import', { viewport: desk, colorScheme: 'light' }, openForest);
  await shoot('page-score', { viewport: { width: 1120, height: 980 }, colorScheme: 'light' }, scoreFile);
  await shoot('page-why', { viewport: { width: 1120, height: 2100 }, colorScheme: 'light' }, explain);
  await shoot('page-what-if', { viewport: { width: 1120, height: 2120 }, colorScheme: 'light' }, askWhatIf);
  await shoot('page-compare', { viewport: { width: 1120, height: 1500 }, colorScheme: 'light' }, compare);
  await shoot('page-server', { viewport: { width: 1120, height: 1180 }, colorScheme: 'light' }, lookAtServer);
  await shootDocs();
  writeFileSync(textsFile, `${JSON.stringify(texts, null, 1)}\n`);
} finally {
  await browser.close();
  await service.stop();
  rmSync(records, { recursive: true, force: true });
}

async function shoot(name, look, act) {
  const { page, context } = await openReadyPage(browser, service.url, { ...look, reducedMotion: 'reduce' });
  await act(page);
  await page.getByText('Ready to work offline').waitFor();
  await page.evaluate(() => window.scrollTo(0, 0));
  await take(page, name);
  await context.close();
}

/** The picture of what is in the window. */
async function take(page, name) {
  const shown = new Set((await page.evaluate(textsInView)).map(oneSpace));
  texts[name] = [...shown].filter((text) => /[A-Za-z]{4}/.test(text) && isSaid(sources, text)).sort();
  await page.screenshot({ path: join(folder, `${name}.png`) });
}

function textsInView() {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const range = document.createRange();
  const found = [];
  while (walker.nextNode()) {
    const node = walker.currentNode;
    range.selectNodeContents(node);
    const { width, height, top, bottom } = range.getBoundingClientRect();
    const inside = width > 0 && height > 0 && bottom > 0 && top < window.innerHeight;
    if (inside && node.parentElement.checkVisibility({ opacityProperty: true, visibilityProperty: true })) found.push(node.data);
  }
  return found;
}

async function ask(page) {
  await enterRow(page, row);
  await page.locator('h1').click();
}

async function askTheServer(page) {
  await ask(page);
  await page.getByRole('radio', { name: 'The server' }).click();
  await page.getByText('Both agree to the bit').waitFor();
  await page.getByText('Every digit').click();
  await page.locator('h1').click();
}

async function openForest(page) {
  const { bytes, path } = readFixture('skl_rf_named');
  const name = `random_forest${extname(path)}`;
  await giveFile(page, 'Open a model file', name, bytes);
  await page.getByRole('heading', { name: `Imported from ${name}` }).waitFor();
  await page.locator('.verdict-label').waitFor();
}

/** Looks at a tree that has another opinion than most. */
async function explain(page) {
  await ask(page);
  await page.getByRole('tab', { name: 'Why' }).click();
  await page.locator('.tree-place').first().waitFor();
  await page.getByLabel(/Number of the tree/).fill('16');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Tree 16' }).waitFor();
  await page.locator('h1').click();
}

async function askWhatIf(page) {
  await ask(page);
  await page.getByRole('tab', { name: 'What if' }).click();
  await page.locator('.small-curve').first().waitFor();
  await page.locator('.nearest-found[aria-busy=false] .change').first().waitFor();
  await page.locator('h1').click();
}

/** The forest beside one tree of two questions, for the row and for all flowers. */
async function compare(page) {
  await ask(page);
  await page.getByRole('tab', { name: 'Compare' }).click();
  const file = join(records, 'one_tree.safetensors');
  execFileSync('/usr/bin/python3', ['-c', `
import sys
import numpy as np
from sklearn.tree import DecisionTreeClassifier
import copse_export
X = np.loadtxt("models/iris.csv", delimiter=",", skiprows=1, usecols=range(4))
y = np.loadtxt("models/iris.csv", delimiter=",", skiprows=1, usecols=4, dtype=str)
tree = DecisionTreeClassifier(max_depth=2, random_state=42).fit(X, y)
copse_export.save(tree, sys.argv[1], X=X, feature_names=["s_length", "s_width", "p_length", "p_width"])
`, file], { cwd: root, env: { ...process.env, PYTHONPATH: 'models' } });
  await giveFile(page, 'Choose the second model', 'one_tree.safetensors', readFileSync(file));
  await page.locator('.compare-row').waitFor();
  await giveFile(page, 'Choose a file of rows', 'iris.csv', readFileSync(join(root, 'models/iris.csv')));
  await page.locator('.compare-rows table').first().waitFor();
  await page.locator('h1').click();
}

/** Flowers with their species, some of them named wrongly. */
async function scoreFile(page) {
  const rows = finiteRows('iris').slice(0, 150);
  const { decisions } = await answersInNode('iris', rows);
  const species = decisions.map((k, r) => irisLabels[r % 17 === 3 ? (k + 1) % 3 : k]);
  const csv = toCsv([...irisNames, 'species'], rows.map((values, r) => [...values.map((x) => x.toFixed(1)), species[r]]));
  await page.getByRole('tab', { name: 'Score a file' }).click();
  await giveFile(page, 'Choose a file of rows', 'flowers.csv', Buffer.from(csv));
  await page.locator('.confusion').waitFor();
  await page.locator('.rows tbody tr').first().waitFor();
}

/** Flowers whose petals were measured too long for a while. */
async function lookAtServer(page) {
  for (const [r, values] of finiteRows('iris').filter((flower) => flower.every((x) => x > 0 && x < 8)).entries()) {
    const measured = values.map((x, f) => Number((f === 2 && r % 3 === 0 ? x + 2 : x).toFixed(1)));
    const body = JSON.stringify(Object.fromEntries(irisNames.map((name, f) => [name, measured[f]])));
    await fetch(new URL('predict', service.url), { method: 'POST', body, headers: { 'Content-Type': 'application/json' } });
  }
  await page.getByRole('tab', { name: 'Server' }).click();
  await page.locator('.server-rows').waitFor();
}

async function shootDocs() {
  const { page, context } = await openPage(browser, service.url, { viewport: { width: 1120, height: 1360 } });
  await page.goto(`${service.url}apidocs/`);
  const block = page.locator('.opblock-get').first();
  await block.locator('.opblock-summary-control').click();
  await block.getByRole('button', { name: 'Try it out' }).click();
  await block.getByRole('button', { name: 'Execute' }).click();
  await block.locator('.live-responses-table').waitFor();
  await page.locator('h1').click();
  await page.evaluate(() => Promise.all(document.getAnimations().map((animation) => animation.finished)));
  await take(page, 'apidocs');
  await context.close();
}
