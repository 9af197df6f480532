/* global document, getComputedStyle */
// Both pages for everyone: axe finds nothing, in both themes and on a phone.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { accessibilityFaults } from './support/browser.mjs';
import { useSite } from './support/site.mjs';

const phone = { width: 360, height: 740 };
const desk = { width: 1280, height: 800 };
const looks = [
  { colorScheme: 'light', viewport: desk },
  { colorScheme: 'dark', viewport: desk },
  { colorScheme: 'light', viewport: phone },
  { colorScheme: 'dark', viewport: phone },
];

const site = useSite();

/** Nothing may stick out to the side. */
async function demandNoSidewaysScroll(page) {
  const [inner, outer] = await page.evaluate(() => [
    document.documentElement.scrollWidth,
    document.documentElement.clientWidth,
  ]);
  assert.ok(inner <= outer, `the page is ${inner} wide in a window of ${outer}`);
}

for (const look of looks) {
  const name = `${look.colorScheme}, ${look.viewport.width} px`;

  test(`the page: ${name}`, async () => {
    const { page, context, faults } = await site.openReadyPage({ ...look, reducedMotion: 'reduce' });
    assert.deepEqual(await accessibilityFaults(page), []);
    await demandNoSidewaysScroll(page);
    await page.getByRole('radio', { name: 'The server' }).check();
    await page.getByText('Both agree to the bit').waitFor();
    await page.getByText('Every digit').click();
    await page.getByLabel('petal width in cm', { exact: true }).fill('25');
    await page.getByText('Outside of what the model saw').waitFor();
    await page.getByText('Both agree to the bit').waitFor();
    assert.deepEqual(await accessibilityFaults(page), []);
    await page.getByLabel('petal width in cm', { exact: true }).fill('');
    await page.getByText('petal width needs a number').waitFor();
    assert.deepEqual(await accessibilityFaults(page), []);
    await demandNoSidewaysScroll(page);
    assert.deepEqual(faults, []);
    await context.close();
  });

  test(`the API docs: ${name}`, async () => {
    const { page, context, faults } = await site.openPage(look);
    await page.goto(`${site.url}apidocs/`);
    await page.locator('.opblock').first().waitFor();
    assert.deepEqual(await accessibilityFaults(page), []);
    await page.locator('.opblock-summary-control').first().click();
    await page.getByRole('button', { name: 'Try it out' }).first().click();
    await page.getByRole('button', { name: 'Execute' }).first().click();
    await page.locator('.live-responses-table').waitFor();
    await page.locator('.opblock-summary-control').last().click();
    await page.locator('input[type=file]').waitFor();
    assert.deepEqual(await accessibilityFaults(page), []);
    assert.deepEqual(faults, []);
    await context.close();
  });
}

test('on a phone the answer stays in view while the last slider is moved', async () => {
  const { page, context } = await site.openReadyPage({ viewport: phone });
  for (const name of ['sepal length, slider', 'petal width, slider']) {
    const slider = page.getByRole('slider', { name });
    await slider.focus();
    const [field, answer] = await Promise.all([slider.boundingBox(), page.locator('.verdict-label').boundingBox()]);
    assert.ok(answer.y > 0 && answer.y + answer.height <= phone.height, `${name}: the answer is out of view`);
    assert.ok(field.y + field.height <= answer.y, `${name}: the answer lies over the slider`);
  }
  await context.close();
});

test('with reduced motion nothing moves by itself', async () => {
  const { page, context } = await site.openReadyPage({ reducedMotion: 'reduce' });
  const durations = await page.locator('*').evaluateAll((all) => all.map((element) => getComputedStyle(element).transitionDuration));
  assert.deepEqual([...new Set(durations)], ['0s']);
  await context.close();
});
