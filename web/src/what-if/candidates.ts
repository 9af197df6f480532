import type { ModelCard } from '../model-card';
import { categoriesOf, rangeOf } from './axis';
import { between, firstAbove, lastNotAbove, shortestIn } from './float-steps';
import type { Splits } from './splits';

/** Another value of a feature, beyond a place where answers can change. */
export interface Candidate {
  readonly feature: number;
  /** The nearest value there is beyond that place. */
  readonly value: number;
  /** One with few digits a little beyond it, which has to be asked about too. */
  readonly short: number;
  /** How far it is, in training ranges; another category, or a value where none is, counts 1. */
  readonly distance: number;
  /** The threshold that is crossed; null where there is none. */
  readonly threshold: number | null;
}

/** A short number may be so much farther than the nearest, in training ranges. */
const shortMargin = 1e-3;
const gridSteps = 200;

/** All other values of a feature worth asking about, nearest first. */
export function candidatesOf(card: ModelCard, splits: Splits, row: readonly number[], index: number): Candidate[] {
  const feature = card.features[index];
  const x = row[index] ?? NaN;
  if (feature === undefined) return [];
  if (feature.categorical) {
    return categoriesOf(feature, splits.codes[index] ?? [])
      .filter(({ value }) => value !== x)
      .map(({ value }) => ({ feature: index, value, short: value, distance: 1, threshold: null }));
  }
  const cuts = splits.thresholds[index] ?? new Float64Array();
  const range = rangeOf(feature, cuts, x);
  const span = range.max - range.min;
  if (!splits.stepwise) return onGrid(index, x, range.min, span);
  const read = card.float32 ? Math.fround(x) : x;
  const found = Number.isNaN(x)
    ? insteadOfMissing(index, cuts, card.float32)
    : [...above(index, read, cuts, span, card.float32), ...below(index, read, cuts, span, card.float32)];
  return found.sort((a, b) => a.distance - b.distance);
}

function above(feature: number, x: number, cuts: Float64Array, span: number, float32: boolean): Candidate[] {
  return Array.from(cuts.filter((cut) => cut >= x)).map((threshold) => {
    const value = firstAbove(threshold, float32);
    return { feature, value, short: shortestIn(value, value + shortMargin * span, 'low'), distance: (value - x) / span, threshold };
  });
}

function below(feature: number, x: number, cuts: Float64Array, span: number, float32: boolean): Candidate[] {
  return Array.from(cuts.filter((cut) => cut < x)).map((threshold) => {
    const value = lastNotAbove(threshold, float32);
    return { feature, value, short: shortestIn(value - shortMargin * span, value, 'high'), distance: (x - value) / span, threshold };
  });
}

function insteadOfMissing(feature: number, cuts: Float64Array, float32: boolean): Candidate[] {
  const edges = [-Infinity, ...cuts, Infinity];
  return edges.slice(1).map((high, i) => {
    const value = cuts.length === 0 ? 0 : between(edges[i] ?? -Infinity, high, float32);
    return { feature, value, short: value, distance: 1, threshold: null };
  });
}

/** Where answers change smoothly there are no thresholds: even steps over the training range. */
function onGrid(feature: number, x: number, min: number, span: number): Candidate[] {
  const all = Array.from({ length: gridSteps + 1 }, (_, i) => {
    const value = min + (i / gridSteps) * span;
    const distance = Number.isNaN(x) ? 1 : Math.abs(value - x) / span;
    return { feature, value, short: value, distance, threshold: null };
  });
  return all.filter(({ value }) => value !== x).sort((a, b) => a.distance - b.distance);
}
