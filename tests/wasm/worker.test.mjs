// The worker answers as the model itself does, from another thread.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { Worker } from 'node:worker_threads';

import { ForestError, errorCode, loadModel } from 'copse';
import { ForestWorker } from 'copse/client';
import { importModel } from 'copse/import';

import { fixtureNames, readFixture } from './support/fixtures.mjs';
import { iris } from './support/vectors.mjs';

const { port1, port2 } = new MessageChannel();
const thread = new Worker(new URL('support/worker-thread.mjs', import.meta.url), {
  workerData: { port: port2 },
  transferList: [port2],
});
const worker = new ForestWorker(port1);
after(async () => {
  port1.close();
  await thread.terminate();
});

const bytes = readFileSync(iris);
const row = { s_length: 6.3, s_width: 2.5, p_length: 5, p_width: 1.9 };
const rows = new Float64Array([5.1, 3.5, 1.4, 0.2, 6.3, 2.5, 5, 1.9]);

test('a model in a worker gives the same bits', async () => {
  const here = await loadModel(bytes);
  const there = await worker.load(bytes);
  assert.deepEqual(there.description, here.description);
  assert.equal(there.columns('proba'), 3);
  assert.equal(there.columns('score'), undefined);
  for (const answer of ['predict', 'index', 'proba', 'margin', 'leaf']) {
    assert.deepEqual(await there.predict(answer, rows), here.predict(answer, rows), answer);
  }
  assert.deepEqual(await there.predict(rows), here.predict(rows));
  assert.deepEqual(await there.margins(rows), here.margins(rows));
  assert.deepEqual(await there.predictRow(row), here.predictRow(row));
  assert.deepEqual(await there.predictProba([row]), here.predictProba([row]));
  await there.free();
  here.free();
});

test('requests that overlap get their own replies', async () => {
  const model = await worker.load(bytes);
  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, i) =>
      model.predict('index', i % 2 === 0 ? rows.subarray(0, 4) : rows.subarray(4)),
    ),
  );
  answers.forEach((answer, i) => assert.equal(answer[0], i % 2 === 0 ? 0 : 2));
  await model.free();
});

test('bytes and rows can be given away', async () => {
  const given = new Uint8Array(bytes);
  const model = await worker.load(given, { transfer: true });
  assert.equal(given.length, 0);
  const moved = rows.slice();
  assert.equal((await model.predict('proba', moved, { transfer: true })).length, 6);
  assert.equal(moved.length, 0);
  await model.free();
});

test('a file of another library is imported there', async () => {
  const forest = readFixture(fixtureNames().find((name) => name.startsWith('skl_rf')));
  const here = await importModel(forest.bytes, { leafIds: true });
  const given = new Uint8Array(forest.bytes);
  const there = await worker.import(given, { leafIds: true, transfer: true });
  assert.equal(given.length, 0);
  assert.deepEqual(there, here);
  assert.notDeepEqual(await worker.import(new Uint8Array(forest.bytes)), here, 'options cross too');
  const model = await worker.load(there.bytes);
  assert.equal(model.description.source.kind, 'scikit-learn');
  await model.free();
  await assert.rejects(worker.import(new Uint8Array(forest.bytes.subarray(0, 400))), {
    name: 'ForestError',
    code: errorCode.invalidModel,
  });
});

test('an error crosses with its class, code, message and detail', async () => {
  await assert.rejects(worker.load(bytes.subarray(0, 20)), (error) => {
    assert.ok(error instanceof ForestError);
    assert.equal(error.code, errorCode.invalidModel);
    return true;
  });
  const model = await worker.load(bytes);
  await assert.rejects(model.predict('proba', [{ ...row, p_width: 'x' }]), {
    name: 'ForestError',
    code: errorCode.invalidInput,
    message: "row 1, column 'p_width' is 'x': expected a number, or null where it is missing",
    detail: { row: 1, column: 'p_width', value: "'x'" },
  });
  await model.free();
  await model.free();
  await assert.rejects(model.predict('proba', rows), {
    code: errorCode.invalidInput,
    message: /after free/,
  });
});

test('what cannot be sent is refused, and the next request still works', async () => {
  const model = await worker.load(bytes);
  await assert.rejects(model.predict('proba', [() => 1]), /could not be cloned/);
  assert.equal((await model.predict('proba', rows)).length, 6);
  await model.free();
});

test('a closed worker refuses what waits and what comes after', async () => {
  const channel = new MessageChannel();
  const alone = new ForestWorker(channel.port1);
  const waiting = alone.load(bytes);
  alone.close();
  const refused = { code: errorCode.unavailable, message: 'the worker was closed' };
  await assert.rejects(waiting, refused);
  await assert.rejects(alone.load(bytes), refused);
  channel.port1.close();
  channel.port2.close();
});
