// Explanations through the binding: contributions that add up, paths and trees that fit together, and
// the same from both modules and from a worker.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { Worker } from 'node:worker_threads';

import { ForestError, errorCode, loadModel } from 'copse';
import { ForestWorker } from 'copse/client';
import { importModel } from 'copse/import';

import { readFixture } from './support/fixtures.mjs';
import { toDoubles } from './support/npy.mjs';
import { caseNames, iris, readCase, wasmModules } from './support/vectors.mjs';

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
const row = [6.3, 2.5, 5, 1.9];

/** Rows of a case as doubles, a few of them. */
function someRows(vector) {
  const [nRows, width] = vector.rows.shape;
  return toDoubles(vector.rows).slice(0, Math.min(nRows, 8) * width);
}

function refusalOf(ask) {
  try {
    ask();
  } catch (cause) {
    assert.ok(cause instanceof ForestError);
    assert.equal(cause.code, errorCode.invalidInput);
    return cause.message;
  }
  return undefined;
}

/** What cannot be explained says so: nothing else may be refused. */
const refusals = /linear leaves|smallest or largest|leaf\.cover|finite ones only/;

for (const name of caseNames()) {
  test(`contributions of ${name} are the margin`, async () => {
    const vector = readCase(name);
    const models = [];
    for (const [, wasm] of wasmModules) models.push(await loadModel(vector.model, { wasm }));
    const [fast, small] = models;
    const rows = someRows(vector);
    const isolation = fast.description.outputs.some((output) => output.kind === 'score');
    for (const method of ['treeshap', 'saabas']) {
      const refusal = refusalOf(() => fast.explain(rows, { method }));
      if (refusal !== undefined) {
        assert.match(refusal, refusals);
        assert.equal(refusalOf(() => small.explain(rows, { method })), refusal);
        continue;
      }
      const parts = fast.explain(rows, { method });
      assert.deepEqual(Buffer.from(small.explain(rows, { method }).buffer), Buffer.from(parts.buffer));
      const stride = fast.nFeatures + 1;
      const margins = fast.predict('margin', rows);
      assert.equal(parts.length, margins.length * stride);
      margins.forEach((margin, i) => {
        if (isolation || !Number.isFinite(margin)) return;
        const own = parts.subarray(i * stride, (i + 1) * stride);
        const sum = own.reduce((total, x) => total + x, 0);
        const size = own.reduce((total, x) => total + Math.abs(x), Math.abs(margin));
        assert.ok(Math.abs(sum - margin) <= 1e-9 * size, `${method}: ${sum} and ${margin}`);
      });
    }
    for (const model of models) model.free();
  });

  test(`paths of ${name} lead through its trees`, async () => {
    const vector = readCase(name);
    const model = await loadModel(vector.model);
    const rows = someRows(vector);
    const width = model.nFeatures;
    for (let r = 0; r * width < rows.length; ++r) {
      const paths = model.decisionPath([...rows.subarray(r * width, (r + 1) * width)]);
      assert.equal(paths.length, model.description.n_trees);
      for (const path of paths) {
        const tree = model.tree(path.tree);
        assert.equal(tree.output, path.output);
        const end = path.steps.reduce((at, step) => {
          assert.deepEqual([step.node, step.feature], [at, tree.feature[at]]);
          return step.left ? tree.left[at] : tree.right[at];
        }, tree.nNodes > 0 ? 0 : -1);
        assert.equal(path.leaf, ~end);
      }
    }
    model.free();
  });
}

test('iris: every tree votes, and the votes are the margins', async () => {
  const model = await loadModel(bytes);
  const sums = [0, 0, 0];
  for (const { tree: t, leaf, values, steps } of model.decisionPath(row)) {
    values.forEach((value, k) => (sums[k] += value));
    const tree = model.tree(t);
    assert.equal(tree.rule, '<=');
    assert.deepEqual([...tree.leafValues.subarray(leaf * 3, leaf * 3 + 3)], values.map((v) => v * 100)
      .map((v) => Math.round(v * 1e12) / 1e12));
    for (const step of steps) {
      assert.equal(step.left, row[step.feature] <= tree.threshold[step.node]);
      assert.equal(step.missing, false);
    }
    const below = (child) => (child >= 0 ? tree.cover[child] : tree.leafCover[~child]);
    tree.cover.forEach((cover, n) => {
      assert.equal(cover, below(tree.left[n]) + below(tree.right[n]));
    });
  }
  model.predict('margin', [row]).forEach((margin, k) => {
    assert.ok(Math.abs(sums[k] - margin) < 1e-12);
  });
  const { splits, cover, gain } = model.importances();
  assert.equal(splits.reduce((sum, x) => sum + x, 0), model.description.n_nodes);
  assert.ok(cover.every((x) => x > 0));
  assert.equal(gain, null);
  model.free();
});

test('the paths of some trees are those among all', async () => {
  const model = await loadModel(bytes);
  const remote = await worker.load(bytes.slice());
  const all = model.decisionPath(row);
  for (const [from, to] of [[0, 100], [0, 0], [7, 8], [90, 100], [100, 100]]) {
    assert.deepEqual(model.decisionPath(row, { from, to }), all.slice(from, to));
    assert.deepEqual(await remote.decisionPath(row, { from, to }), all.slice(from, to));
  }
  assert.deepEqual(model.decisionPath(row, { from: 98 }), all.slice(98));
  assert.deepEqual(model.decisionPath(row, { to: 2 }), all.slice(0, 2));
  for (const range of [{ from: -1 }, { to: 101 }, { from: 5, to: 4 }, { from: 0.5 }, { to: NaN }, { from: '1' }]) {
    assert.match(refusalOf(() => model.decisionPath(row, range)), /from is .*, to is .*: expected 0 <= from <= to <= 100/);
  }
  await remote.free();
  model.free();
});

test('categories, missing values and the output of a tree are told', async () => {
  const model = await loadModel(readCase('ref_category_both_ways').model);
  const trees = Array.from({ length: model.description.n_trees }, (_, t) => model.tree(t));
  const listed = trees.flatMap((tree) => tree.categories.filter((set) => set !== null));
  assert.ok(listed.length > 0 && listed.flat().every((code) => Number.isInteger(code)));
  assert.ok(trees.some((tree) => tree.listedRight.includes(1)));
  assert.ok(trees.some((tree) => tree.listedRight.includes(0)));
  model.free();
  const missing = await loadModel(readCase('hgb_wine_nan').model);
  const steps = missing.decisionPath(new Array(missing.nFeatures).fill(null)).flatMap((p) => p.steps);
  assert.ok(steps.length > 0 && steps.every((step) => step.missing));
  const outputs = new Set(missing.decisionPath(new Array(missing.nFeatures).fill(1)).map((p) => p.output));
  assert.deepEqual([...outputs].sort(), [0, 1, 2]);
  missing.free();
});

test('gains are told where the library that trained the model said them', async () => {
  for (const name of ['skl_rf_diabetes', 'xgb_squarederror', 'lgb_multiclass_v3']) {
    const { bytes: imported } = await importModel(readFixture(name).bytes);
    for (const [kind, wasm] of wasmModules) {
      const model = await loadModel(imported, { wasm });
      const { splits, cover, gain } = model.importances();
      assert.equal(cover.length, model.nFeatures, kind);
      assert.equal(gain.length, model.nFeatures, kind);
      gain.forEach((x, f) => assert.ok(splits[f] > 0 ? x > 0 : x === 0, `${name}: ${String(x)}`));
      model.free();
    }
  }
  const { bytes: without } = await importModel(readFixture('onnx_average').bytes);
  const model = await loadModel(without);
  assert.deepEqual([model.importances().cover, model.importances().gain], [null, null]);
  model.free();
});

test('mean sizes of contributions are those of the rows', async () => {
  const model = await loadModel(bytes);
  const rows = Array.from({ length: 150 }, (_, i) => row.map((x, f) => x + ((i * (f + 3)) % 11) / 10));
  for (const method of ['treeshap', 'saabas']) {
    const { meanAbsContribution: means, splits } = model.importances(rows, { method });
    const parts = model.explain(rows, { method });
    assert.deepEqual(splits, model.importances().splits);
    means.forEach((mean, f) => {
      const ofFeature = parts.filter((_, i) => i % 5 === f);
      const expected = ofFeature.reduce((sum, part) => sum + Math.abs(part), 0) / rows.length;
      assert.ok(mean > 0 && Math.abs(mean - expected) <= 1e-12 * expected, `${method} ${String(f)}`);
    });
  }
  assert.equal(model.importances().meanAbsContribution, null);
  assert.match(refusalOf(() => model.importances([])), /there are no rows/);
  model.free();
});

test('rows explained together are those explained alone', async () => {
  const model = await loadModel(bytes);
  const rows = Array.from({ length: 9000 }, (_, i) => row.map((x) => x + (i % 17) / 10));
  const all = model.explain(rows);
  for (const i of [0, 1, 4999, 8999]) {
    assert.deepEqual(all.slice(i * 15, (i + 1) * 15), model.explain([rows[i]]));
  }
  model.free();
});

test('what cannot be asked is refused by name', async () => {
  const model = await loadModel(bytes);
  assert.match(refusalOf(() => model.explain([row], { method: 'guess' })), /'guess'.*treeshap, saabas/);
  assert.match(refusalOf(() => model.explain([[1, 2]])), /row 1 has 2 values/);
  assert.match(refusalOf(() => model.tree(100)), /tree is 100/);
  assert.match(refusalOf(() => model.tree(0.5)), /tree is 0.5/);
  assert.match(refusalOf(() => model.decisionPath([1, 2, 3, null])), /p_width/);
  model.free();
  for (const ask of ['explain', 'decisionPath', 'tree', 'importances']) {
    assert.match(refusalOf(() => model[ask](ask === 'tree' ? 0 : [row])), /after free/);
  }
});

test('a model in a worker explains the same', async () => {
  const here = await loadModel(bytes);
  const there = await worker.load(bytes);
  for (const method of [undefined, 'treeshap', 'saabas']) {
    assert.deepEqual(await there.explain([row], { method }), here.explain([row], { method }));
  }
  assert.deepEqual(await there.decisionPath(row), here.decisionPath(row));
  assert.deepEqual(await there.tree(7), here.tree(7));
  assert.deepEqual(await there.importances(), here.importances());
  assert.deepEqual(await there.importances([row]), here.importances([row]));
  await assert.rejects(there.tree(-1), (cause) => cause.code === errorCode.invalidInput);
  await there.free();
  here.free();
});
