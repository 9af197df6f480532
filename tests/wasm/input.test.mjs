// Rows in every accepted shape, and what is said about the others.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';

import { ForestError, batchValuesMax, errorCode, loadModel } from 'copse';

import { iris } from './support/vectors.mjs';

const model = await loadModel(readFileSync(iris));
after(() => model.free());

const setosa = { s_length: 5.1, s_width: 3.5, p_length: 1.4, p_width: 0.2 };
const numbers = Object.values(setosa);

function refuses(act, code, message) {
  assert.throws(act, (error) => {
    assert.ok(error instanceof ForestError && error instanceof Error);
    assert.equal(error.name, 'ForestError');
    assert.equal(error.message, message);
    assert.equal(error.code, code);
    return true;
  });
}

test('the description has the tutorial\'s names and species', () => {
  assert.deepEqual(model.description.features.map(({ name }) => name), Object.keys(setosa));
  assert.deepEqual(model.description.outputs[0].labels, ['setosa', 'versicolor', 'virginica']);
});

test('arrays, typed arrays and objects by name give the same answer', () => {
  const expected = model.predictProba(new Float64Array(numbers));
  assert.equal(expected.length, 3);
  const shuffled = Object.fromEntries(Object.entries(setosa).reverse());
  for (const rows of [[numbers], [setosa], [shuffled], [new Float64Array(numbers)]]) {
    assert.deepEqual(model.predictProba(rows), expected);
  }
});

test('predict of rows alone is the decision, margins are the raw scores', () => {
  for (const rows of [[numbers], [setosa], Float64Array.from(numbers)]) {
    assert.deepEqual(model.predict(rows), model.predict('predict', rows));
    assert.deepEqual(model.margins(rows), model.predict('margin', rows));
  }
  assert.equal(model.margins([numbers]).length, 3);
  refuses(
    () => model.predict('proba'),
    errorCode.invalidInput,
    'rows are undefined: expected an array of rows, a Float64Array or a Float32Array',
  );
});

test('a Float32Array is its numbers, widened', () => {
  const narrow = new Float32Array(numbers);
  const wide = Float64Array.from(narrow);
  assert.deepEqual(model.predict('margin', narrow), model.predict('margin', wide));
});

test('one row has label, index and probabilities by label', () => {
  const { kind, label, index, probabilities } = model.predictRow(setosa);
  assert.deepEqual({ kind, label, index }, { kind: 'class', label: 'setosa', index: 0 });
  assert.deepEqual(Object.keys(probabilities), ['setosa', 'versicolor', 'virginica']);
  assert.deepEqual(Object.values(probabilities), [...model.predictProba([setosa])]);
});

test('no rows have no answer', () => {
  assert.equal(model.predict('proba', []).length, 0);
  assert.equal(model.predict('proba', new Float64Array()).length, 0);
});

test('many rows in one call equal the rows one by one', () => {
  const nRows = 70_000;
  const rows = new Float64Array(nRows * 4).map((_, i) => 0.1 + ((i * 7919) % 80) / 10);
  const together = model.predict('proba', rows);
  for (const r of [0, 16_384, 65_535, 65_536, nRows - 1]) {
    const alone = model.predict('proba', rows.subarray(r * 4, r * 4 + 4));
    assert.deepEqual(together.subarray(r * 3, r * 3 + 3), alone, `row ${r}`);
  }
});

test('a missing column is named', () => {
  const rest = { ...setosa };
  delete rest.p_length;
  refuses(
    () => model.predictRow(rest),
    errorCode.invalidInput,
    "row 1 has no column 'p_length': expected every column of this model, " +
      'null where a value is missing',
  );
});

test('an unknown column is named', () => {
  refuses(
    () => model.predictProba([setosa, { ...setosa, colour: 1 }]),
    errorCode.invalidInput,
    "row 2 has a column 'colour' that this model does not know: " +
      "expected 's_length', 's_width', 'p_length', 'p_width'",
  );
});

test('text in a number column is named with row and column', () => {
  refuses(
    () => model.predictProba([setosa, { ...setosa, s_width: 'wide' }]),
    errorCode.invalidInput,
    "row 2, column 's_width' is 'wide': expected a number, or null where it is missing",
  );
  refuses(
    () => model.predictProba([['5.1', 3.5, 1.4, 0.2]]),
    errorCode.invalidInput,
    "row 1, column 's_length' is '5.1': expected a number, or null where it is missing",
  );
  assert.throws(() => model.predictProba([{ ...setosa, s_width: 'wide' }]), {
    detail: { row: 1, column: 's_width', value: "'wide'" },
  });
});

test('undefined and true are no numbers either', () => {
  for (const value of [undefined, true, {}, 1n]) {
    const refused = { code: errorCode.invalidInput };
    assert.throws(() => model.predictProba([[value, 3.5, 1.4, 0.2]]), refused);
  }
});

test('a value that the model cannot use is refused by core, with its row', () => {
  for (const [value, row] of [[null, 1], [NaN, 1], [Infinity, 70_000]]) {
    const rows = Array.from({ length: row }, () => [...numbers]);
    rows[row - 1][2] = value;
    assert.throws(() => model.predictProba(rows), (error) => {
      assert.equal(error.code, errorCode.invalidInput);
      assert.match(error.message, new RegExp(`row ${row}\\b`));
      assert.match(error.message, /p_length/);
      assert.deepEqual(error.detail, { row, column: 'p_length', value: String(value ?? NaN) });
      return true;
    });
  }
});

test('rows of another width are refused', () => {
  refuses(
    () => model.predictProba([[1, 2, 3]]),
    errorCode.invalidInput,
    'row 1 has 3 values: expected 4, the columns of this model',
  );
  refuses(
    () => model.predictProba(new Float64Array(6)),
    errorCode.invalidInput,
    'rows has 6 numbers: expected a multiple of 4, the columns of this model',
  );
});

test('what is no row is refused', () => {
  refuses(
    () => model.predictProba(setosa),
    errorCode.invalidInput,
    'rows are [object Object]: expected an array of rows, a Float64Array or a Float32Array',
  );
  refuses(
    () => model.predictProba(numbers),
    errorCode.invalidInput,
    'row 1 is 5.1: expected an array, or an object by column names',
  );
});

test('an answer that does not exist is refused', () => {
  refuses(
    () => model.predict('toString', [setosa]),
    errorCode.invalidInput,
    "answer is 'toString': expected one of predict, index, proba, margin, leaf, score",
  );
  assert.throws(() => model.predict('score', [setosa]), {
    code: errorCode.invalidInput,
    message: /score/,
  });
});

test('more numbers than one call may have are refused before memory is asked for', () => {
  const tooMany = batchValuesMax / 4 + 1;
  // An array with a length but no elements: only its size is looked at.
  const rows = [];
  rows.length = tooMany;
  refuses(
    () => model.predictProba(rows),
    errorCode.tooLarge,
    `${tooMany} rows of 4 numbers are too many for one call: ` +
      `expected at most ${batchValuesMax / 4}`,
  );
});

test('a categorical column takes its category as text', async () => {
  const { RowPacker } = await import('../../wasm/dist/rows.js');
  const packer = new RowPacker([{ name: 'colour', kind: 'cat', categories: ['red', 'green'] }]);
  const target = new Float64Array(2);
  packer.open([['green'], [null]]).pack(0, 2, target);
  assert.deepEqual([...target], [1, NaN]);
  refuses(
    () => packer.open([['blue']]).pack(0, 1, target),
    errorCode.invalidInput,
    "row 1, column 'colour' is 'blue': expected one of 'red', 'green'",
  );
});

test('rows that use the model while they are read are refused', () => {
  for (const nRows of [1, 5000]) { // with room of the same size, and of another
    const nosy = {
      s_length: 5.1,
      s_width: 3.5,
      get p_length() {
        model.predict('proba', new Float64Array(4 * nRows));
        return 1.4;
      },
      p_width: 0.2,
    };
    assert.throws(() => model.predict('proba', [nosy]), {
      code: errorCode.invalidInput,
      message: 'the rows used this model while they were read',
    });
  }
  assert.equal(model.predict('index', [[5.1, 3.5, 1.4, 0.2]])[0], 0);
});
