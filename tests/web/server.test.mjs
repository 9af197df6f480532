/* global document, sessionStorage */
// The panel about the server: what it was asked, drift, models, and every way in which it can refuse.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { readCase } from '../wasm/support/vectors.mjs';
import { accessibilityFaults, eventually, openBrowser, openPage } from './support/browser.mjs';
import { answersInNode, finiteRows, irisLabels, irisNames } from './support/rows.mjs';
import { focusGoesTo } from './support/keyboard.mjs';
import { startRedis } from './support/redis.mjs';
import { startService } from './support/service.mjs';
import { enterRow, readAnswer } from './support/shown.mjs';

const rows = finiteRows('iris').filter((row) => row.every((x) => x > 0 && x < 9)).slice(0, 110);
/** What no flower of the training is like. */
const outsider = [99, 3, 1.5, 0.25];
const folder = mkdtempSync(join(tmpdir(), 'copse-server-'));
let browser;
let beside;
let nLogs = 0;

before(async () => {
  browser = await openBrowser();
  beside = await startService();
});

after(async () => {
  await browser?.close();
  await beside?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Options of a service that records in a file of its own. */
function recording(...others) {
  return ['--log', join(folder, `log-${++nLogs}.db`), '--predictions-route', ...others];
}

async function predict(url, row, headers = {}) {
  const body = JSON.stringify(Object.fromEntries(irisNames.map((name, f) => [name, row[f]])));
  const response = await fetch(new URL('predict', url), { method: 'POST', body, headers: { 'Content-Type': 'application/json', ...headers } });
  assert.equal(response.status, 200, await response.text());
}

async function withService(settings, act) {
  const service = await startService(settings);
  try {
    await act(service);
  } finally {
    await service.stop();
  }
}

async function openServer(url, options = {}) {
  const opened = await openPage(browser, url, options);
  await opened.page.goto(url);
  await opened.page.getByRole('tab', { name: 'Server' }).click();
  await opened.page.getByText('As of').waitFor();
  return opened;
}

function tableRows(page, name) {
  return page.getByRole('region', { name }).locator('tbody tr').evaluateAll((lines) =>
    lines.map((line) => Array.from(line.cells, (cell) => cell.textContent.trim())));
}

/** What the browser itself says about an answer that refuses. */
function withoutStatuses(faults) {
  return faults.filter((fault) => !/Failed to load resource/.test(fault));
}

test('recent predictions, newest first, page by page, and back into the form', async () => {
  await withService({ options: recording() }, async ({ url }) => {
    for (const row of [...rows, outsider]) await predict(url, row);
    const { page, context, faults } = await openServer(url);
    const { decisions } = await answersInNode('iris', [...rows, outsider]);
    const first = await tableRows(page, 'Rows that were recorded');
    assert.equal(first.length, 20);
    assert.deepEqual(first[0].slice(1), [irisLabels[decisions.at(-1)], '99', '3', '1.5', '0.25']);
    assert.deepEqual(first.map((cells) => cells[1]), decisions.slice(-20).reverse().map((k) => irisLabels[k]));
    const pages = page.getByRole('navigation', { name: 'Pages of predictions' });
    for (let i = 0; i < 4; ++i) await pages.getByRole('button', { name: 'Older' }).click();
    assert.match(await pages.textContent(), /81–100 of the last 100/);
    await pages.getByRole('button', { name: 'Show up to 1,000' }).press('Enter');
    await focusGoesTo(page, pages.getByRole('button', { name: 'Older' }), 'what shows the rows that came');
    await eventually(async () => (await pages.textContent()).includes(`of the last ${rows.length + 1}`), 'all rows');
    for (let i = 0; i < 5; ++i) {
      const older = pages.getByRole('button', { name: 'Older' });
      if (await older.isEnabled()) await older.click();
    }
    assert.match(await pages.textContent(), new RegExp(`of the last ${rows.length + 1}`));
    await predict(url, rows[7]);
    await page.getByRole('button', { name: 'Refresh' }).click();
    const { decisions: [again] } = await answersInNode('iris', [rows[7]]);
    await eventually(async () => (await tableRows(page, 'Rows that were recorded'))[0][2] === rows[7][0].toLocaleString('en', { maximumSignificantDigits: 6 }), 'the newest row');
    await page.getByRole('button', { name: /^Look at the row of/ }).first().click();
    await page.getByRole('tab', { name: 'Predict', selected: true }).waitFor();
    await eventually(async () => (await readAnswer(page)).label === irisLabels[again], irisLabels[again]);
    assert.deepEqual(faults, []);
    await context.close();
  });
});

test('drift is what the server says, in numbers, words and bars', async () => {
  await withService({ options: recording('--model', `diabetes=${readCase('rf_diabetes').modelPath}`) }, async ({ url }) => {
    for (const row of [...rows, outsider]) await predict(url, row);
    const { page, context, faults } = await openServer(url);
    const [{ drift }] = (await (await fetch(new URL('v2/models/iris/stats', url))).json()).model_stats;
    const word = (psi) => (psi > 0.25 ? 'shifted by much' : psi > 0.1 ? 'shifted' : 'as in training');
    const expected = drift.features
      .sort((a, b) => b.psi - a.psi)
      .map(({ name, psi, below, above, missing }) => [name, psi.toFixed(3), word(psi), String(below), String(above), String(missing)]);
    assert.equal(drift.rows, rows.length + 1);
    assert.deepEqual(await tableRows(page, 'Drift of each feature'), expected);
    assert.ok(expected.some(([name, , , , above]) => name === 's_length' && Number(above) >= 1));
    const widths = await page.locator('.drift-fill').evaluateAll((bars) => bars.map((bar) => Number(bar.getAttribute('width'))));
    assert.deepEqual(widths.map((w) => w.toFixed(6)), drift.features.map(({ psi }) => (Math.min(psi, 0.5) * 200).toFixed(6)));
    assert.ok((await page.getByText('requests answered').textContent()).includes(`${rows.length + 1} requests answered`));
    await page.getByRole('combobox', { name: 'Model' }).selectOption('diabetes');
    await page.getByText('It was not asked yet').waitFor();
    assert.equal((await tableRows(page, 'Drift of each feature'))[0][2], 'not known');
    assert.deepEqual((await tableRows(page, 'Models')).map(([name, , state]) => [name, state]), [['iris', 'ready'], ['diabetes', 'ready']]);
    assert.match((await tableRows(page, 'Models'))[0][1], /^[0-9a-f]{12} on this page$/);
    assert.deepEqual(faults, []);
    await context.close();
  });
});

test('of few rows no drift is told; rows of several models and versions are told apart', async () => {
  await withService({ options: recording('--model', `diabetes=${readCase('rf_diabetes').modelPath}`) }, async ({ url }) => {
    for (const row of rows.slice(0, 3)) await predict(url, row);
    const [other] = finiteRows('rf_diabetes');
    const inputs = [{ name: 'input-0', datatype: 'FP64', shape: [1, other.length], data: other }];
    await fetch(new URL('v2/models/diabetes/infer', url), { method: 'POST', body: JSON.stringify({ inputs }) });
    const { page, context, faults } = await openServer(url);
    const words = (await tableRows(page, 'Drift of each feature')).map((cells) => cells[2]);
    assert.deepEqual(words, Array(4).fill('too few rows'));
    const [newest, second] = await tableRows(page, 'Rows that were recorded');
    assert.match(newest[2], /^diabetes [0-9a-f]{12}$/);
    assert.equal(newest.at(-1).split(', ').length, other.length);
    assert.match(second[2], /^iris [0-9a-f]{12}$/);
    assert.deepEqual(second.slice(3), [...rows[2].map((x) => x.toLocaleString('en', { maximumSignificantDigits: 6 })), '']);
    assert.deepEqual(faults, []);
    await context.close();
  });
});

test('the log and Redis: what is written, what waits', async () => {
  // Nothing listens there.
  await withService({ options: recording('--redis', '127.0.0.1:1') }, async ({ url }) => {
    for (const row of rows.slice(0, 3)) await predict(url, row);
    const { page, context } = await openServer(url);
    const facts = () => page.locator('.server-facts .fact').evaluateAll((all) => Object.fromEntries(all.map((fact) => [fact.children[0].textContent, fact.children[1].textContent])));
    await eventually(async () => {
      await page.getByRole('button', { name: 'Refresh' }).click();
      const now = await facts();
      return now.Redis === 'cannot be reached' && now['Wait for Redis'].startsWith('3 rows') && now.Recorded === '3';
    }, 'three rows that wait for Redis');
    await context.close();
  });
});

test('with a real Redis nothing waits', async () => {
  const redis = await startRedis(folder);
  try {
    await withService({ options: recording('--redis', `127.0.0.1:${redis.port}`) }, async ({ url }) => {
      for (const row of rows.slice(0, 3)) await predict(url, row);
      const { page, context, faults } = await openServer(url);
      await eventually(async () => {
        await page.getByRole('button', { name: 'Refresh' }).click();
        const facts = await page.locator('.server-facts').textContent();
        return facts.includes('Redisis there') && facts.includes('Wait for Redis0 rows') && facts.includes('Recorded3');
      }, 'three rows in Redis');
      assert.deepEqual(faults, []);
      await context.close();
    });
  } finally {
    await redis.stop();
  }
});

test('without the log and without the route the panel says so', async () => {
  await withService({}, async ({ url }) => {
    const { page, context, faults } = await openServer(url);
    await page.getByText('nothing is recorded').waitFor();
    await page.getByText('This server does not show them').waitFor();
    assert.deepEqual(withoutStatuses(faults), []);
    await context.close();
  });
});

test('a token: asked for at the start, kept in memory, used by every request', async () => {
  await withService({ options: recording(), env: { COPSE_AUTH_TOKEN: 'open-sesame' } }, async ({ url }) => {
    await predict(url, rows[0], { Authorization: 'Bearer open-sesame' });
    const { page, context, faults } = await openPage(browser, url);
    const enter = async (text) => {
      await page.getByLabel('Token', { exact: true }).fill(text);
      await page.keyboard.press('Enter');
    };
    await page.goto(url);
    await page.getByText('gives its model only to those who have its token').waitFor();
    assert.deepEqual(await accessibilityFaults(page), []);
    assert.equal(await page.getByLabel('Token', { exact: true }).getAttribute('type'), 'password');
    await enter('ключ');
    await page.getByText('A token has letters').waitFor();
    await enter('wrong');
    await page.getByText('does not take this token').waitFor();
    await enter('open-sesame');
    await page.locator('.verdict-label').waitFor();
    await page.getByRole('radio', { name: 'The server' }).check();
    await page.getByText('Both agree to the bit').waitFor();
    await page.getByRole('tab', { name: 'Server' }).click();
    await eventually(async () => (await tableRows(page, 'Rows that were recorded')).length >= 1, 'recorded rows');
    assert.deepEqual(await page.evaluate(() => Object.keys(sessionStorage)), []);
    // Without the token: its own part says so, and takes it again, this time for longer.
    await page.getByRole('button', { name: 'Forget the token' }).click();
    await page.getByLabel('Keep it until this tab is closed').check();
    await enter('open-sesame');
    await page.getByRole('button', { name: 'Forget the token' }).waitFor();
    await page.reload();
    await eventually(async () => (await tableRows(page, 'Rows that were recorded')).length >= 1, 'recorded rows after a reload');
    await page.getByRole('button', { name: 'Forget the token' }).click();
    await page.getByLabel('Token', { exact: true }).waitFor();
    assert.deepEqual(await page.evaluate(() => Object.keys(sessionStorage)), []);
    await page.getByRole('tab', { name: 'Predict' }).click();
    await page.getByRole('radio', { name: 'The server' }).check();
    await page.getByText('The server asks for a token.').waitFor();
    await enter('open-sesame');
    await page.getByText('Both agree to the bit').waitFor();
    assert.deepEqual(withoutStatuses(faults), []);
    await context.close();
  });
});

test('every refusal is a sentence: 403, 429, 503, no server, no network', async () => {
  await withService({ options: recording() }, async ({ url }) => {
    const { page, context, faults } = await openServer(url);
    const refresh = () => page.getByRole('button', { name: 'Refresh' }).click();
    await context.route('**/predictions?*', (route) => route.fulfill({ status: 403, json: { detail: 'Not from there.' } }));
    await refresh();
    await page.getByText('Not from there. (403).').waitFor();
    await context.unroute('**/predictions?*');
    // The last model that is taken away leaves a service that is not ready.
    await fetch(new URL('v2/repository/models/iris/unload', url), { method: 'POST' });
    await refresh();
    await page.getByText('Not ready', { exact: true }).waitFor();
    await page.getByText('(503)').first().waitFor();
    assert.match((await tableRows(page, 'Models'))[0][2], /^unavailable/);
    await fetch(new URL('v2/repository/models/iris/load', url), { method: 'POST' });
    await refresh();
    await page.getByText('Ready', { exact: true }).waitFor();
    await context.setOffline(true);
    await refresh();
    await page.getByText('This computer is offline.').waitFor();
    assert.deepEqual(await accessibilityFaults(page), []);
    await context.setOffline(false);
    await context.route('**/readyz', (route) => route.fulfill({ body: '<!doctype html>' }));
    await refresh();
    await page.getByText('There is no Copse server here').waitFor();
    assert.deepEqual(withoutStatuses(faults), []);
    await context.close();
  });
});

test('a button that is busy keeps the focus, and does nothing', async () => {
  await withService({ options: recording() }, async ({ url }) => {
    const { page, context, faults } = await openServer(url);
    const held = [];
    await context.route('**/readyz', (route) => held.push(route));
    const refresh = page.getByRole('button', { name: 'Refresh' });
    await refresh.press('Enter');
    await page.getByText('Asking the server …').waitFor();
    assert.ok(await refresh.isDisabled());
    await page.keyboard.press('Enter');
    await page.keyboard.press('Space');
    await focusGoesTo(page, refresh, 'the button that was pressed');
    assert.equal(held.length, 1);
    await held[0].continue();
    await page.getByText(/^As of/).waitFor();
    await page.keyboard.press('Enter');
    await eventually(() => held.length === 2, 'the next press asks again');
    await held[1].continue();
    assert.deepEqual(faults, []);
    await context.close();
  });
});

test('a client that asks too often is told when to come back', async () => {
  await withService({ options: recording('--rate-limit', '0.1') }, async ({ url }) => {
    const { page, context } = await openPage(browser, url);
    // The page itself is not what is counted here: another service gives it.
    await context.route(/\/(assets\/.*|models.*|favicon.*|manifest.*|sw\.js)?(#.*)?$/, async (route) =>
      route.fulfill({ response: await route.fetch({ url: route.request().url().replace(url, beside.url) }) }));
    await page.goto(`${url}#server`);
    await page.getByText(/no more requests from here for now \(429\)\. Try again in \d+ seconds?\./).first().waitFor();
    await context.unrouteAll({ behavior: 'wait' });
    await context.close();
  });
});

test('a server that goes away', async () => {
  const service = await startService({ options: recording() });
  const { page, context } = await openServer(service.url);
  await service.stop();
  await page.getByRole('button', { name: 'Refresh' }).click();
  await page.getByText('The server cannot be reached.').waitFor();
  await page.getByRole('tab', { name: 'Predict' }).click();
  await enterRow(page, [5.1, 3.5, 1.4, 0.2]);
  await eventually(async () => (await readAnswer(page)).label === 'setosa', 'setosa');
  await context.close();
});

for (const colorScheme of ['light', 'dark']) {
  for (const viewport of [{ width: 1280, height: 800 }, { width: 360, height: 740 }]) {
    test(`for everyone: ${colorScheme}, ${viewport.width} px`, async () => {
      await withService({ options: recording('--redis', '127.0.0.1:1') }, async ({ url }) => {
        for (const row of [...rows.slice(0, 24), outsider]) await predict(url, row);
        const { page, context, faults } = await openServer(url, { colorScheme, viewport, reducedMotion: 'reduce' });
        assert.deepEqual(await accessibilityFaults(page), []);
        const [inner, outer] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
        assert.ok(inner <= outer, `the page is ${inner} wide in a window of ${outer}`);
        if (process.env.COPSE_SHOTS) await page.screenshot({ path: join(process.env.COPSE_SHOTS, `server-${colorScheme}-${viewport.width}.png`), fullPage: true });
        assert.deepEqual(faults, []);
        await context.close();
      });
    });
  }
}

test('by keyboard alone', async () => {
  await withService({ options: recording() }, async ({ url }) => {
    for (const row of rows.slice(0, 30)) await predict(url, row);
    const { page, context } = await openPage(browser, url);
    await page.goto(url);
    await page.getByRole('tab', { name: 'Predict' }).focus();
    await page.keyboard.press('End');
    await page.getByText('As of').waitFor();
    const focused = () => page.evaluate(() => document.activeElement.textContent);
    for (let i = 0; i < 60 && (await focused()) !== 'Older'; ++i) await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.getByText('21–30 of the last 30').waitFor();
    await context.close();
  });
});
