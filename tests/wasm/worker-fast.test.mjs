// A worker starts with the small module, and fetches the fast one for the first large request.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';

import { ForestError, errorCode } from 'copse';
import { ForestWorker } from 'copse/client';
import { serve } from 'copse/worker';

import { iris, readCase } from './support/vectors.mjs';

const sizeOf = (name) => readFileSync(new URL(import.meta.resolve(`copse/${name}.wasm`))).length;
const small = sizeOf('copse');
const fast = sizeOf('copse-fast');

// On this thread, so that its compiling can be seen.
const compiled = [];
let isOffline = false;
const { compile } = WebAssembly;
WebAssembly.compile = (bytes) => {
  if ([small, fast].includes(bytes.length)) compiled.push(bytes.length); // Node has some, too
  return isOffline ? Promise.reject(new ForestError(errorCode.unavailable, 'offline')) : compile(bytes);
};
const { port1, port2 } = new MessageChannel();
serve(port2);
const worker = new ForestWorker(port1);
after(() => port1.close());

const bytes = readFileSync(iris);
const { rows } = readCase('iris');
const nMany = 10_000;
const many = Float64Array.from({ length: 4 * nMany }, (_, i) => rows.data[i % rows.data.length]);

test('a few rows need the small module only', async () => {
  const model = await worker.load(bytes);
  assert.equal((await model.predict('proba', rows.data.subarray(0, 40))).length, 30);
  assert.deepEqual(compiled, [small]);
  await model.free();
});

test('without the fast module the small one answers all rows', async () => {
  isOffline = true;
  const model = await worker.load(bytes);
  const answer = await model.predict('proba', many);
  assert.equal(answer.length, 3 * nMany);
  assert.equal(compiled.at(-1), fast);
  isOffline = false;
  assert.deepEqual(await model.predict('proba', many), answer, 'and by the fast one it is the same');
  assert.deepEqual(compiled, [small, fast, fast]);
  assert.deepEqual(await model.predict('proba', many.subarray(0, 40)), answer.subarray(0, 30));
  await model.free();
});

test('what was asked before a model is freed is answered', async () => {
  const model = await worker.load(bytes);
  const answers = [model.predict('leaf', many), model.predict('leaf', many)];
  const freed = model.free();
  const [first, second] = await Promise.all(answers);
  assert.equal(first.length, 100 * nMany);
  assert.deepEqual(first, second);
  await freed;
  await assert.rejects(model.predict('leaf', many), /after free/);
});

test('what are no rows is refused as the model itself does', async () => {
  const model = await worker.load(bytes);
  for (const rows of [null, undefined, 7, {}]) {
    await assert.rejects(model.predict('proba', rows), {
      code: errorCode.invalidInput,
      message: /^rows are .*: expected an array of rows/,
    });
  }
  await model.free();
});
