import type { ModelCard } from '../model-card';
import { categoriesOf, rangeOf } from './axis';
import { between, firstAbove, lastNotAbove, shortestIn } from './float-steps';
import type { Splits } from './splits';

/** Another value of a feature, beyond a place where answers can change. */
export interface Candidate {
  readonly feature: number;
  /** The nearest value there is beyond that place. */
  readonly value: number;
  /** How far it is, in training ranges; another category, or a value where none is, counts 1. */
  readonly distance: number;
  /** The threshold that is crossed; null where there is none. */
  readonly threshold: number | null;
  /** How far a number with fewer digits may be from the value; negative below it. */
  readonly room: number;
}

/** A short number may be so much farther than the nearest, in training ranges. */
const shortMargin = 1e-3;
const gridSteps = 200;

/** A value with few digits a little beyond the candidate's, which has to be asked about too. */
export function shortOf({ value, room }: Candidate): number {
  if (room === 0) return value;
  return room > 0 ? shortestIn(value, value + room, 'low') : shortestIn(value + room, value, 'high');
}

/** All other values of a feature worth asking about, nearest first; thresholds one by one, as there may be many. */
export function candidatesOf(card: ModelCard, splits: Splits, row: readonly number[], index: number): Iterator<Candidate> {
  const feature = card.features[index];
  const x = row[index] ?? NaN;
  if (feature === undefined) return [].values();
  if (feature.categorical) {
    return categoriesOf(feature, splits.codes[index] ?? [])
      .filter(({ value }) => value !== x)
      .map(({ value }) => ({ feature: index, value, distance: 1, threshold: null, room: 0 }))
      .values();
  }
  const cuts = splits.thresholds[index] ?? new Float64Array();
  const range = rangeOf(feature, cuts, x);
  const span = range.max - range.min;
  if (!splits.stepwise) return onGrid(index, x, range.min, span).values();
  if (Number.isNaN(x)) return insteadOfMissing(index, cuts, card.float32);
  return acrossCuts(index, card.float32 ? Math.fround(x) : x, cuts, span, card.float32);
}

/** Both ways from `x` at once, whichever threshold is nearer. */
function* acrossCuts(feature: number, x: number, cuts: Float64Array, span: number, float32: boolean): Generator<Candidate, void, undefined> {
  const above = (threshold: number | undefined): Candidate | null => {
    if (threshold === undefined) return null;
    const value = firstAbove(threshold, float32);
    return { feature, value, distance: (value - x) / span, threshold, room: shortMargin * span };
  };
  const below = (threshold: number | undefined): Candidate | null => {
    if (threshold === undefined) return null;
    const value = lastNotAbove(threshold, float32);
    return { feature, value, distance: (x - value) / span, threshold, room: -shortMargin * span };
  };
  let up = firstNotBelow(cuts, x);
  let down = up - 1;
  let [high, low] = [above(cuts[up]), below(cuts[down])];
  for (;;) {
    if (high !== null && (low === null || high.distance <= low.distance)) {
      yield high;
      high = above(cuts[++up]);
    } else if (low !== null) {
      yield low;
      low = below(cuts[--down]);
    } else {
      return;
    }
  }
}

/** Place of the first of the sorted numbers that is `x` or more. */
function firstNotBelow(sorted: Float64Array, x: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? Infinity) >= x) high = middle;
    else low = middle + 1;
  }
  return low;
}

function* insteadOfMissing(feature: number, cuts: Float64Array, float32: boolean): Generator<Candidate, void, undefined> {
  for (let i = 0; i <= cuts.length; ++i) {
    const value = cuts.length === 0 ? 0 : between(cuts[i - 1] ?? -Infinity, cuts[i] ?? Infinity, float32);
    yield { feature, value, distance: 1, threshold: null, room: 0 };
  }
}

/** Where answers change smoothly there are no thresholds: even steps over the training range. */
function onGrid(feature: number, x: number, min: number, span: number): Candidate[] {
  const all = Array.from({ length: gridSteps + 1 }, (_, i) => {
    const value = min + (i / gridSteps) * span;
    const distance = Number.isNaN(x) ? 1 : Math.abs(value - x) / span;
    return { feature, value, distance, threshold: null, room: 0 };
  });
  return all.filter(({ value }) => value !== x).sort((a, b) => a.distance - b.distance);
}
