/* global navigator */
// A row in the address: it fills the form, no server sees it, and a bad one breaks nothing.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { accessibilityFaults, eventually, openPage } from './support/browser.mjs';
import { answersInNode, irisLabels } from './support/rows.mjs';
import { readCase } from '../wasm/support/vectors.mjs';
import { startService } from './support/service.mjs';
import { enterRow, readAnswer } from './support/shown.mjs';
import { useSite } from './support/site.mjs';

const site = useSite();
const row = [6.3, 3.3, 6.02, 2.5];

async function copyLink(page) {
  await page.getByRole('button', { name: 'Copy a link to this row' }).click();
  await page.getByText('Copied.').waitFor();
  return page.evaluate(() => navigator.clipboard.readText());
}

function valuesIn(page) {
  return page.locator('input[type=number]').evaluateAll((inputs) => inputs.map((input) => input.value));
}

async function answerIs(page, label) {
  await eventually(async () => (await readAnswer(page)).label === label, label);
}

test('a copied link fills the form of another browser, and no request holds its values', async () => {
  const { page, context, faults } = await site.openReadyPage({ permissions: ['clipboard-read', 'clipboard-write'] });
  await enterRow(page, row);
  const link = new URL(await copyLink(page));
  assert.equal(link.origin + link.pathname + link.search, site.url);
  assert.match(link.hash, /^#predict\?/);
  assert.deepEqual(faults, []);
  await context.close();

  const other = await site.openPage();
  const sent = [];
  other.context.on('request', (request) => sent.push(`${request.url()} ${request.postData() ?? ''} ${request.headers().referer ?? ''}`));
  await other.page.goto(link.href);
  const { decisions } = await answersInNode('iris', [row]);
  await answerIs(other.page, irisLabels[decisions[0]]);
  assert.deepEqual(await valuesIn(other.page), row.map(String));
  assert.ok(sent.length > 2);
  assert.deepEqual(sent.filter((text) => text.includes('6.02') || text.includes('s_length')), []);
  // What the form does not say any more, the address does not either.
  await other.page.locator('input[type=number]').first().fill('5');
  await eventually(() => !other.page.url().includes('row='), 'an address without the row');
  assert.deepEqual(other.faults, []);
  await other.context.close();
});

test('a link holds the tab too, and changing the tab keeps the row', async () => {
  const { page, context, faults } = await site.openReadyPage({ permissions: ['clipboard-read', 'clipboard-write'] });
  await enterRow(page, row);
  await page.getByRole('tab', { name: 'Why' }).click();
  const link = await copyLink(page);
  assert.match(link, /#why\?/);
  await page.goto(site.url);
  await page.goto(link);
  await page.getByRole('tab', { name: 'Why', selected: true }).waitFor();
  await eventually(async () => (await valuesIn(page))[2] === '6.02', 'the row');
  await page.getByRole('tab', { name: 'Score a file' }).click();
  assert.match(page.url(), /#score\?model=iris/);
  await page.getByRole('tab', { name: 'Predict' }).click();
  assert.deepEqual(await valuesIn(page), row.map(String));
  await page.goto(`${site.url}#score`);
  await page.getByRole('tab', { name: 'Score a file', selected: true }).waitFor();
  assert.deepEqual(faults, []);
  await context.close();
});

test('a link for another model, or another version, says so and waits', async () => {
  const { page, context, faults } = await site.openReadyPage();
  const before = await valuesIn(page);
  const values = encodeURIComponent(JSON.stringify({ a: 1 }));
  const note = page.locator('.link-note');
  for (const [parts, said] of [
    [`model=flowers&version=0123456789ab&row=${values}`, /another model: flowers \(version 0123456789ab\)\. This page shows iris/],
    [`model=iris&version=0123456789ab&row=${values}`, /another version of iris: 0123456789ab\. This page shows 8c6fea4c666e/],
  ]) {
    await page.goto(`${site.url}#predict?${parts}`);
    await eventually(async () => said.test(await note.textContent()), String(said));
    assert.deepEqual(await valuesIn(page), before);
  }
  assert.deepEqual(await accessibilityFaults(page), []);
  await note.getByRole('button', { name: 'Close' }).click();
  assert.equal(await note.textContent(), '');
  assert.equal(page.url(), site.url);
  assert.deepEqual(faults, []);
  await context.close();
});

test('bad fragments never break the page', async () => {
  const version = '8c6fea4c666e';
  const json = (x) => encodeURIComponent(JSON.stringify(x));
  const whole = { s_length: 5, s_width: 3, p_length: 1, p_width: 0 };
  for (const [fragment, said] of [
    ['#predict?', null],
    ['#nothing', null],
    ['#predict?%E0%A4%A', /cannot be read/],
    ['#predict?model=iris&row=%7B', /cannot be read/],
    [`#predict?model=iris&version=${version}&row=${json([1, 2])}`, /cannot be read/],
    [`#predict?model=iris&version=${version}&row=null`, /cannot be read/],
    [`#predict?model=iris&version=${version}&row=${json({ s_length: { a: 1 } })}`, /cannot be read/],
    [`#predict?model=iris&version=${version}&row=${json({ s_length: 5 })}`, /no value for 's_width'/],
    [`#predict?model=iris&version=${version}&row=${json({ ...whole, '<img src=x>': 1 })}`, /value for '<img src=x>'/],
    [`#predict?model=iris&version=${version}&row=%7B%22__proto__%22%3A1%7D`, /value for '__proto__'/],
  ]) {
    const { page, context, faults } = await site.openPage();
    await page.goto(site.url + fragment);
    await page.locator('.verdict-label').waitFor();
    const note = page.locator('.link-note');
    if (said === null) assert.equal(await note.textContent(), '', fragment);
    else await eventually(async () => said.test(await note.textContent()), `${fragment}: ${said}`);
    await enterRow(page, [5.1, 3.5, 1.4, 0.2]);
    await answerIs(page, 'setosa');
    assert.deepEqual(faults, [], fragment);
    await context.close();
  }
});

test('missing values and every digit come back as they were; a link that no clipboard takes is shown', async () => {
  const name = 'hgb_wine_nan';
  const service = await startService({ model: readCase(name).modelPath });
  try {
    const { page, context, faults } = await openPage(site.browser, service.url);
    // A page without a clipboard, as one that came over http.
    await context.addInitScript(() => { Object.defineProperty(navigator, 'clipboard', { value: undefined }); });
    await page.goto(service.url);
    await page.locator('.verdict-label').waitFor();
    await page.locator('input[type=number]').first().fill('12.345678901234567');
    await page.locator('.missing input').nth(1).check();
    await page.getByRole('button', { name: 'Copy a link to this row' }).focus();
    await page.keyboard.press('Enter');
    const link = await page.getByLabel('Link to this row').inputValue();
    assert.deepEqual(await accessibilityFaults(page), []);
    const fields = JSON.parse(new URLSearchParams(new URL(link).hash.split('?')[1]).get('row'));
    assert.deepEqual(Object.values(fields).slice(0, 2), [12.345678901234567, null]);
    await page.goto('about:blank');
    await page.goto(link);
    await eventually(async () => (await page.locator('.missing input').nth(1).isChecked()), 'missing');
    assert.equal(await page.locator('.missing input').first().isChecked(), false);
    assert.deepEqual(faults, []);
    await context.close();
  } finally {
    await service.stop();
  }
});
