import type { Feature } from './description.js';
import { ForestError, errorCode, quote, type ErrorDetail } from './error.js';

/** One value of a row: a number, a category's text, or null where it is missing. */
export type RowValue = number | string | null;

/** A row by column names, or by position. */
export type Row = Readonly<Record<string, RowValue>> | ArrayLike<RowValue>;

/** Rows: one typed array, row-major, or an array of rows. */
export type Rows = Float64Array | Float32Array | readonly Row[];

/** At most so many numbers go in or out of one call (`kBatchValuesMax` in limits.h). */
export const batchValuesMax = 2 ** 27;

/** Rows that were recognised. */
export interface OpenRows {
  readonly nRows: number;
  /** Numbers of a row in `target`. */
  readonly width: number;
  /** The name of a column. */
  nameOf(column: number): string;
  /** Writes rows [from, to) into `target`, row-major. */
  pack(from: number, to: number, target: Float64Array): void;
}

function nameOf(features: readonly Feature[], column: number): string {
  return features[column]?.name ?? '';
}

/** One typed array, row-major. */
class FlatRows implements OpenRows {
  readonly nRows: number;

  readonly width: number;

  constructor(
    private readonly rows: Float64Array | Float32Array,
    private readonly features: readonly Feature[],
  ) {
    this.width = features.length;
    this.nRows = rows.length / this.width;
  }

  nameOf(column: number): string {
    return nameOf(this.features, column);
  }

  pack(from: number, to: number, target: Float64Array): void {
    copyNumbers(this.rows, from * this.width, target, (to - from) * this.width);
  }
}

/** Below, a loop is quicker than what typed arrays offer, which makes views and calls. */
const loopMax = 128;

/** target[i] = source[from + i], for n of them. */
export function copyNumbers(
  source: Float64Array | Float32Array,
  from: number,
  target: Float64Array,
  n: number,
): void {
  if (n > loopMax) {
    target.set(source.subarray(from, from + n));
    return;
  }
  for (let i = 0; i < n; ++i) target[i] = source[from + i] ?? NaN;
}

function refuse(message: string, detail: ErrorDetail = {}): never {
  throw new ForestError(errorCode.invalidInput, message, detail);
}

/** The number that stands for `value` in a column; NaN where it is missing. */
function toNumber(value: unknown, feature: Feature, row: number): number {
  if (typeof value === 'number') return value;
  if (value === null) return NaN;
  const categories = feature.kind === 'cat' ? (feature.categories ?? []) : [];
  if (typeof value === 'string' && categories.length > 0) {
    const code = categories.indexOf(value);
    if (code >= 0) return code;
  }
  let expected = 'a number, or null where it is missing';
  if (feature.kind === 'cat') expected = "the number of a category, or null where it is missing";
  if (categories.length > 0) expected = `one of ${quoteSome(categories)}`;
  return refuse(
    `row ${String(row)}, column '${feature.name}' is ${quote(value)}: expected ${expected}`,
    { row, column: feature.name, value: quote(value) },
  );
}

function quoteSome(texts: readonly string[]): string {
  const more = texts.length > 5 ? `, ... (${String(texts.length)} in all)` : '';
  return texts.slice(0, 5).map(quote).join(', ') + more;
}

/** Turns rows of one model into what it reads: row-major doubles in the order of its features. */
export class RowPacker {
  readonly #features: readonly Feature[];
  readonly #names: ReadonlySet<string>;

  constructor(features: readonly Feature[]) {
    this.#features = features;
    this.#names = new Set(features.map((feature) => feature.name));
  }

  open(rows: Rows): OpenRows {
    if (rows instanceof Float64Array || rows instanceof Float32Array) return this.#openFlat(rows);
    if (Array.isArray(rows)) return this.#openList(rows);
    return refuse(
      `rows are ${quote(rows)}: expected an array of rows, a Float64Array or a Float32Array`,
    );
  }

  /** One row's numbers. */
  numbersOf(row: Row): Float64Array {
    const numbers = new Float64Array(this.#features.length);
    this.#packRow(row, 1, numbers, 0);
    return numbers;
  }

  #openFlat(rows: Float64Array | Float32Array): OpenRows {
    const width = this.#features.length;
    if (rows.length % width !== 0) {
      refuse(
        `rows has ${String(rows.length)} numbers: ` +
          `expected a multiple of ${String(width)}, the columns of this model`,
      );
    }
    return new FlatRows(rows, this.#features);
  }

  #openList(rows: readonly unknown[]): OpenRows {
    const width = this.#features.length;
    const pack = (from: number, to: number, target: Float64Array): void => {
      for (let r = from; r < to; ++r) this.#packRow(rows[r], r + 1, target, (r - from) * width);
    };
    const features = this.#features;
    return { nRows: rows.length, width, pack, nameOf: (column) => nameOf(features, column) };
  }

  /** Writes row `number` at `target[at]` and after it. */
  #packRow(row: unknown, number: number, target: Float64Array, at: number): void {
    if (Array.isArray(row) || row instanceof Float64Array || row instanceof Float32Array) {
      this.#packByPosition(row, number, target, at);
    } else if (typeof row === 'object' && row !== null && !ArrayBuffer.isView(row)) {
      this.#packByName(row as Record<string, unknown>, number, target, at);
    } else {
      refuse(
        `row ${String(number)} is ${quote(row)}: expected an array, or an object by column names`,
        { row: number },
      );
    }
  }

  #packByPosition(row: ArrayLike<unknown>, number: number, target: Float64Array, at: number): void {
    if (row.length !== this.#features.length) {
      refuse(
        `row ${String(number)} has ${String(row.length)} values: ` +
          `expected ${String(this.#features.length)}, the columns of this model`,
        { row: number },
      );
    }
    let i = 0;
    for (const feature of this.#features) {
      target[at + i] = toNumber(row[i], feature, number);
      ++i;
    }
  }

  #packByName(
    row: Record<string, unknown>,
    number: number,
    target: Float64Array,
    at: number,
  ): void {
    let i = at;
    for (const feature of this.#features) {
      if (!Object.hasOwn(row, feature.name)) {
        refuse(
          `row ${String(number)} has no column '${feature.name}': ` +
            'expected every column of this model, null where a value is missing',
          { row: number, column: feature.name },
        );
      }
      target[i++] = toNumber(row[feature.name], feature, number);
    }
    for (const name in row) {
      if (this.#names.has(name) || !Object.hasOwn(row, name)) continue;
      refuse(
        `row ${String(number)} has a column ${quote(name)} that this model does not know: ` +
          `expected ${quoteSome([...this.#names])}`,
        { row: number, column: name },
      );
    }
  }
}
