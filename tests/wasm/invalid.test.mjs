// Every broken or hostile model file is refused with its own sentence, also through the binding.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { ForestError, errorCode, loadModel } from 'copse';

import { readJson, vectors } from './support/vectors.mjs';

const folder = join(vectors, 'invalid');
const cases = readJson(join(folder, 'cases.json'));

test('cases.json names every invalid file', () => {
  const files = readdirSync(folder).filter((name) => name.endsWith('.safetensors'));
  assert.deepEqual(cases.map(({ file }) => file).sort(), files.sort());
  assert.ok(cases.length >= 60, `${cases.length} cases`);
});

/** The binding knows what core does not: that a file is not a damaged one of ours. */
const foreign = {
  'header_is_a_pickle.safetensors': {
    code: errorCode.unsupportedModel,
    message:
      'the file is a Python pickle, not a *.safetensors model: ' +
      "turn it into one with importModel of 'copse/import', or with the command `copse import`",
  },
};

for (const { file, ...refusal } of cases) {
  test(`invalid ${file}`, async () => {
    const { code, message } = foreign[file] ?? refusal;
    await assert.rejects(loadModel(readFileSync(join(folder, file))), (error) => {
      assert.ok(error instanceof ForestError);
      assert.equal(error.message, message);
      assert.equal(error.code, code);
      assert.ok(message.length <= 600, 'one sentence of at most 600 characters');
      return true;
    });
  });
}
