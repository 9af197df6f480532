import type { FeatureCard } from '../model-card';
import { CellError, numberIn, trimmed, valueOf, type RowRules } from './cells';
import { FileError, type Cells } from './records';

/** What the columns of a file hold. */
export interface Columns {
  /** One name for each column. */
  readonly names: readonly string[];
  /** Column of each feature. */
  readonly featureAt: readonly number[];
  /** Whether the first record names the columns, and is no row. */
  readonly hasHeader: boolean;
}

/** How a label is called that stands behind the features of a file without a header. */
const unnamedLabel = 'label';

/**
 * Finds the columns from the first record: by name where it names every feature, else by position,
 * with or without one more column that is the label. `names` are those that the records carry.
 */
export function findColumns(first: Cells, names: readonly string[] | null, rules: RowRules): Columns {
  const { features } = rules;
  const header = names ?? first.map((cell) => trimmed(cell ?? ''));
  const missing = features.filter((feature) => !header.includes(feature.name));
  if (missing.length === 0) {
    return { names: header, featureAt: features.map((feature) => header.indexOf(feature.name)), hasHeader: names === null };
  }
  if (names === null && !looksLikeNames(first, rules)) return byPosition(first.length, features);
  throw new FileError(
    `it has no column ${missing.slice(0, 3).map(({ name }) => `'${name}'`).join(', ')}` +
      `${missing.length > 3 ? ` and ${String(missing.length - 3)} more` : ''}: ` +
      `its columns are ${header.slice(0, 8).map((name) => `'${name}'`).join(', ')}${header.length > 8 ? ', …' : ''}`,
  );
}

/** A record without any number, that is no row of categories either. */
function looksLikeNames(first: Cells, rules: RowRules): boolean {
  const texts = first.map((cell) => trimmed(cell ?? ''));
  if (texts.some((text) => text !== '' && numberIn(text) !== undefined)) return false;
  try {
    rules.features.forEach((feature, i) => valueOf(texts[i] ?? '?', feature, rules));
    return false;
  } catch {
    return true;
  }
}

function byPosition(width: number, features: readonly FeatureCard[]): Columns {
  const n = features.length;
  const names = features.map((feature) => feature.name);
  const featureAt = names.map((_, i) => i);
  if (width === n) return { names, featureAt, hasHeader: false };
  if (width === n + 1) return { names: [...names, unnamedLabel], featureAt, hasHeader: false };
  throw new FileError(
    `its rows have ${String(width)} cells and no header: expected ${String(n)}, one for each feature, ` +
      `or ${String(n + 1)} with the label last`,
  );
}

/** Writes the numbers of a record to `row`; throws the CellError that says why it is no row. */
export function readRow(record: Cells, columns: Columns, rules: RowRules, row: Float64Array): void {
  if (record.length !== columns.names.length) {
    throw new CellError(`it has ${String(record.length)} cells: expected ${String(columns.names.length)}`);
  }
  rules.features.forEach((feature, f) => {
    const cell = record[columns.featureAt[f] ?? -1];
    if (cell === undefined) throw new CellError(`it has no column '${feature.name}'`);
    row[f] = valueOf(cell, feature, rules);
  });
}
