// Files of other libraries through the npm package: the answers of those libraries, and the bytes of
// the command line.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { deflateSync, gzipSync } from 'node:zlib';

import { ForestError, errorCode, isModelFile, loadModel } from 'copse';
import { importModel } from 'copse/import';

import { ImportDoor } from '../../wasm/dist/import-door.js';
import { fixtureNames, readFixture } from './support/fixtures.mjs';
import { readNpy, toDoubles } from './support/npy.mjs';
import { demandAgreement } from './support/tolerance.mjs';
import { iris, root } from './support/vectors.mjs';

const program = process.env.COPSE_BIN ?? join(root, 'build/bin/copse');
const scratch = mkdtempSync(join(tmpdir(), 'copse-import-'));
after(() => rmSync(scratch, { recursive: true }));

const names = fixtureNames();
/** A forest as scikit-learn pickles it, and a booster's text. */
const forest = readFixture(names.find((name) => name.startsWith('skl_rf')));
const booster = readFixture(names.find((name) => name.startsWith('xgb_') && readFixture(name).path.endsWith('.json')));

function optionsOf({ iterations }, leafIds = false) {
  return { leafIds, ...(iterations && { iterations }) };
}

/** The bytes that the command line writes. */
function native(path, { iterations, leafIds }) {
  const out = join(scratch, 'out.safetensors');
  const options = [...(iterations ? ['--iterations', iterations] : []), ...(leafIds ? ['--leaf-ids'] : [])];
  execFileSync(program, ['import', path, '-o', out, ...options], { stdio: 'pipe' });
  return readFileSync(out);
}

async function refuses(promise, code, message) {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof ForestError && error instanceof Error, String(error));
    assert.match(error.message, message);
    assert.ok(error.message.length <= 600);
    assert.equal(error.code, code);
    return true;
  });
}

for (const name of names) {
  const fixture = readFixture(name);

  test(`answers of its own library: ${name}`, async () => {
    const { bytes, source } = await importModel(fixture.bytes, optionsOf(fixture, true));
    assert.ok(isModelFile(bytes));
    assert.ok(source.kind.length > 0);
    const model = await loadModel(bytes);
    const answers = Object.entries(fixture.answers);
    assert.ok(answers.length > 0);
    for (const [kind, { file, tolerance }] of answers) {
      const expected = readNpy(join(fixture.folder, file));
      const got = model.predict(kind, toDoubles(fixture.rows));
      demandAgreement(toDoubles(expected), got, expected.shape[1], tolerance, `${name}, ${kind}`);
    }
    model.free();
  });

  test(`the same bytes as the command line: ${name}`, async () => {
    for (const leafIds of [false, true]) {
      const options = optionsOf(fixture, leafIds);
      const { bytes } = await importModel(fixture.bytes, options);
      assert.ok(native(fixture.path, options).equals(bytes), `leafIds ${leafIds}`);
    }
  });
}

test('a file comes from bytes, a view, a Blob, an address or a Response', async () => {
  const { bytes } = await importModel(forest.bytes);
  const padded = new Uint8Array(forest.bytes.length + 5);
  padded.set(forest.bytes, 5);
  const body = new Blob([forest.bytes]);
  for (const source of [padded.subarray(5), body, new Response(body), new URL(`file://${forest.path}`)]) {
    assert.deepEqual((await importModel(source)).bytes, bytes);
  }
});

test('gzip and zlib streams hold the same model, with the digest of the file as it was', async () => {
  const { bytes } = await importModel(forest.bytes);
  const plain = await loadModel(bytes);
  for (const packed of [gzipSync(forest.bytes), deflateSync(forest.bytes), deflateSync(forest.bytes, { level: 1 })]) {
    const imported = await importModel(packed);
    const path = join(scratch, 'packed');
    writeFileSync(path, packed);
    assert.ok(native(path, {}).equals(imported.bytes));
    const model = await loadModel(imported.bytes);
    const digest = createHash('sha256').update(packed).digest('hex');
    assert.equal(imported.source.file_sha256, digest);
    const rows = toDoubles(forest.rows);
    assert.deepEqual(model.predict('margin', rows), plain.predict('margin', rows));
    model.free();
  }
  plain.free();
});

test('other streams are refused with a remedy', async () => {
  const streams = {
    bzip2: 'BZh91AY&SY',
    xz: '\xfd7zXZ\0\0\x04',
    lzma: ']\0\0\x80\0\xff\xff\xff\xff\xff\xff\xff\xff\0',
    lz4: '\x04"M\x18\x64\x40\xa7',
  };
  for (const [name, begin] of Object.entries(streams)) {
    const bytes = Buffer.concat([Buffer.from(begin, 'latin1'), Buffer.alloc(100, 7)]);
    await refuses(importModel(bytes), errorCode.unsupportedModel, new RegExp(`^this ${name} file .*compress=3.*copse import`));
  }
});

test('a damaged stream is refused', async () => {
  const packed = gzipSync(forest.bytes);
  await refuses(importModel(packed.subarray(0, packed.length >> 1)), errorCode.invalidModel, /^this gzip file is damaged/);
  const flipped = Buffer.from(packed);
  flipped[packed.length >> 1] ^= 0xff;
  await assert.rejects(importModel(flipped), { name: 'ForestError' });
});

test('a bomb is refused for its beginning, or where it grows too fast', async () => {
  const zeros = gzipSync(Buffer.alloc(300 << 20));
  await refuses(importModel(zeros), errorCode.unsupportedModel, /no model/);
  // It begins like a pickle.
  const pickle = Buffer.alloc(300 << 20, 'N');
  pickle.set([0x80, 4]);
  const before = process.memoryUsage().external;
  await refuses(importModel(gzipSync(pickle)), errorCode.tooLarge, /becomes larger than the limit/);
  assert.ok(process.memoryUsage().external - before < 150e6);
});

test('a compressed file in a compressed file is refused', async () => {
  await refuses(importModel(deflateSync(gzipSync(forest.bytes))), errorCode.unsupportedModel, /compressed file again/);
});

test('what is no model, or is one already, is refused', async () => {
  await refuses(importModel(new Uint8Array()), errorCode.unsupportedModel, /empty/);
  await refuses(importModel(Buffer.from('s_length,s_width\n5.1,3.5\n')), errorCode.unsupportedModel, /no model/);
  await refuses(importModel(readFileSync(iris)), errorCode.unsupportedModel, /already/);
  await refuses(importModel(forest.bytes.subarray(0, forest.bytes.length >> 1)), errorCode.invalidModel, /./);
  await refuses(importModel(forest.bytes, { iterations: 'some' }), errorCode.invalidInput, /'some'.*'best' or 'all'/);
});

test('refusals are those of the command line', async () => {
  const path = join(scratch, 'refused');
  for (const bytes of [
    booster.bytes.subarray(0, booster.bytes.length - 40),
    forest.bytes.subarray(0, 500),
    Buffer.from('no model'),
    Buffer.from('{"learner": []}'),
  ]) {
    writeFileSync(path, bytes);
    const { status, stderr } = spawnSync(program, ['import', path, '-o', `${path}.out`], { encoding: 'utf8' });
    assert.equal(status, 3);
    await assert.rejects(importModel(bytes), (error) => {
      assert.equal(stderr.trim(), `copse: ${path}: ${error.message}`);
      return true;
    });
  }
});

test('loadModel says of a foreign file that it is to be imported', async () => {
  for (const bytes of [forest.bytes, booster.bytes, gzipSync(forest.bytes), Buffer.from('tree\nversion=v4\n')]) {
    assert.equal(isModelFile(bytes), false);
    await refuses(loadModel(bytes), errorCode.unsupportedModel, /importModel of 'copse\/import'/);
  }
  assert.ok(isModelFile(readFileSync(iris)));
});

test('a file past the limit is refused before memory is asked for', () => {
  const module = new WebAssembly.Module(readFileSync(new URL(import.meta.resolve('copse/copse-import.wasm'))));
  assert.throws(() => new ImportDoor(module, 'copse-import.wasm', new Uint8Array(2 ** 29 + 1)), {
    code: errorCode.tooLarge,
    message: 'the model file has 536870913 bytes: expected at most 536870912',
  });
});

test('a hundred imports leave no memory behind', async () => {
  for (let i = 0; i < 20; ++i) await importModel(forest.bytes);
  const before = process.memoryUsage().rss;
  for (let i = 0; i < 100; ++i) await importModel(forest.bytes);
  assert.ok(process.memoryUsage().rss - before < 200e6);
});
