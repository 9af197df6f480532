// The pictures of the documents: what stood on the page when they were taken, and where that is written.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { root } from '../../wasm/support/vectors.mjs';

export const folder = join(root, 'docs/images');
/** {name: [text, ...]} of each picture: `screenshots.mjs` writes it beside them. */
export const textsFile = join(folder, 'texts.json');

function filesUnder(path) {
  return readdirSync(join(root, path), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

/** The sources of what the page and its API docs say, white space made one, and strings of C++ put together. */
export function sourcesOfThePage() {
  const files = [
    ...filesUnder('web/src').filter((file) => /\.tsx?$/.test(file)),
    join(root, 'web/apidocs/index.html'),
    ...filesUnder('native').filter((file) => /\/openapi[^/]*\.cc$/.test(file)),
  ];
  return files.map((file) => oneSpace(readFileSync(file, 'utf8')).replaceAll('" "', '')).join('\n');
}

/** Whether `text` stands in the sources as a whole: between two tags, quotes or braces. */
export function isSaid(sources, text) {
  const before = '>\'"`}';
  const after = '<\'"`{';
  for (let at = sources.indexOf(text); at >= 0; at = sources.indexOf(text, at + 1)) {
    const end = at + text.length;
    const [first] = sources.slice(Math.max(0, at - 2), at).trimEnd().slice(-1);
    const [last] = sources.slice(end, end + 2).trimStart();
    if (before.includes(first) && after.includes(last)) return true;
  }
  return false;
}

export function oneSpace(text) {
  return text.replaceAll(/\s+/g, ' ').trim();
}
