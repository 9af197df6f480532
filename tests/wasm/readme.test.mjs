// The examples of wasm/README.md and README.md run as they stand there, and print what their comments say.
import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { build } from 'vite';

import { eventually, openBrowser, openPage } from '../web/support/browser.mjs';
import { fixtureNames, readFixture } from './support/fixtures.mjs';
import { outputOf, packedProject } from './support/packed.mjs';
import { siteOf, strictPolicy } from './support/site-of.mjs';
import { iris, root } from './support/vectors.mjs';

const text = ['wasm/README.md', 'README.md'].map((name) => readFileSync(join(root, name), 'utf8')).join('');
const examples = Array.from(
  text.matchAll(/<!-- example: (\w+) -->\n```js\n([^]*?)```/g),
  ([, where, code], i) => ({ where, code, name: `example ${i + 1}, ${where}` }),
);

/** What `console.log(...); // SO` lines promise. */
const promised = (code) => Array.from(code.matchAll(/console\.log\(.*\); \/\/ (.*)/g), ([, said]) => said);

let project;
let browser;
before(async () => {
  project = packedProject();
  const [forest] = fixtureNames().filter((name) => name.startsWith('skl_rf'));
  copyFileSync(iris, join(project.folder, 'iris.safetensors'));
  copyFileSync(readFixture(forest).path, join(project.folder, 'forest.pkl'));
  browser = await openBrowser();
});
after(async () => {
  await browser?.close();
  project?.remove();
});

function runInNode(code, file) {
  writeFileSync(join(project.folder, file), code);
  return outputOf(project.folder, 'node', file).trim().split('\n');
}

async function runOnPage(code, policy, nLines) {
  const { folder } = project;
  writeFileSync(join(folder, 'main.js'), code);
  const head = '<meta charset="utf-8"><title>copse</title><link rel="icon" href="data:,">';
  writeFileSync(
    join(folder, 'index.html'),
    `<!doctype html><html lang="en"><head>${head}<script type="module" src="./main.js"></script></head></html>`,
  );
  await build({
    ...{ configFile: false, logLevel: 'warn', root: folder, base: './' },
    worker: { format: 'es' },
    build: { target: 'es2022', assetsInlineLimit: 0, emptyOutDir: true },
  });
  copyFileSync(iris, join(folder, 'dist/iris.safetensors'));
  const site = await siteOf(join(folder, 'dist'), { policy });
  const { context, page, faults } = await openPage(browser, site.url);
  try {
    const said = [];
    page.on('console', (message) => said.push(message.text()));
    await page.goto(site.url);
    await eventually(() => said.length >= nLines || faults.length > 0, 'what the example prints');
    assert.deepEqual(faults, []);
    return said;
  } finally {
    await context.close();
    await site.stop();
  }
}

const runners = {
  node: (code) => runInNode(code, 'example.mjs'),
  require: (code) => runInNode(code, 'example.cjs'),
  page: (code, nLines) => runOnPage(code, strictPolicy, nLines),
  inline: (code, nLines) =>
    runOnPage(code, strictPolicy.replace("worker-src 'self'", 'worker-src blob:'), nLines),
};

test('there is an example for Node, for require, for a page and for a worker', () => {
  const kinds = examples.map(({ where, code }) => (code.includes('new Worker(') ? 'worker' : where));
  for (const kind of ['node', 'require', 'page', 'worker', 'inline']) assert.ok(kinds.includes(kind), kind);
  const nFences = text.split('```js').length - 1;
  assert.equal(examples.length, nFences, 'every piece of JavaScript is an example');
});

for (const { where, code, name } of examples) {
  test(`${name} prints what it says`, async () => {
    const expected = promised(code);
    assert.ok(expected.length > 0, 'it prints something');
    assert.deepEqual(await runners[where](code, expected.length), expected);
  });
}
