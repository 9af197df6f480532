/* global caches, document, getComputedStyle, navigator */
// The panel that explains, for everyone: axe finds nothing, keys are enough, no network is needed.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { loadModel } from 'copse';

import { iris, vectors } from '../wasm/support/vectors.mjs';
import { accessibilityFaults, eventually, openPage } from './support/browser.mjs';
import { startService } from './support/service.mjs';
import { useSite } from './support/site.mjs';
import { enterRowBeside, openWhy, pathIds, readPathIds, shownTree } from './support/why.mjs';

const phone = { width: 360, height: 740 };
const desk = { width: 1280, height: 800 };
const site = useSite();

async function demandNoSidewaysScroll(page) {
  const [inner, outer] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
  assert.ok(inner <= outer, `the page is ${inner} wide in a window of ${outer}`);
}

/** Opens everything that can be opened. */
async function openAll(page) {
  await page.locator('.tree-place').first().waitFor();
  await page.getByText('Every digit').click();
  await page.getByText('As a table').click();
  await page.locator('.votes-table').waitFor();
  await page.getByRole('button', { name: 'Unfold all' }).click();
  await page.locator('.tree-view').focus();
}

for (const viewport of [desk, phone]) {
  for (const colorScheme of ['light', 'dark']) {
    test(`no fault that axe knows: ${colorScheme}, ${viewport.width} px`, async () => {
      const { page, context, faults } = await openWhy(site.browser, site.url, { colorScheme, viewport, reducedMotion: 'reduce' });
      await page.locator('.tree-place').first().waitFor();
      await page.locator('.importance-bars').waitFor();
      assert.deepEqual(await accessibilityFaults(page), []);
      await demandNoSidewaysScroll(page);
      await openAll(page);
      if (viewport === phone) await page.getByText('The row', { exact: true }).click();
      assert.deepEqual(await accessibilityFaults(page), []);
      await demandNoSidewaysScroll(page);
      assert.deepEqual(faults, []);
      await context.close();
    });
  }
}

/** A booster with categories and missing values, several outputs, an anomaly detector, and one that is refused. */
for (const name of ['hgb_cancer_categorical', 'rf_multioutput_str', 'iforest_wine', 'ref_linear_leaves']) {
  test(`no fault that axe knows: ${name}`, async () => {
    const service = await startService({ model: `${vectors}/${name}/model.safetensors` });
    try {
      const { page, context, faults } = await openWhy(site.browser, service.url, { viewport: phone, colorScheme: 'dark', reducedMotion: 'reduce' });
      await page.locator('.tree-place').first().waitFor();
      assert.deepEqual(await accessibilityFaults(page), []);
      await demandNoSidewaysScroll(page);
      assert.deepEqual(faults, []);
      await context.close();
    } finally {
      await service.stop();
    }
  });
}

test('by keyboard alone: from the tabs to a node of another tree', async () => {
  const { page, context, faults } = await openPage(site.browser, site.url);
  await page.goto(site.url);
  await page.getByRole('tab', { name: 'Predict' }).focus();
  await page.keyboard.press('ArrowRight');
  await page.locator('.tree-place').first().waitFor();
  const tabTo = async (what) => {
    for (let i = 0; i < 60; ++i) {
      await page.keyboard.press('Tab');
      if (await page.evaluate((selector) => document.activeElement.matches(selector), what)) return;
    }
    assert.fail(`no way to ${what} by Tab`);
  };
  await tabTo('#why-class');
  await page.keyboard.press('ArrowDown');
  await eventually(async () => /setosa/.test(await page.locator('.waterfall-sum th').textContent()), 'another class');
  await tabTo('.strip-chart');
  const first = await shownTree(page);
  await page.keyboard.press('End');
  await eventually(async () => (await shownTree(page)) !== first, 'another tree');
  await tabTo('.tree-view');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  assert.notEqual(await page.locator('.tree-view').getAttribute('aria-activedescendant'), 'tree-node-0');
  const outline = await page.locator('.tree-view').evaluate((view) => getComputedStyle(view).outlineStyle);
  assert.notEqual(outline, 'none');
  await tabTo('input[name=importance]');
  await page.keyboard.press('ArrowRight');
  assert.ok(await page.getByRole('radio', { name: 'Splits' }).isChecked());
  assert.deepEqual(faults, []);
  await context.close();
});

test('offline: a page that was visited once explains without a network', async () => {
  const { page, context, faults } = await openPage(site.browser, site.url);
  await page.goto(site.url);
  await page.getByText('Ready to work offline').waitFor();
  await page.evaluate(() => navigator.serviceWorker.ready);
  // Parts that no first visit needs are kept when the page has rested.
  await eventually(async () => page.evaluate(async () => {
    for (const name of await caches.keys()) {
      const kept = await (await caches.open(name)).keys();
      if (kept.some(({ url }) => url.includes('panel-why') && url.endsWith('.js'))) return true;
    }
    return false;
  }), 'the panel is kept', 20_000);
  await context.setOffline(true);
  await page.reload();
  await page.getByRole('tab', { name: 'Why' }).click();
  await page.locator('.tree-place').first().waitFor();
  const row = [6.3, 2.5, 5, 1.9];
  await enterRowBeside(page, row);
  const model = await loadModel(readFileSync(iris));
  await eventually(async () => JSON.stringify(await readPathIds(page)) === JSON.stringify(pathIds(model, row, await shownTree(page))), 'the path of the row');
  model.free();
  assert.deepEqual(faults, []);
  await context.close();
});
