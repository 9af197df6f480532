import type { OutputCard } from '../model-card';
import type { Cells } from '../score/records';
import { readTruth } from '../score/truth';
import { labelsOfBoth } from './match';
import type { Both, DifferentRow, PairMeasures } from './messages';

// How the answers of two models to the same rows stand to one another.

const differentShown = 50;

/** What one model said about one output. */
export interface SideAnswers {
  readonly card: OutputCard;
  /** Class index or value for row `r`. */
  readonly said: (r: number) => number;
  /** Probability of class `k` for row `r`; 0 for the class -1, which this model does not have. */
  readonly probability: (r: number, k: number) => number;
}

/** Rows that both answered. */
export interface Answered {
  /** Number in the file, from 1, and cells. */
  readonly rows: readonly { readonly row: number; readonly cells: Cells }[];
  readonly sides: Both<SideAnswers>;
  /** [rows, width]: the first model's numbers. */
  readonly values: Float64Array;
  readonly width: number;
}

type Measured = Omit<PairMeasures, 'nSkipped' | 'firstSkipped' | 'columns' | 'others' | 'likelyTruth'>;

/** The true answers in a column, as the output of side `s` has them: [rows], NaN where there is none. */
export function truthIn({ rows, sides }: Answered, column: number, s: 0 | 1): Float64Array {
  return readTruth(rows.map(({ cells }) => cells[column] ?? ''), sides[s].card);
}

/** All numbers about the rows; `truth` is the column of true answers, or null. */
export function measure(answered: Answered, truth: number | null): Measured {
  const { rows, sides: [first, second] } = answered;
  const isClass = first.card.kind === 'class';
  const places = second.card.labels.map((label) => first.card.labels.indexOf(label));
  const same = Uint8Array.from(rows, (_, r) => Number(first.said(r) === (isClass ? places[second.said(r)] : second.said(r))));
  const differences = differencesOf(answered);
  return {
    nRows: rows.length,
    agreement: isClass ? same.reduce((sum, x) => sum + x, 0) / rows.length : NaN,
    counts: isClass ? countsOf(answered) : [],
    meanDifference: differences.reduce((sum, x) => sum + x, 0) / rows.length,
    largestDifference: differences.reduce((most, x) => Math.max(most, x), 0),
    ...qualityOf(answered, truth),
    rows: mostDifferent(answered, truth, differences, same),
  };
}

/** Half of the summed differences of the probabilities, or the difference of the values: [rows]. */
function differencesOf({ rows, sides: [first, second] }: Answered): Float64Array {
  if (first.card.kind !== 'class') return Float64Array.from(rows, (_, r) => Math.abs(first.said(r) - second.said(r)));
  const labels = labelsOfBoth(first.card, second.card);
  return Float64Array.from(rows, (_, r) => labels.reduce((sum, { a, b }) => sum + Math.abs(first.probability(r, a) - second.probability(r, b)), 0) / 2);
}

/** How often each class of the first met each of the second: [first's labels, second's labels]. */
function countsOf({ rows, sides: [first, second] }: Answered): number[] {
  const across = second.card.labels.length;
  const counts = new Array<number>(first.card.labels.length * across).fill(0);
  for (let r = 0; r < rows.length; ++r) {
    const place = first.said(r) * across + second.said(r);
    counts[place] = (counts[place] ?? 0) + 1;
  }
  return counts;
}

/** Accuracy of each, or mean absolute error of values, over the rows whose true answer one of them knows. */
function qualityOf(answered: Answered, truth: number | null): Pick<Measured, 'quality' | 'nJudged'> {
  if (truth === null) return { quality: [NaN, NaN], nJudged: 0 };
  const isClass = answered.sides[0].card.kind === 'class';
  const truths = [truthIn(answered, truth, 0), truthIn(answered, truth, 1)] as const;
  const judged = answered.rows.map((_, r) => r).filter((r) => truths.some((side) => !Number.isNaN(side[r])));
  const quality = (s: 0 | 1) => {
    const error = (r: number) => answered.sides[s].said(r) - (truths[s][r] ?? NaN);
    return judged.reduce((sum, r) => sum + (isClass ? Number(error(r) === 0) : Math.abs(error(r))), 0) / judged.length;
  };
  return { quality: [quality(0), quality(1)], nJudged: judged.length };
}

/** Rows with another class first, then those whose numbers differ most. */
function mostDifferent({ rows, sides, values, width }: Answered, truth: number | null, differences: Float64Array, same: Uint8Array): DifferentRow[] {
  const [a, b] = sides;
  const isClass = a.card.kind === 'class';
  const text = ({ card, said }: SideAnswers, r: number) => (isClass ? (card.labels[said(r)] ?? '') : String(said(r)));
  return rows.map((_, r) => r)
    .filter((r) => (differences[r] ?? 0) > 0 || (isClass && same[r] === 0))
    .sort((i, j) => (isClass ? (same[i] ?? 0) - (same[j] ?? 0) : 0) || (differences[j] ?? 0) - (differences[i] ?? 0) || i - j)
    .slice(0, differentShown)
    .map((r) => ({
      row: rows[r]?.row ?? 0,
      said: [text(a, r), text(b, r)],
      difference: differences[r] ?? NaN,
      truth: truth === null ? '' : (rows[r]?.cells[truth] ?? ''),
      values: [...values.subarray(r * width, (r + 1) * width)],
    }));
}
