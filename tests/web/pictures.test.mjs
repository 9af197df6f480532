// The pictures of the documents are taken by screenshots.mjs, all of them are shown, and what stands on
// them is still what the page says: after a change of its words, `make screenshots`.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { root } from '../wasm/support/vectors.mjs';
import { folder, isSaid, sourcesOfThePage, textsFile } from './support/pictures.mjs';

const taken = Array.from(
  readFileSync(join(root, 'tests/web/screenshots.mjs'), 'utf8').matchAll(/^ *await (?:shoot|take)\((?:page, )?'([\w-]+)'/gm),
  ([, name]) => name,
).sort();
const texts = JSON.parse(readFileSync(textsFile, 'utf8'));

/** [document, picture] for each that a document names, by any path. */
function named() {
  const documents = execFileSync('git', ['ls-files', '*.md', '*.ipynb'], { cwd: root, encoding: 'utf8' }).trim().split('\n');
  return documents.flatMap((name) =>
    Array.from(readFileSync(join(root, name), 'utf8').matchAll(/[\w./-]+\.png\b/g), ([path]) => ({ name, path })),
  );
}

test('every picture that is taken is there, and nothing else is', () => {
  assert.ok(taken.length > 5, String(taken));
  const there = readdirSync(folder).filter((file) => file.endsWith('.png')).map((file) => file.slice(0, -4));
  assert.deepEqual(there.sort(), taken);
  assert.deepEqual(Object.keys(texts).sort(), taken);
});

test('every picture that a document names is one of them, and each is named', () => {
  const used = new Set();
  for (const { name, path } of named()) {
    const [, picture] = /^(?:\.\.\/)?(?:docs\/)?images\/([\w-]+)\.png$/.exec(path) ?? [];
    assert.ok(taken.includes(picture), `${name}: ${path}`);
    used.add(picture);
  }
  assert.deepEqual([...used].sort(), taken);
});

test('what stands on a picture is still what the page says', () => {
  const sources = sourcesOfThePage();
  for (const [picture, shown] of Object.entries(texts)) {
    assert.ok(shown.length >= 5, `${picture}: only ${shown.length} texts`);
    for (const text of shown) assert.ok(isSaid(sources, text), `${picture}.png shows "${text}": make screenshots`);
  }
});
