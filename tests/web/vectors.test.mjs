/* global atob, btoa */
// Every vector through the binding inside a browser: as near as its case says, and the same bits
// as in Node.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join, normalize } from 'node:path';
import { after, before, test } from 'node:test';

import { loadModel } from 'copse';

import { readNpy, toDoubles } from '../wasm/support/npy.mjs';
import { demandAgreement } from '../wasm/support/tolerance.mjs';
import { caseNames, readCase, root } from '../wasm/support/vectors.mjs';
import { openBrowser, openPage } from './support/browser.mjs';

// No service is needed here: these addresses are answered by the test itself.
const origin = 'http://copse.test';
const types = { js: 'text/javascript', wasm: 'application/wasm' };
const policy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'";

let browser;
let opened;

before(async () => {
  browser = await openBrowser();
  opened = await openPage(browser, origin);
  await opened.context.route(`${origin}/**`, answer);
  await opened.page.goto(`${origin}/`);
});

after(() => browser?.close());

/** `/copse/` is the built package, `/vectors/` the vectors, `/` an empty page. */
async function answer(route) {
  const path = normalize(new URL(route.request().url()).pathname);
  if (path === '/') {
    const headers = { 'Content-Security-Policy': policy };
    return route.fulfill({ contentType: 'text/html', headers, body: '<!doctype html><title>vectors</title>' });
  }
  const [, kind, ...rest] = path.split('/');
  const folder = { copse: 'wasm/dist', vectors: 'tests/vectors' }[kind];
  if (folder === undefined) return route.fulfill({ status: 404, body: path });
  const contentType = types[path.split('.').pop()] ?? 'application/octet-stream';
  return route.fulfill({ contentType, body: readFileSync(join(root, folder, ...rest)) });
}

/** What the browser answers: the doubles of each kind, as their bytes in base64. */
function answersInBrowser(page, name, kinds, rows) {
  return page.evaluate(
    async ({ name, kinds, rows }) => {
      const { loadModel } = await import('/copse/index.js');
      const bytesOf = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer;
      const textOf = (numbers) => {
        let text = '';
        for (const byte of new Uint8Array(numbers.buffer)) text += String.fromCharCode(byte);
        return btoa(text);
      };
      const model = await loadModel(`/vectors/${name}/model.safetensors`);
      const data = rows.dtype === '<f4' ? new Float32Array(bytesOf(rows.bytes)) : new Float64Array(bytesOf(rows.bytes));
      const answers = Object.fromEntries(kinds.map((kind) => [kind, textOf(model.predict(kind, data))]));
      model.free();
      return answers;
    },
    { name, kinds, rows },
  );
}

for (const name of caseNames()) {
  test(`vector ${name} in the browser`, async () => {
    const vector = readCase(name);
    const { dtype, data } = vector.rows;
    const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64');
    const kinds = Object.keys(vector.answers);
    assert.ok(kinds.length > 0);
    const answers = await answersInBrowser(opened.page, name, kinds, { dtype, bytes });
    const model = await loadModel(vector.model);
    for (const [kind, { file, tolerance }] of Object.entries(vector.answers)) {
      const raw = Buffer.from(answers[kind], 'base64');
      const got = new Float64Array(raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.length));
      const expected = readNpy(join(vector.folder, file));
      demandAgreement(toDoubles(expected), got, expected.shape[1], tolerance, `${name}, ${kind}`);
      const inNode = model.predict(kind, data);
      assert.ok(raw.equals(Buffer.from(inNode.buffer)), `${name}, ${kind}: other bits than in Node`);
    }
    model.free();
    assert.deepEqual(opened.faults, []);
  });
}
