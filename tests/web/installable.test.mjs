// Chromium offers to install the page as an app.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { openProfile } from './support/browser.mjs';
import { startService } from './support/service.mjs';

let service;

before(async () => {
  service = await startService();
});

after(() => service?.stop());

/** What Chromium says of the page's manifest, which `prepare` may change on its way. */
async function judge(prepare = () => {}) {
  const context = await openProfile();
  try {
    const page = await context.newPage();
    await prepare(context);
    await page.goto(service.url);
    await page.getByText('Ready to work offline').waitFor();
    const devtools = await context.newCDPSession(page);
    const { installabilityErrors } = await devtools.send('Page.getInstallabilityErrors');
    return { manifest: await devtools.send('Page.getAppManifest'), refusals: installabilityErrors.map(({ errorId }) => errorId) };
  } finally {
    await context.close();
  }
}

test('the page can be installed: nothing is missing from its manifest', async () => {
  const { manifest, refusals } = await judge();
  assert.deepEqual(refusals, []);
  assert.deepEqual(manifest.errors, []);
  assert.equal(manifest.url, `${service.url}manifest.webmanifest`);
  const { name, short_name: shortName, start_url: startUrl, display, icons } = JSON.parse(manifest.data);
  assert.equal(name, 'Copse: ask a forest');
  assert.equal(shortName, 'Copse');
  assert.equal(new URL(startUrl, manifest.url).href, service.url);
  assert.equal(display, 'standalone');
  assert.ok(icons.length >= 1);
  for (const { src, type } of icons) {
    const answer = await fetch(new URL(src, manifest.url));
    assert.equal(answer.status, 200, src);
    assert.equal(answer.headers.get('content-type').split(';')[0], type, src);
  }
});

test('without an icon Chromium refuses: it does judge here', async () => {
  const { refusals } = await judge((context) =>
    context.route('**/manifest.webmanifest', async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, json: { ...(await response.json()), icons: [] } });
    }),
  );
  assert.deepEqual(refusals.filter((id) => /icon/.test(id)).sort(), ['manifest-missing-suitable-icon', 'no-acceptable-icon']);
});
