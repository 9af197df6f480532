import type { BrowserPredictor } from '../predictor';
import { rangeOf } from './axis';
import { askRows, changed } from './said';
import type { Splits } from './splits';

/** Features that are tried, most used first, and points along each. */
const featuresTried = 20;
const pointsTried = 9;

/**
 * A value worth asking for: half of the way to the farthest answer that one feature alone reaches
 * within its range, with few digits. Null where no feature moves the answer.
 */
export async function targetFor(predictor: BrowserPredictor, splits: Splits, output: number, row: readonly number[], decision: number): Promise<number | null> {
  const { features } = predictor.card;
  const tried = splits.order.slice(0, featuresTried).flatMap((index) => {
    const feature = features[index];
    if (feature === undefined || feature.categorical) return [];
    const { min, max } = rangeOf(feature, splits.thresholds[index] ?? new Float64Array(), row[index] ?? NaN);
    return Array.from({ length: pointsTried }, (_, i) => ({ index, value: min + (i / (pointsTried - 1)) * (max - min) }));
  });
  const said = await askRows(predictor, output, changed(row, tried.length, (r, to) => {
    const one = tried[r];
    if (one !== undefined) to[one.index] = one.value;
  }));
  const farthest = Array.from(said?.decisions ?? []).reduce((far, x) => (Math.abs(x - decision) > Math.abs(far - decision) ? x : far), decision);
  return fewDigits(decision, farthest);
}

/** A number with few digits about half of the way from `from` to `to`, past `from`; null where both are one. */
export function fewDigits(from: number, to: number): number | null {
  const way = to - from;
  if (way === 0 || !Number.isFinite(way)) return null;
  const step = 10 ** Math.floor(Math.log10(Math.abs(way) / 4));
  const steps = Math.round((from + way / 2) / step);
  // A step of 0.001 is no number of its own: 17 / 1000 has the digits that 17 * 0.001 has not.
  return Number((steps * step).toPrecision(12));
}
