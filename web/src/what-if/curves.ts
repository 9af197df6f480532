import type { BrowserPredictor } from '../predictor';
import type { Axis } from './axis';
import { askRows, changed } from './said';

/** The answers along one feature, all others as they are in the row. */
export interface Curve {
  readonly axis: Axis;
  /** [cells] class indices or values. */
  readonly decisions: Float64Array;
  /** Numbers of each line, [cells]: the probability of each class, or the value. */
  readonly lines: readonly Float64Array[];
  /** The same numbers where the feature is missing; null where it may not be. */
  readonly missing: readonly number[] | null;
}

export async function askCurves(predictor: BrowserPredictor, output: number, row: readonly number[], axes: readonly Axis[], wanted: () => boolean): Promise<Curve[] | null> {
  const missing = predictor.card.missingAllowed;
  const asked = axes.flatMap((axis) => [...axis.cells.map(({ at }) => at), ...(missing ? [NaN] : [])].map((x) => ({ f: axis.index, x })));
  const said = await askRows(predictor, output, changed(row, asked.length, (r, to) => {
    const one = asked[r];
    if (one !== undefined) to[one.f] = one.x;
  }), wanted);
  if (said === null) return null;
  const n = predictor.card.outputs[output]?.labels.length ?? 0;
  const numbersAt = (r: number) => (n === 0 ? [said.decisions[r] ?? NaN] : Array.from(said.probabilities.subarray(r * n, (r + 1) * n)));
  let from = 0;
  return axes.map((axis) => {
    const first = from;
    from += axis.cells.length + (missing ? 1 : 0);
    const points = axis.cells.map((_, i) => numbersAt(first + i));
    return {
      axis,
      decisions: said.decisions.slice(first, first + axis.cells.length),
      lines: Array.from({ length: Math.max(n, 1) }, (_, k) => Float64Array.from(points, (point) => point[k] ?? NaN)),
      missing: missing ? numbersAt(from - 1) : null,
    };
  });
}

/** An SVG path of a line in a square of 1000: steps where they are exact, else from point to point. */
export function pathOf({ axis }: Curve, line: Float64Array, low: number, high: number): string {
  const y = (value: number) => (1000 * (1 - (value - low) / (high > low ? high - low : 1))).toFixed(1);
  const x = (fraction: number) => (1000 * fraction).toFixed(1);
  return axis.cells.map(({ from, to }, i) => {
    const value = line[i] ?? NaN;
    const begin = i === 0 || axis.categories !== null ? 'M' : 'L';
    if (axis.exact) return `${begin}${x(from)} ${y(value)}L${x(to)} ${y(value)}`;
    return `${i === 0 ? 'M' : 'L'}${x((from + to) / 2)} ${y(value)}`;
  }).join('');
}

/** A stretch of the axis with one answer. */
export interface Stretch {
  readonly first: number;
  readonly last: number;
  readonly numbers: readonly number[];
}

/** Neighbouring cells with the same numbers as one. */
export function stretchesOf({ axis, lines }: Curve): Stretch[] {
  const found: Stretch[] = [];
  for (let i = 0; i < axis.cells.length; ++i) {
    const numbers = lines.map((line) => line[i] ?? NaN);
    const before = found.at(-1);
    if (before !== undefined && axis.categories === null && numbers.every((x, k) => Object.is(x, before.numbers[k]))) found[found.length - 1] = { ...before, last: i };
    else found.push({ first: i, last: i, numbers });
  }
  return found;
}
