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
