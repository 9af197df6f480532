// The API docs, used as the tutorial says.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { useSite } from './support/site.mjs';

const site = useSite();

async function openDocs() {
  const opened = await site.openPage();
  await opened.page.goto(`${site.url}apidocs`);
  assert.equal(opened.page.url(), `${site.url}apidocs/`);
  await opened.page.locator('.opblock').first().waitFor();
  return opened;
}

test('Try it out, Execute: [0]', async () => {
  const { page, context, faults } = await openDocs();
  const block = page.locator('.opblock-get').filter({ hasText: '/predict' }).first();
  await block.locator('.opblock-summary-control').click();
  await block.getByRole('button', { name: 'Try it out' }).click();
  await block.getByRole('button', { name: 'Execute' }).click();
  const live = block.locator('.live-responses-table');
  await live.waitFor();
  assert.equal((await live.locator('.response-col_status').last().textContent()).trim(), '200');
  const shown = await live.locator('.highlight-code, .microlight').first().textContent();
  assert.match(shown, /^\s*(Download)?\s*\[0\]/);
  assert.deepEqual(faults, []);
  await context.close();
});

test('a file of rows can be sent', async () => {
  const { page, context, faults } = await openDocs();
  const block = page.locator('.opblock-post').filter({ hasText: '/predict_file' }).first();
  await block.locator('.opblock-summary-control').click();
  await block.getByRole('button', { name: 'Try it out' }).click();
  const rows = '5.1,3.5,1.4,0.2\n6.0,2.9,4.5,1.5\n6.3,3.3,6.0,2.5\n';
  await block.locator('input[type=file]').setInputFiles({ name: 'rows.csv', mimeType: 'text/csv', buffer: Buffer.from(rows) });
  await block.getByRole('button', { name: 'Execute' }).click();
  const live = block.locator('.live-responses-table');
  await live.waitFor();
  assert.match(await live.textContent(), /\[0, 1, 2\]/);
  assert.deepEqual(faults, []);
  await context.close();
});

test('nothing of the package phones home', async () => {
  const { page, context, faults } = await openDocs();
  assert.equal(await page.locator('.errors-wrapper').count(), 0);
  assert.deepEqual(faults, []);
  await context.close();
});
