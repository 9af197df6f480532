// How the page writes numbers, beside what the browser's own tables of English say.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import ts from 'typescript';

import { root } from '../wasm/support/vectors.mjs';

const source = readFileSync(join(root, 'web/src/components/text.ts'), 'utf8');
const { outputText } = ts.transpileModule(source, { compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 } });
const { countText, percentText, bytesText, numberText, roundedText, fixedText } = await import(`data:text/javascript,${encodeURIComponent(outputText)}`);

/** Numbers of many sizes, those that are halves of a last digit among them. */
function* numbers() {
  for (let i = 0; i <= 10_000; ++i) yield i / 10_000;
  for (let exponent = -5; exponent <= 9; ++exponent) {
    for (const digits of [1, 1.15, 1.2345, 3.14159265358979, 4.999995, 9.99999, 9.999995, 123.456]) {
      yield digits * 10 ** exponent;
      yield -digits * 10 ** exponent;
    }
  }
}

test('percentages, sizes and numbers are those of English', () => {
  const english = (x, options) => x.toLocaleString('en', options).replace(/^-0$/, '0');
  for (const x of numbers()) {
    assert.equal(percentText(x), `${english(x * 100, { maximumFractionDigits: 1 })} %`);
    assert.equal(numberText(x), english(x, { maximumSignificantDigits: 6 }), String(x));
    assert.equal(numberText(x, 2), english(x, { maximumSignificantDigits: 2 }), String(x));
    for (const decimals of [0, 1, 4]) {
      assert.equal(roundedText(x, decimals), english(x, { maximumFractionDigits: decimals }), String(x));
      const fixed = { minimumFractionDigits: decimals, maximumFractionDigits: decimals };
      // "-0.0" is nothing, too.
      assert.equal(fixedText(x, decimals).replace(/^-(?=[0.]*$)/, ''), x.toLocaleString('en', fixed).replace(/^-(?=[0.]*$)/, ''), String(x));
    }
  }
  for (const n of [0, 1, 999, 1000, 1024, 999_999, 1_000_000, 123_456_789]) {
    assert.equal(countText(n), n.toLocaleString('en'));
    assert.equal(bytesText(n), n < 1e6 ? `${english(n / 1e3, { maximumFractionDigits: 1 })} kB` : `${english(n / 1e6, { maximumFractionDigits: 1 })} MB`);
  }
});

test('what is no number or has no end is said, and a column keeps one notation', () => {
  assert.equal(percentText(NaN), '');
  assert.equal(numberText(NaN), 'not a number');
  assert.equal(numberText(-Infinity), '-∞');
  assert.equal(numberText(0), '0');
  assert.equal(numberText(1.5e-9), '1.5e-9');
  assert.equal(numberText(1e300), '1e+300');
  assert.equal(roundedText(1.23e-7, 10), '0.000000123');
  assert.equal(roundedText(5, 20), '5');
  assert.equal(fixedText(1234.5, 2), '1,234.50');
});
