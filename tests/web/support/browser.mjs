/* global document, window */
// Chromium, and pages of it that remember everything they should not have done.
import { AxeBuilder } from '@axe-core/playwright';
import { chromium } from 'playwright-core';

const flags = [
  ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
  ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
];

const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';

/** A browser with an empty profile of its own. */
export function openBrowser() {
  return chromium.launch({ executablePath, args: flags });
}

/** A context with an empty profile on disk, which is not incognito as those of `openBrowser` are. */
export function openProfile() {
  return chromium.launchPersistentContext('', { executablePath, args: flags });
}

/**
 * A page in a new, empty context, and `faults`: console errors, exceptions, CSP violations and
 * requests to anywhere but `origin`. Every test ends by demanding that there are none.
 */
export async function openPage(browser, origin, options = {}) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const faults = [];
  await context.exposeBinding('reportViolation', (_, text) => faults.push(`CSP: ${text}`));
  await context.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => {
      window.reportViolation(`${event.violatedDirective} ${event.blockedURI} in ${event.sourceFile}`);
    });
  });
  page.on('pageerror', (error) => faults.push(`exception: ${error.message}`));
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) faults.push(`console: ${message.text()}`);
  });
  context.on('request', (request) => {
    const { protocol, origin: asked } = new URL(request.url());
    if (protocol !== 'data:' && protocol !== 'blob:' && asked !== new URL(origin).origin) {
      faults.push(`outside request: ${request.url()}`);
    }
  });
  return { context, page, faults };
}

/** Opens the page and waits until it has answered and has its examples. */
export async function openReadyPage(browser, url, options = {}) {
  const opened = await openPage(browser, url, options);
  await opened.page.goto(url);
  await opened.page.locator('.verdict-label').waitFor();
  await opened.page.locator('.chip').first().waitFor();
  return opened;
}

/** What axe finds, one line each. */
export async function accessibilityFaults(page) {
  const { violations } = await new AxeBuilder({ page }).analyze();
  return violations.map(({ id, impact, nodes }) => {
    const where = nodes.slice(0, 5).map((node) => `${node.target.join(' ')}\n    ${node.failureSummary}`);
    return `${id} (${impact}, ${nodes.length} places)\n  ${where.join('\n  ')}`;
  });
}

/** Resolves to the first truthy value of `look`, which is tried until the deadline. */
export async function eventually(look, what, deadlineMs = 10_000) {
  const end = performance.now() + deadlineMs;
  let last;
  do {
    last = await look();
    if (last) return last;
    await new Promise((resolve) => setTimeout(resolve, 20));
  } while (performance.now() < end);
  throw new Error(`${what} did not happen within ${deadlineMs} ms`);
}

/** Tries `demand`, which throws while it does not hold, until the deadline; then throws what it threw last. */
export async function holds(demand, deadlineMs = 10_000) {
  const end = performance.now() + deadlineMs;
  for (;;) {
    try {
      await demand();
      return;
    } catch (cause) {
      if (performance.now() >= end) throw cause;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
