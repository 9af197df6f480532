/* global document, getComputedStyle */
// The page without a mouse: Tab until something has the focus, then its keys.
import { eventually, holds } from './browser.mjs';

/** What has the focus, in words for a failure. */
function focusedName(page) {
  return page.evaluate(() => {
    const element = document.activeElement;
    const name = element.getAttribute('aria-label') ?? element.labels?.[0]?.textContent ?? element.textContent;
    return `${element.localName} '${name.trim().replaceAll(/\s+/g, ' ').slice(0, 40)}'`;
  });
}

/** Not `locator.evaluate`, which would wait for an element that is not there. */
function hasFocus(target) {
  return target.evaluateAll((all) => all.some((element) => element === document.activeElement));
}

/** Waits until `target` has the focus, by itself; it must be seen there. */
export function focusGoesTo(page, target, what) {
  return holds(async () => {
    if (!(await hasFocus(target))) throw new Error(`the focus is on ${await focusedName(page)}, not on ${what}`);
    await demandSeenFocus(page, target);
  }, 5_000);
}

async function demandSeenFocus(page, target) {
  const seen = await target.evaluate((element) => {
    const { width, height } = element.getBoundingClientRect();
    return width > 1 && height > 1 ? getComputedStyle(element).outlineStyle : 'cut off';
  });
  if (seen !== 'solid') throw new Error(`the focus on ${await focusedName(page)} is invisible: its outline is ${seen}`);
}

/** Presses Tab, or Shift+Tab with `back`, until `target` has the focus; the focus must be seen there. */
export async function tabTo(page, target, { back = false, tabsMax = 60 } = {}) {
  const key = back ? 'Shift+Tab' : 'Tab';
  const passed = [];
  for (let i = 0; i < tabsMax; ++i) {
    await page.keyboard.press(key);
    if (await hasFocus(target)) {
      return demandSeenFocus(page, target);
    }
    passed.push(await focusedName(page));
  }
  throw new Error(`${target} has no focus after ${tabsMax} times ${key}: ${passed.join(', ')}`);
}

/** Goes to a tab of the page: Tab to the chosen one, then arrows. */
export async function tabPanel(page, title) {
  await tabTo(page, page.getByRole('tab', { selected: true }));
  const wanted = page.getByRole('tab', { name: title, exact: true });
  for (let i = 0; i < 6 && !(await hasFocus(wanted)); ++i) await page.keyboard.press('ArrowRight');
  if (!(await hasFocus(wanted))) throw new Error(`arrow keys do not lead to the tab ${title}, but to ${await focusedName(page)}`);
  await page.getByRole('tab', { name: title, exact: true, selected: true }).waitFor();
}

/** Answers the file dialog that `key` opens on a button. */
export async function giveFileByKey(page, name, file, key = 'Enter') {
  const button = page.getByRole('button', { name, exact: true });
  await button.waitFor();
  // Asked for before the keys: the browser learns of it in its own time.
  const chooser = page.waitForEvent('filechooser');
  // Whoever does not get to the button says so; nobody is left to hear that no dialog came.
  chooser.catch(() => {});
  await tabTo(page, button);
  await page.keyboard.press(key);
  await (await chooser).setFiles({ mimeType: 'application/octet-stream', ...file });
}

/** Chooses an option of a select that has the focus by arrow keys. */
export async function arrowTo(page, select, option) {
  const shown = () => select.evaluate((element) => element.selectedOptions[0].textContent);
  const count = await select.evaluate((element) => element.options.length);
  for (let i = 0; i < count && (await shown()) !== option; ++i) await page.keyboard.press('ArrowDown');
  await eventually(async () => (await shown()) === option, `the option ${option}`, 2_000);
}
