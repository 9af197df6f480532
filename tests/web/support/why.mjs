// The panel that explains: how to get there, and what stands on it.
import { loadModel } from 'copse';

import { readCase } from '../../wasm/support/vectors.mjs';
import { openPage } from './browser.mjs';
import { startService } from './service.mjs';
import { enterRow } from './shown.mjs';

/** Opens the panel of the page at `url`, and waits for its contributions. */
export async function openWhy(browser, url, options = {}) {
  const opened = await openPage(browser, url, options);
  await opened.page.goto(url);
  await opened.page.getByRole('tab', { name: 'Why' }).click();
  await opened.page.locator('.contributions :is(.waterfall, .note)').first().waitFor();
  return opened;
}

/** Gives the page a model file, and waits until the panel explains it. */
export async function openFile(page, name, buffer) {
  const chooser = page.waitForEvent('filechooser');
  await page.getByRole('button', { name: 'Open a model file' }).click();
  await (await chooser).setFiles({ name, mimeType: 'application/octet-stream', buffer });
  await page.getByRole('heading', { name: name.replace(/\.[a-z]+$/, ''), exact: true }).waitFor();
  await page.locator('.contributions :is(.waterfall, .note)').first().waitFor();
}

/** A service with the model of a vector, its panel, and the same model in Node; `close` ends all. */
export async function openVector(browser, name, options = {}) {
  const { modelPath, model: bytes } = readCase(name);
  const service = await startService({ model: modelPath });
  try {
    const opened = await openWhy(browser, service.url, options);
    const model = await loadModel(bytes);
    return {
      ...opened,
      model,
      close: async () => {
        model.free();
        await opened.context.close();
        await service.stop();
      },
    };
  } catch (cause) {
    await service.stop();
    throw cause;
  }
}

/** Types a row into the form of numbers beside the contributions. */
export async function enterRowBeside(page, row) {
  if (!(await page.locator('.why-form').evaluate((form) => form.open))) await page.getByText('The row', { exact: true }).click();
  await enterRow(page, row);
}

/** Numbers of the page have a real minus sign and commas between thousands. */
export function numberIn(text) {
  return Number(text.replace('−', '-').replaceAll(',', ''));
}

/** How many digits stand after the point. */
export function decimalsIn(text) {
  return (text.split('.')[1] ?? '').length;
}

/** `{ names, texts }` of the waterfall, from the base down to the sum. */
export async function readWaterfall(page) {
  const lines = await page.locator('.waterfall tbody tr').evaluateAll((rows) =>
    rows.map((row) => [row.cells[0].textContent, row.cells[2].textContent]),
  );
  return { names: lines.map(([name]) => name), texts: lines.map(([, text]) => text) };
}

/** Numbers of the drawing's places on the row's way: nodes from 0, leaves below. */
export async function readPathIds(page) {
  const ids = await page.locator('.tree-place.tree-path').evaluateAll((places) => places.map((place) => Number(place.dataset.node)));
  return ids.sort((a, b) => a - b);
}

/** The same by the binding. */
export function pathIds(model, row, t) {
  const [path] = model.decisionPath(row, { from: t, to: t + 1 });
  return [...path.steps.map((step) => step.node), ~path.leaf].sort((a, b) => a - b);
}

/** The number of the tree that is drawn, from 0. */
export async function shownTree(page) {
  return Number((await page.locator('#tree-title').textContent()).replace(/\D/g, '')) - 1;
}
