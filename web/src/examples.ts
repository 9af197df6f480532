import { middleOf, sliderRange, snap } from './feature-range';
import type { FeatureCard, ModelCard } from './model-card';
import { nextTask } from './timing';

/** A row to start from, with the words on its button. */
export interface Example {
  readonly title: string;
  readonly row: readonly number[];
}

const surveyRows = 1024;
/** Columns that are filled with numbers at a time. */
const featuresOfTask = 8;

/** Asks for many rows at once: [rows, columns], probabilities or numbers. */
export type Survey = (rows: Float64Array<ArrayBuffer>) => Promise<Float64Array>;

/** Whether examples can be looked for: one output, not too many classes, and known ranges. */
export function mayHaveExamples(card: ModelCard): boolean {
  const [output, ...others] = card.outputs;
  if (output === undefined || others.length > 0 || output.labels.length > 12) return false;
  return card.features.length <= 256 && card.features.some((feature) => sliderRange(feature) !== null);
}

/**
 * Rows that show what the model can say: for each class a row that the model is most sure of, for
 * a regressor a low and a high one. They are found by asking the model for rows spread evenly
 * over the training ranges, so that any model has examples and no data are needed.
 */
export async function findExamples(card: ModelCard, survey: Survey): Promise<Example[]> {
  const [output] = card.outputs;
  if (output === undefined || !mayHaveExamples(card)) return [];
  const width = card.features.length;
  // Here and below a task for each step: the page stays free for the person in front of it.
  const rows = await spreadRows(card.features);
  // The survey may give its numbers away.
  const values = await survey(rows.slice());
  const columns = values.length / surveyRows;
  const columnOf = (k: number) => Float64Array.from({ length: surveyRows }, (_, r) => values[r * columns + k] ?? NaN);
  if (output.kind !== 'class') {
    const column = columnOf(0);
    return [
      ...exampleOf('a low answer', rows, width, column.map((x) => -x)),
      ...exampleOf('a high answer', rows, width, column),
    ];
  }
  const found: Example[] = [];
  for (const [k, title] of output.labels.entries()) {
    await nextTask();
    const column = columnOf(k);
    // 0.5 is more than any other class can have.
    if (Math.max(...column) > 0.5) found.push(...exampleOf(title, rows, width, column));
  }
  return found;
}

/** The middle one of the rows, of `width` numbers each, whose value is highest (within 1 %), if any is. */
function exampleOf(title: string, rows: Float64Array, width: number, values: Float64Array): Example[] {
  const highest = Math.max(...values);
  const least = highest - Math.abs(highest) * 0.01;
  const best: Float64Array[] = [];
  for (const [r, value] of values.entries()) {
    if (value >= least) best.push(rows.subarray(r * width, (r + 1) * width));
  }
  let [nearest] = best;
  if (nearest === undefined) return [];
  const centre = meanOf(best, width);
  let shortest = Infinity;
  for (const row of best) {
    const distance = squaredDistance(row, centre);
    if (distance < shortest) [nearest, shortest] = [row, distance];
  }
  return [{ title, row: [...nearest] }];
}

function meanOf(rows: readonly Float64Array[], width: number): Float64Array {
  const sum = new Float64Array(width);
  for (const row of rows) {
    for (let f = 0; f < width; ++f) sum[f] = (sum[f] ?? 0) + (row[f] ?? 0);
  }
  return sum.map((x) => x / rows.length);
}

function squaredDistance(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let f = 0; f < b.length; ++f) sum += ((a[f] ?? 0) - (b[f] ?? 0)) ** 2;
  return sum;
}

/** Rows [surveyRows, features] that fill the training ranges evenly: Weyl sequences, the same on every visit. */
async function spreadRows(features: readonly FeatureCard[]): Promise<Float64Array<ArrayBuffer>> {
  const width = features.length;
  const rows = new Float64Array(surveyRows * width);
  for (const [f, feature] of features.entries()) {
    if (f % featuresOfTask === 0) await nextTask();
    const at = placesOf(feature);
    const step = stride(f, width);
    for (let r = 0; r < surveyRows; ++r) rows[r * width + f] = at(((r + 1) * step + 0.5) % 1);
  }
  return rows;
}

/**
 * Powers of the root of x^(n+1) = x + 1, which generalises the golden ratio to n dimensions.
 * Source: M. Roberts, "The Unreasonable Effectiveness of Quasirandom Sequences", 2018.
 */
function stride(f: number, n: number): number {
  let root = 2;
  for (let i = 0; i < 50; ++i) root = (1 + root) ** (1 / (n + 1));
  return root ** -(f + 1);
}

/** A feature's value at a fraction (0 to 1) of its range. */
function placesOf(feature: FeatureCard): (fraction: number) => number {
  const { length } = feature.categories;
  if (feature.categorical && length > 0) return (fraction) => Math.floor(fraction * length);
  const range = sliderRange(feature);
  if (range === null) {
    const middle = middleOf(feature);
    return () => middle;
  }
  return (fraction) => snap(range.min + fraction * (range.max - range.min), range);
}
