import type { FeatureCard, ModelCard } from '../model-card';

// The text of a cell and the number that it stands for, as the service reads them (native/rows.h).

/** What a reader of rows must know of a model. */
export type RowRules = Pick<ModelCard, 'features' | 'missingAllowed' | 'infiniteAllowed' | 'float32'>;

/** A value that cannot be used: the sentence that follows "row 5: ". */
export class CellError extends Error {}

/** The words that pandas.read_csv takes for a missing value, and what Python reads as NaN. */
const missingWords: ReadonlySet<string> = new Set([
  ...['', '#N/A', '#N/A N/A', '#NA', '-1.#IND', '-1.#QNAN', '1.#IND', '1.#QNAN'],
  ...['<NA>', 'N/A', 'NA', 'NULL', 'n/a', 'null', 'NaN', 'nan', 'NAN', '-nan', '-NaN', '+nan', '+NaN'],
]);

const wordsForNumbers: ReadonlyMap<string, number> = new Map([
  ['true', 1],
  ['false', 0],
]);

const plainNumber = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;
const infinity = /^([+-]?)inf(?:inity)?$/i;

/** Without the spaces, tabs and NUL bytes around it. */
export function trimmed(text: string): string {
  // The character classes of trim() are more than these, and no number has them inside.
  return text.trim().replace(/^\0+|\0+$/g, '');
}

/** The number that a trimmed text is; NaN where it is missing, undefined where it is none. */
export function numberIn(text: string): number | undefined {
  if (plainNumber.test(text)) return Number(text);
  if (missingWords.has(text)) return NaN;
  const sign = infinity.exec(text)?.[1];
  if (sign !== undefined) return sign === '-' ? -Infinity : Infinity;
  return wordsForNumbers.get(text.toLowerCase());
}

function quoted(text: string): string {
  return text.length > 40 ? `'${text.slice(0, 37)}...'` : `'${text}'`;
}

function someOf(categories: readonly string[]): string {
  const more = categories.length > 5 ? `, … (${String(categories.length)} in all)` : '';
  return categories.slice(0, 5).map(quoted).join(', ') + more;
}

/** The number of a feature's cell. The text of a category wins over its code. */
export function valueOf(cell: string, feature: FeatureCard, rules: RowRules): number {
  const text = trimmed(cell);
  if (feature.categorical && feature.categories.length > 0) {
    const code = feature.categories.indexOf(text);
    if (code >= 0) return code;
  }
  const value = numberIn(text);
  if (value === undefined) {
    const expected = feature.categories.length > 0 ? `one of ${someOf(feature.categories)}` : 'a number';
    throw new CellError(`column '${feature.name}' is ${quoted(text)}: expected ${expected}`);
  }
  if (Number.isNaN(value) && !rules.missingAllowed) {
    throw new CellError(`column '${feature.name}' is missing: this model takes no missing values`);
  }
  const read = rules.float32 ? Math.fround(value) : value;
  if (Math.abs(read) === Infinity && !rules.infiniteAllowed) {
    const width = rules.float32 ? 'finite as float32' : 'finite';
    throw new CellError(`column '${feature.name}' is ${quoted(text)}: expected a number that is ${width}`);
  }
  return value;
}
