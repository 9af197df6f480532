// The promise on bits: the native program and the binding give the same bytes for every vector.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

import { loadModel } from 'copse';

import { readNpy } from './support/npy.mjs';
import { caseNames, readCase, root } from './support/vectors.mjs';

const program = process.env.COPSE_BIN ?? join(root, 'build/bin/copse');
const scratch = mkdtempSync(join(tmpdir(), 'copse-native-'));
after(() => rmSync(scratch, { recursive: true }));

test('the native program is there to compare with', () => {
  accessSync(program, constants.X_OK);
});

function native(vector, answer) {
  const out = join(scratch, 'out.npy');
  execFileSync(program, [
    ...['predict', '--model', vector.modelPath, '--input', vector.rowsPath],
    ...['--output', answer, '--out', out],
  ]);
  return readNpy(out);
}

/** The binding's doubles in the type that the program wrote; every one must fit into it. */
function narrowed(got, like) {
  const whole = like instanceof BigInt64Array;
  const data = like.constructor.from(got, (value) => (whole ? BigInt(value) : value));
  got.forEach((value, i) => {
    assert.ok(Object.is(value, Number(data[i])), `${value} is no ${like.constructor.name}`);
  });
  return data;
}

/** Labels of text have no number: they are compared by answer 'index'. */
function answersOf(model) {
  const classes = model.description.outputs.some((output) => output.kind === 'class');
  return model.description.answers.filter((answer) => !(answer === 'predict' && classes));
}

for (const name of caseNames()) {
  test(`same bits as the native program: ${name}`, async () => {
    const vector = readCase(name);
    const model = await loadModel(vector.model);
    const answers = answersOf(model);
    assert.ok(answers.length > 0);
    for (const answer of answers) {
      const theirs = native(vector, answer);
      const ours = narrowed(model.predict(answer, vector.rows.data), theirs.data);
      const same = Buffer.from(ours.buffer).equals(Buffer.from(theirs.data.buffer));
      assert.deepEqual([vector.rows.shape[0], model.columns(answer)], theirs.shape, answer);
      assert.ok(same, `${answer} differs`);
    }
    model.free();
  });
}
