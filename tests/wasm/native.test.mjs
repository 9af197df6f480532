// The promise on bits: the native program and the binding, by both of its modules, give the same
// bytes for every vector, for all rows together and for each alone.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

import { loadModel } from 'copse';

import { readNpy } from './support/npy.mjs';
import { caseNames, readCase, root, wasmModules } from './support/vectors.mjs';

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

/** Contributions of all rows, or undefined where the program refuses with `refusal`. */
function nativeExplanation(vector, method, refusal) {
  const out = join(scratch, 'explained.npy');
  const { status, stderr } = spawnSync(program, [
    ...['explain', '--model', vector.modelPath, '--input', vector.rowsPath],
    ...['--method', method, '--out', out],
  ]);
  if (refusal === undefined) {
    assert.equal(status, 0, String(stderr));
    return readNpy(out);
  }
  assert.equal(status, 3);
  assert.ok(String(stderr).includes(refusal), String(stderr));
  return undefined;
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
    const [nRows, width] = vector.rows.shape;
    const models = [];
    for (const [, wasm] of wasmModules) models.push(await loadModel(vector.model, { wasm }));
    const answers = answersOf(models[0]);
    assert.ok(answers.length > 0);
    for (const answer of answers) {
      const theirs = native(vector, answer);
      const demandSame = (got, how) => {
        const ours = narrowed(got, theirs.data);
        const same = Buffer.from(ours.buffer).equals(Buffer.from(theirs.data.buffer));
        assert.ok(same, `${answer} differs, ${how}`);
      };
      models.forEach((model, i) => {
        const [kind] = wasmModules[i];
        const columns = model.columns(answer);
        assert.deepEqual([nRows, columns], theirs.shape, answer);
        demandSame(model.predict(answer, vector.rows.data), kind);
        const alone = new Float64Array(nRows * columns);
        for (let r = 0; r < nRows; ++r) {
          const row = vector.rows.data.subarray(r * width, (r + 1) * width);
          alone.set(model.predict(answer, row), r * columns);
        }
        demandSame(alone, `${kind}, row by row`);
      });
    }
    for (const model of models) model.free();
  });
}

for (const name of caseNames()) {
  test(`same contributions as the native program: ${name}`, async () => {
    const vector = readCase(name);
    for (const [kind, wasm] of wasmModules) {
      const model = await loadModel(vector.model, { wasm });
      for (const method of ['treeshap', 'saabas']) {
        let ours;
        let refusal;
        try {
          ours = model.explain(vector.rows.data, { method });
        } catch (cause) {
          refusal = cause.message;
        }
        const theirs = nativeExplanation(vector, method, refusal);
        if (!ours) continue;
        assert.deepEqual(theirs.shape, [
          vector.rows.shape[0],
          model.columns('margin'),
          model.nFeatures + 1,
        ]);
        const same = Buffer.from(ours.buffer).equals(Buffer.from(theirs.data.buffer));
        assert.ok(same, `${method} differs, ${kind}`);
      }
      model.free();
    }
  });
}
