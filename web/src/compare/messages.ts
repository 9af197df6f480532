import type { OutputCard } from '../model-card';
import type { RowRules } from '../score/cells';
import type { Answers } from '../score/messages';

// What the page asks the worker that holds the rows that two models answer, and what comes back.

/** One for each of two models. */
export type Both<T> = readonly [T, T];

export type PairAsk =
  | { readonly ask: 'open'; readonly file: Blob; readonly rules: Both<RowRules>; readonly outputs: Both<readonly OutputCard[]> }
  | { readonly ask: 'next' }
  | { readonly ask: 'keep'; readonly answers: Both<Answers> }
  | { readonly ask: 'compare'; readonly output: Both<number>; readonly truth: number | null };

export interface PairBatch {
  readonly values: Both<Float64Array<ArrayBuffer>>;
  readonly nRows: number;
  readonly progress: number;
}

/** A row for which the two say different things. */
export interface DifferentRow {
  /** From 1. */
  readonly row: number;
  readonly said: Both<string>;
  /** Half of the summed differences of the probabilities, or the difference of the values. */
  readonly difference: number;
  readonly truth: string;
  /** The first model's numbers. */
  readonly values: readonly number[];
}

export interface PairMeasures {
  readonly nRows: number;
  readonly nSkipped: number;
  /** The first row that was left out, and why. */
  readonly firstSkipped: string;
  readonly columns: readonly string[];
  /** Columns that are a feature of neither. */
  readonly others: readonly number[];
  /** Column that is likely to hold the true answers. */
  readonly likelyTruth: number | null;
  /** Share of rows with the same class; NaN for values. */
  readonly agreement: number;
  /** [first's labels, second's labels]; empty for values. */
  readonly counts: readonly number[];
  /** Of values: mean and largest absolute difference. */
  readonly meanDifference: number;
  readonly largestDifference: number;
  /** Accuracy of each, or mean absolute error of values; NaN without true answers. */
  readonly quality: Both<number>;
  readonly nJudged: number;
  readonly rows: readonly DifferentRow[];
}

export interface PairReplies extends Record<string, unknown> {
  readonly open: null;
  readonly next: PairBatch | null;
  readonly keep: null;
  readonly compare: PairMeasures;
}
