// Files of rows for the page, and what the binding says about them in Node.
import { loadModel } from 'copse';

import { toDoubles } from '../../wasm/support/npy.mjs';
import { readCase } from '../../wasm/support/vectors.mjs';

export const irisNames = ['s_length', 's_width', 'p_length', 'p_width'];
export const irisLabels = ['setosa', 'versicolor', 'virginica'];

/** Rows of a vector without what a float32 model refuses, as lists. */
export function finiteRows(name) {
  const { rows } = readCase(name);
  const width = rows.shape[1];
  const values = toDoubles(rows);
  return Array.from({ length: rows.shape[0] }, (_, r) => Array.from(values.subarray(r * width, (r + 1) * width)))
    .filter((row) => row.every((x) => Number.isFinite(Math.fround(x))));
}

/** `{ decisions, probabilities }` of a vector's model for rows, in Node. */
export async function answersInNode(name, rows) {
  const model = await loadModel(readCase(name).model);
  const decisions = model.predict('predict', rows);
  const isClassifier = model.description.outputs.every(({ kind }) => kind === 'class');
  const probabilities = isClassifier ? model.predict('proba', rows) : new Float64Array();
  const width = probabilities.length / rows.length;
  model.free();
  return {
    decisions: Array.from(decisions),
    probabilities: rows.map((_, r) => Array.from(probabilities.subarray(r * width, (r + 1) * width))),
  };
}

export function toCsv(header, rows) {
  return [header, ...rows].map((cells) => cells.join(',')).join('\n');
}

/** Splits the CSV that the page writes, whose test data need no quotes. */
export function fromCsv(text) {
  return text.trim().split('\r\n').map((line) => line.split(','));
}
