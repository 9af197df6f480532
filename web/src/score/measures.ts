// How well answers fit the truth. Rows without a truth, or without an answer, do not count.

export interface ClassMeasures {
  readonly kind: 'class';
  readonly labels: readonly string[];
  readonly nRows: number;
  /** counts[truth * labels.length + prediction]. */
  readonly counts: readonly number[];
  readonly accuracy: number;
  /** Of each class; NaN where there is nothing to divide by. */
  readonly precision: readonly number[];
  readonly recall: readonly number[];
  readonly f1: readonly number[];
  /** Mean of -log of the probability of the true class, at least 2^-52 as in scikit-learn. */
  readonly logLoss: number;
  /** Area under the ROC curve of the second label against the first; NaN for more than two. */
  readonly auc: number;
}

export interface ValueMeasures {
  readonly kind: 'value';
  readonly nRows: number;
  readonly mae: number;
  readonly rmse: number;
  /** 1 - (sum of squared errors) / (sum of squares around the mean); NaN for a constant truth. */
  readonly r2: number;
  /** Mean of prediction - truth. */
  readonly bias: number;
}

export type Measures = ClassMeasures | ValueMeasures;

/** How one row counts: class indices, and what the model gave the truth and the second class. */
export interface Judged {
  readonly truth: number;
  readonly prediction: number;
  readonly ofTruth: number;
  readonly ofSecond: number;
}

export function measureClasses(labels: readonly string[], rows: Iterable<Judged>): ClassMeasures {
  const n = labels.length;
  const counts = new Array<number>(n * n).fill(0);
  const scores: { score: number; positive: boolean }[] = [];
  let nRows = 0;
  let loss = 0;
  for (const { truth, prediction, ofTruth, ofSecond } of rows) {
    ++nRows;
    const place = truth * n + prediction;
    counts[place] = (counts[place] ?? 0) + 1;
    loss -= Math.log(Math.max(ofTruth, Number.EPSILON));
    if (n === 2) scores.push({ score: ofSecond, positive: truth === 1 });
  }
  const at = (truth: number, prediction: number) => counts[truth * n + prediction] ?? 0;
  const all = labels.map((_, k) => k);
  const sumOver = (term: (k: number) => number) => all.reduce((total, k) => total + term(k), 0);
  const recall = all.map((k) => at(k, k) / sumOver((j) => at(k, j)));
  const precision = all.map((k) => at(k, k) / sumOver((j) => at(j, k)));
  return {
    kind: 'class',
    labels,
    nRows,
    counts,
    accuracy: sumOver((k) => at(k, k)) / nRows,
    precision,
    recall,
    f1: all.map((k) => (2 * at(k, k)) / (sumOver((j) => at(k, j)) + sumOver((j) => at(j, k)))),
    logLoss: loss / nRows,
    auc: n === 2 ? areaUnderRoc(scores) : NaN,
  };
}

/**
 * The share of pairs of a positive and a negative row that the scores put in order; ties count half.
 * Source: Mann and Whitney's U by mean ranks.
 */
function areaUnderRoc(rows: { score: number; positive: boolean }[]): number {
  rows.sort((a, b) => a.score - b.score);
  let positives = 0;
  let rankSum = 0;
  for (let from = 0; from < rows.length; ) {
    let to = from + 1;
    while (to < rows.length && rows[to]?.score === rows[from]?.score) ++to;
    const tied = rows.slice(from, to).filter(({ positive }) => positive).length;
    positives += tied;
    rankSum += (tied * (from + 1 + to)) / 2;
    from = to;
  }
  const negatives = rows.length - positives;
  return (rankSum - (positives * (positives + 1)) / 2) / (positives * negatives);
}

export function measureValues(rows: readonly { truth: number; prediction: number }[]): ValueMeasures {
  const n = rows.length;
  const mean = (term: (row: { truth: number; prediction: number }) => number) =>
    rows.reduce((total, row) => total + term(row), 0) / n;
  const middle = mean(({ truth }) => truth);
  const squares = mean(({ truth, prediction }) => (prediction - truth) ** 2);
  const spread = mean(({ truth }) => (truth - middle) ** 2);
  return {
    kind: 'value',
    nRows: n,
    mae: mean(({ truth, prediction }) => Math.abs(prediction - truth)),
    rmse: Math.sqrt(squares),
    r2: spread > 0 ? 1 - squares / spread : NaN,
    bias: mean(({ truth, prediction }) => prediction - truth),
  };
}
