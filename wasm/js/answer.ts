import { ForestError, errorCode } from './error.js';
import type { Rows } from './rows.js';

/** What can be asked of a model: the numbers of `Answer` in core/include/copse/model.h. */
export const answerNumber = {
  /** Class index of each class output, value of each other column. */
  predict: 0,
  /** Class index of each class output. */
  index: 1,
  /** Probabilities of all classes; blocks of outputs side by side. */
  proba: 2,
  /** Raw score. */
  margin: 3,
  /** Leaf number in every tree. */
  leaf: 4,
  /** `score_samples` of an isolation forest. */
  score: 5,
} as const;

export type Answer = keyof typeof answerNumber;

/** What is asked by predict(rows) or predict(answer, rows). */
export function answerAndRows(first: Answer | Rows, second?: Rows): [Answer, Rows] {
  if (second !== undefined) return [first as Answer, second];
  if (typeof first !== 'string') return ['predict', first];
  throw new ForestError(
    errorCode.invalidInput,
    'rows are undefined: expected an array of rows, a Float64Array or a Float32Array',
  );
}
