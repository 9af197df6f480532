// What stands on the page, as a person reads it.

/** "93.2 %" of a probability, as the page writes it. */
export function percentText(probability) {
  return `${(probability * 100).toLocaleString('en', { maximumFractionDigits: 1 })} %`;
}

/** `{ label, bars }` where bars are [class, percentage] pairs from top to bottom. */
export async function readAnswer(page) {
  const texts = (selector) => page.locator(selector).allTextContents();
  const [label] = await texts('.verdict-label');
  const labels = await texts('.bar-label');
  const numbers = await texts('.bar-number');
  return { label, bars: labels.map((name, k) => [name, numbers[k]]) };
}

/** Every digit of [browser, server] beside their names, from the opened comparison. */
export async function readComparison(page) {
  return page.locator('.comparison tbody tr').evaluateAll((rows) =>
    rows.map((row) => Array.from(row.cells, (cell) => cell.textContent)),
  );
}

/** Types a row into the form. */
export async function enterRow(page, row) {
  const inputs = page.locator('input[type=number]');
  for (let f = 0; f < row.length; ++f) await inputs.nth(f).fill(String(row[f]));
}

/** Answers the file dialog that a button opens. */
export async function giveFile(page, button, name, buffer) {
  const chooser = page.waitForEvent('filechooser');
  await page.getByRole('button', { name: button }).click();
  await (await chooser).setFiles({ name, mimeType: 'application/octet-stream', buffer });
}
