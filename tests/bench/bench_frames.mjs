/* global document */
// How long the page keeps its main thread while a slider is dragged: the longest task in Chromium's own
// trace, in each panel, with a regression of 100 trees of depth 10. Each task is told twice: by the clock,
// and by the time its thread had a core, which is what the page is to blame for on a busy machine.
// The result is kept with machine, command and commit under tests/bench/results/.
//
//   node tests/bench/bench_frames.mjs [--seconds 3] [--out FILE]
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { openBrowser, openPage } from '../web/support/browser.mjs';
import { completeForest } from '../web/support/complete-forest.mjs';
import { startService } from '../web/support/service.mjs';
import { beginRecord, keepRecord, resultFile } from './record.mjs';

const longTaskMs = 50;
const categories = ['toplevel', 'devtools.timeline', '__metadata'];
const shape = { nTrees: 100, depth: 10, nFeatures: 4 };
const { values: options } = parseArgs({ options: { seconds: { type: 'string', default: '3' }, out: { type: 'string', default: resultFile('frames') } } });
const seconds = Number(options.seconds);
if (!(seconds > 0 && seconds <= 60)) throw new Error(`--seconds ${options.seconds}: expected a number above 0, at most 60`);

/** What is dragged in each panel, and what shows that the panel is there. */
const panels = [
  { name: 'Predict', ready: '.verdict-label', dragged: 'input[type=range]' },
  { name: 'Why', ready: '.tree-place', dragged: '.why-form input[type=range]' },
  { name: 'What if', ready: '.nearest-found[aria-busy=false]', dragged: '.regions-fields input[type=range]' },
  { name: 'What if', part: 'the mark of the map', ready: '.nearest-found[aria-busy=false]', dragged: '.map' },
];

/** Moves the pressed mouse to and fro over an element for so long. */
async function drag(page, element) {
  await element.scrollIntoViewIfNeeded();
  const { x, y, width, height } = await element.boundingBox();
  const at = (share) => page.mouse.move(x + width * (0.05 + 0.9 * share), y + height / 2);
  await at(0.5);
  await page.mouse.down();
  const begin = performance.now();
  let moves = 0;
  for (let now = 0; now < seconds * 1000; now = performance.now() - begin) {
    await at(0.5 + 0.5 * Math.sin(now / 250));
    ++moves;
    await new Promise((resolve) => setTimeout(resolve, 8));
  }
  await page.mouse.up();
  return moves;
}

/** The tasks of the page's main thread, longest first by their time on a core. */
function tasksOf(trace) {
  const events = JSON.parse(trace.toString()).traceEvents;
  const mains = new Set(events.filter(({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain').map(({ pid, tid }) => `${pid} ${tid}`));
  const own = events.filter(({ ph, pid, tid }) => ph === 'X' && mains.has(`${pid} ${tid}`));
  const tasks = own.filter(({ name }) => name === 'RunTask' || name === 'ThreadControllerImpl::RunTask');
  return tasks
    .map((task) => ({ ms: task.dur / 1000, cpuMs: (task.tdur ?? task.dur) / 1000, inside: () => insideOf(own, task) }))
    .sort((a, b) => b.cpuMs - a.cpuMs);
}

/** The kinds of work that took most of a task. */
function insideOf(events, task) {
  const sums = new Map();
  for (const event of events) {
    if (event.tid !== task.tid || event.pid !== task.pid || event.ts < task.ts || event.ts >= task.ts + task.dur) continue;
    if (event.name.endsWith('RunTask') || !(event.dur > 1000)) continue;
    const where = event.args?.data?.functionName ?? event.args?.data?.type ?? '';
    const name = where === '' ? event.name : `${event.name} ${where}`;
    sums.set(name, Math.max(sums.get(name) ?? 0, event.dur / 1000));
  }
  return [...sums].sort((a, b) => b[1] - a[1]).slice(0, 5).map(([name, ms]) => `${name} ${ms.toFixed(1)} ms`);
}

async function measure(browser, url, { name, part = 'a slider', ready, dragged }) {
  const { page, context, faults } = await openPage(browser, url, { viewport: { width: 1280, height: 900 } });
  await page.goto(url);
  await page.locator('.verdict-label').waitFor();
  await page.getByRole('tab', { name }).click();
  await page.locator(ready).first().waitFor({ timeout: 120_000 });
  await page.evaluate(() => document.fonts.ready);
  await browser.startTracing(page, { categories });
  const moves = await drag(page, page.locator(dragged).first());
  const tasks = tasksOf(await browser.stopTracing());
  await context.close();
  if (faults.length > 0) throw new Error(`${name}: ${faults.join('; ')}`);
  const rounded = (x) => Number(x.toFixed(1));
  return {
    panel: name,
    dragged: part,
    moves,
    tasks: tasks.length,
    longest_cpu_ms: rounded(tasks[0]?.cpuMs ?? NaN),
    longest_ms: rounded(Math.max(...tasks.map(({ ms }) => ms))),
    over_50_ms: tasks.filter(({ ms }) => ms > longTaskMs).length,
    over_50_ms_on_cpu: tasks.filter(({ cpuMs }) => cpuMs > longTaskMs).length,
    inside_of_longest: tasks[0]?.inside() ?? [],
  };
}

const folder = mkdtempSync(join(tmpdir(), 'copse-frames-'));
const path = join(folder, 'hundred.safetensors');
writeFileSync(path, completeForest(shape));
const service = await startService({ model: path });
const browser = await openBrowser();
try {
  const record = beginRecord('bench_frames.mjs', {
    chromium: browser.version(),
    model: { trees: shape.nTrees, depth: shape.depth, features: shape.nFeatures },
    panels: [],
  });
  for (const panel of panels) {
    const found = await measure(browser, service.url, panel);
    record.panels.push(found);
    console.log(`${found.panel}, ${found.dragged}: longest task ${found.longest_cpu_ms} ms on a core (${found.longest_ms} ms by the clock), ${found.moves} moves; ${found.inside_of_longest.join(', ')}`);
  }
  keepRecord(record, options.out);
} finally {
  await browser.close();
  await service.stop();
  rmSync(folder, { recursive: true, force: true });
}
