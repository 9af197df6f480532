import { middleOf, sliderRange, snap } from './feature-range';
import type { FeatureCard, ModelCard } from './model-card';

/** A row to start from, with the words on its button. */
export interface Example {
  readonly title: string;
  readonly row: readonly number[];
}

const surveyRows = 1024;

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
  const rows = spreadRows(card.features);
  const values = await survey(new Float64Array(rows.flat()));
  const columns = values.length / rows.length;
  const columnOf = (k: number) => rows.map((_, r) => values[r * columns + k] ?? NaN);
  if (output.kind !== 'class') {
    const column = columnOf(0);
    const negative = column.map((x) => -x);
    return [
      { title: 'a low answer', row: typicalOfHighest(rows, negative) },
      { title: 'a high answer', row: typicalOfHighest(rows, column) },
    ];
  }
  return output.labels.flatMap((label, k) => {
    const column = columnOf(k);
    // 0.5 is more than any other class can have.
    return Math.max(...column) > 0.5 ? [{ title: label, row: typicalOfHighest(rows, column) }] : [];
  });
}

/** The middle one of the rows whose value is highest (within 1 %). */
function typicalOfHighest(rows: readonly number[][], values: readonly number[]): readonly number[] {
  const highest = Math.max(...values);
  const near = Math.abs(highest) * 0.01;
  const best = rows.filter((_, r) => (values[r] ?? NaN) >= highest - near);
  const centre = (best[0] ?? []).map((_, f) => sum(best.map((row) => row[f] ?? 0)) / best.length);
  const distance = (row: readonly number[]) => sum(row.map((x, f) => (x - (centre[f] ?? 0)) ** 2));
  return best.reduce((a, b) => (distance(b) < distance(a) ? b : a), best[0] ?? []);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0);
}

/** Rows that fill the training ranges evenly: Weyl sequences, the same on every visit. */
function spreadRows(features: readonly FeatureCard[]): number[][] {
  const strides = features.map((_, f) => stride(f, features.length));
  return Array.from({ length: surveyRows }, (_, r) =>
    features.map((feature, f) => at(feature, ((r + 1) * (strides[f] ?? 0) + 0.5) % 1)),
  );
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

function at(feature: FeatureCard, fraction: number): number {
  if (feature.categorical && feature.categories.length > 0) {
    return Math.floor(fraction * feature.categories.length);
  }
  const range = sliderRange(feature);
  if (range === null) return middleOf(feature);
  return snap(range.min + fraction * (range.max - range.min), range);
}
