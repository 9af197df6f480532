// From where a model and the module can come, and who gives memory back.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { ForestError, Model, errorCode, loadModel } from 'copse';

import { Door } from '../../wasm/dist/door.js';
import { trappingModule } from './support/modules.mjs';
import { iris, readCase } from './support/vectors.mjs';

const bytes = readFileSync(iris);
const wasm = readFileSync(new URL(import.meta.resolve('copse/copse.wasm')));
const row = [5.1, 3.5, 1.4, 0.2];

const files = {
  '/iris.safetensors': ['application/octet-stream', bytes],
  '/copse.wasm': ['application/wasm', wasm],
  '/mistyped.wasm': ['application/octet-stream', wasm],
};
const server = createServer(({ url }, response) => {
  const [type, body] = files[url] ?? ['text/plain', 'no such file'];
  const head = { 'content-type': type, connection: 'close' };
  response.writeHead(url in files ? 200 : 404, head).end(body);
});
const at = (path) => `http://127.0.0.1:${server.address().port}${path}`;
before(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
after(() => server.close());

async function predicts(source, options) {
  const model = await loadModel(source, options);
  assert.equal(model.predictRow(row).label, 'setosa');
  model.free();
}

test('a model comes from bytes, a view, a Blob, a file, an address or a Response', async () => {
  const padded = new Uint8Array(bytes.length + 3);
  padded.set(bytes, 3);
  await predicts(bytes);
  await predicts(new Uint8Array(bytes).buffer);
  await predicts(padded.subarray(3));
  await predicts(new Blob([bytes]));
  await predicts(pathToFileURL(iris));
  await predicts(at('/iris.safetensors'));
  await predicts(await fetch(at('/iris.safetensors')));
});

test('the module comes from an address of right or wrong type, bytes, or compiled', async () => {
  await predicts(bytes, { wasm: new URL(at('/copse.wasm')) });
  await predicts(bytes, { wasm: at('/mistyped.wasm') });
  await predicts(bytes, { wasm: await fetch(at('/copse.wasm')) });
  await predicts(bytes, { wasm });
  await predicts(bytes, { wasm: new WebAssembly.Module(wasm) });
});

test('an address without a file is an error with a code, and may be tried again', async () => {
  for (let i = 0; i < 2; ++i) {
    await assert.rejects(loadModel(bytes, { wasm: at('/none.wasm') }), {
      name: 'ForestError',
      code: errorCode.notFound,
      message: `${at('/none.wasm')} answered 404: expected the file`,
    });
  }
  await assert.rejects(loadModel(at('/none.safetensors')), { code: errorCode.notFound });
  await assert.rejects(loadModel(new URL('none.safetensors', import.meta.url)), {
    code: errorCode.notFound,
  });
  await assert.rejects(loadModel('no address'), {
    code: errorCode.invalidInput,
    message: "'no address' is not an address: expected a URL",
  });
});

test('a truncated model is refused with the reason', async () => {
  for (const size of [0, 7, 8, 100, bytes.length - 1]) {
    await assert.rejects(loadModel(bytes.subarray(0, size)), (error) => {
      assert.ok(error instanceof ForestError);
      assert.equal(error.code, errorCode.invalidModel);
      assert.match(error.message, /\d/, 'says which byte or how many');
      return true;
    });
  }
});

test('free is idempotent, and use after free is named', async () => {
  const model = await loadModel(bytes);
  model.free();
  model.free();
  model[Symbol.dispose]();
  assertFreed(model);
});

test('a model that is disposed of is freed', async () => {
  const model = await loadModel(bytes);
  model[Symbol.dispose]();
  assertFreed(model);
  model.free();
});

function assertFreed(model) {
  assert.throws(() => model.predict('proba', [row]), {
    name: 'ForestError',
    code: errorCode.invalidInput,
    message: 'predict was called on a model after free: load it again',
  });
}

test('200 cycles of load, predict and free do not grow the memory', async () => {
  const door = new Door(new WebAssembly.Module(wasm));
  const digits = readCase('et_digits');
  const cycle = () => {
    const model = new Model(door, door.load(digits.model));
    model.predict('proba', digits.rows.data);
    assert.throws(() => model.predict('proba', new Float64Array(model.nFeatures).fill(NaN)));
    assert.throws(() => door.load(digits.model.subarray(0, 1000)));
    model.free();
  };
  cycle();
  cycle();
  const before = door.memoryBytes;
  for (let i = 0; i < 200; ++i) cycle();
  assert.equal(door.memoryBytes, before);
});

test('a model that nobody freed is freed when it is collected', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc');
  const freed = [];
  const door = {
    describe: () => ({ features: [], outputs: [] }),
    free: (handle) => freed.push(handle),
  };
  (() => new Model(door, 7))();
  const deadline = Date.now() + 10_000;
  while (freed.length === 0 && Date.now() < deadline) {
    collect();
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.deepEqual(freed, [7]);
});

test('a trap ends the instance: its models say so, and the next load has a new one', async () => {
  const door = new Door(new WebAssembly.Module(wasm));
  const model = new Model(door, door.load(bytes));
  assert.throws(() => door.columns(-16, 0), { name: 'ForestError', code: errorCode.internal });
  assert.ok(door.ended);
  assert.throws(() => model.predictProba([row]), {
    code: errorCode.unavailable,
    message: 'the instance of copse.wasm that held this model has failed: load it again',
  });
  model.free();

  const other = new Door(new WebAssembly.Module(wasm));
  const open = { nRows: 1, width: 4, nameOf: () => '', pack: () => undefined };
  const ask = () => other.predict(-16, 0, open, 0, 1, new Float64Array(1));
  assert.throws(ask, { name: 'ForestError', code: errorCode.internal });
  assert.throws(ask, { name: 'ForestError', code: errorCode.unavailable });

  const broken = trappingModule(['copse_load']);
  for (let i = 0; i < 2; ++i) {
    await assert.rejects(loadModel(bytes, { wasm: broken }), {
      code: errorCode.internal,
      message: /^copse\.wasm failed: RuntimeError: unreachable/,
    });
  }
});

test('a file past the limit is refused before memory is asked for', () => {
  const door = new Door(new WebAssembly.Module(wasm));
  const before = door.memoryBytes;
  // Pages of a fresh ArrayBuffer are not touched, so this costs address space only.
  assert.throws(() => door.load(new Uint8Array(2 ** 29 + 1)), {
    code: errorCode.tooLarge,
    message: 'the model file has 536870913 bytes: expected at most 536870912',
  });
  assert.equal(door.memoryBytes, before);
});
