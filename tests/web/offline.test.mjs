/* global caches */
// Loaded once, the page needs its server no more.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { eventually, openBrowser, openReadyPage } from './support/browser.mjs';
import { startService } from './support/service.mjs';
import { enterRow, readAnswer } from './support/shown.mjs';

let browser;

before(async () => {
  browser = await openBrowser();
});

after(() => browser?.close());

test('after the server is gone a reload still predicts', async () => {
  const service = await startService();
  const { page, context } = await openReadyPage(browser, service.url);
  await page.getByText('Ready to work offline').waitFor();
  await service.stop();
  await assert.rejects(fetch(service.url), 'the server must be gone');
  for (const address of [service.url, `${service.url}index.html`]) {
    await page.goto(address);
    await page.locator('.verdict-label').waitFor();
    await enterRow(page, [6.3, 3.3, 6.0, 2.5]);
    await eventually(async () => (await readAnswer(page)).label === 'virginica', 'virginica');
    await enterRow(page, [5.1, 3.5, 1.4, 0.2]);
    await eventually(async () => (await readAnswer(page)).label === 'setosa', 'setosa');
  }
  await page.getByRole('radio', { name: 'The server' }).check();
  await page.getByText('The server cannot be reached').waitFor();
  assert.equal((await readAnswer(page)).label, 'setosa');
  await context.close();
});

test('a healthy server is asked first, a failing one is passed over', async () => {
  const service = await startService();
  try {
    const { page, context } = await openReadyPage(browser, service.url);
    await page.getByText('Ready to work offline').waitFor();
    let status = 200;
    let asked = 0;
    // Routes of the context also see what the service worker asks.
    await context.route('**/models/iris.safetensors', async (route) => {
      ++asked;
      await (status === 200 ? route.continue() : route.fulfill({ status, body: 'gone' }));
    });
    await page.reload();
    await page.locator('.verdict-label').waitFor();
    assert.ok(asked >= 1, 'the model came from the cache though the server is there');
    status = 503;
    await page.reload();
    await page.locator('.verdict-label').waitFor();
    assert.ok(asked >= 2);
    await context.close();
  } finally {
    await service.stop();
  }
});

test('what is not part of the page is left to the server', async () => {
  const service = await startService();
  try {
    const { page, context } = await openReadyPage(browser, service.url);
    await page.getByText('Ready to work offline').waitFor();
    const kept = await page.evaluate(async () => {
      const caches_ = await Promise.all((await caches.keys()).map((name) => caches.open(name)));
      const requests = (await Promise.all(caches_.map((cache) => cache.keys()))).flat();
      return requests.map((request) => new URL(request.url).pathname).sort();
    });
    assert.ok(kept.includes('/models/iris.safetensors'), String(kept));
    assert.ok(kept.some((path) => /^\/assets\/copse-.*\.wasm$/.test(path)), String(kept));
    assert.deepEqual(kept.filter((path) => /apidocs|predict|apispec|openapi/.test(path)), []);
    await context.close();
  } finally {
    await service.stop();
  }
});
