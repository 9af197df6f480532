// Every vector through the binding, by its fast module and its small one, as near as its case says.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';

import { loadModel } from 'copse';

import { readNpy, toDoubles } from './support/npy.mjs';
import { demandAgreement } from './support/tolerance.mjs';
import { caseNames, readCase, wasmModules } from './support/vectors.mjs';

for (const [name, [kind, wasm]] of caseNames().flatMap((n) => wasmModules.map((m) => [n, m]))) {
  test(`vector ${name}, ${kind}`, async () => {
    const vector = readCase(name);
    const model = await loadModel(vector.model, { wasm });
    assert.equal(model.nFeatures, vector.rows.shape[1]);
    const answers = Object.entries(vector.answers);
    assert.ok(answers.length > 0, 'a case without answers proves nothing');
    for (const [answer, { file, tolerance }] of answers) {
      const expected = readNpy(join(vector.folder, file));
      const got = model.predict(answer, vector.rows.data);
      const columns = model.columns(answer);
      assert.deepEqual([got.length / columns, columns], expected.shape, answer);
      demandAgreement(toDoubles(expected), got, expected.shape[1], tolerance, `${name}, ${answer}`);
    }
    model.free();
  });
}
