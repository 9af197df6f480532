import type { Label, Output } from './description.js';
import { ForestError, errorCode } from './error.js';

/** A class output's answer for one row. */
export interface ClassPrediction {
  readonly kind: 'class';
  readonly output: string;
  readonly index: number;
  readonly label: Label;
  /** By label, as text. */
  readonly probabilities: Readonly<Record<string, number>>;
}

/** A number's answer for one row. */
export interface ValuePrediction {
  readonly kind: 'value' | 'score';
  readonly output: string;
  readonly value: number;
}

export type Prediction = ClassPrediction | ValuePrediction;

function classPrediction(
  output: Output,
  index: number,
  probabilities: Float64Array,
): ClassPrediction {
  const byLabel: Record<string, number> = {};
  output.labels.forEach((label, i) => {
    const key = String(label);
    const value = probabilities[i] ?? NaN;
    // Assigned to `__proto__`, a number would be lost.
    if (key === '__proto__') Object.defineProperty(byLabel, key, { value, enumerable: true });
    else byLabel[key] = value;
  });
  return {
    kind: 'class',
    output: output.name,
    index,
    label: output.labels[index] ?? index,
    probabilities: byLabel,
  };
}

/**
 * Every output's answer from one row's numbers: `decisions` as answer 'predict' gives them,
 * `probabilities` as 'proba' does (class outputs side by side).
 */
export function predictionsOf(
  outputs: readonly Output[],
  decisions: Float64Array,
  probabilities: Float64Array,
): readonly Prediction[] {
  const predictions: Prediction[] = [];
  let decision = 0;
  let column = 0;
  for (const output of outputs) {
    if (output.kind === 'class') {
      const index = decisions[decision++] ?? NaN;
      const end = column + output.labels.length;
      predictions.push(classPrediction(output, index, probabilities.subarray(column, end)));
      column = end;
      continue;
    }
    for (let k = output.columns[0]; k < output.columns[1]; ++k) {
      const value = decisions[decision++] ?? NaN;
      predictions.push({ kind: output.kind, output: output.name, value });
    }
  }
  return predictions;
}

/** The first output's answer; every model has an output. */
export function firstOf(predictions: readonly Prediction[]): Prediction {
  const [first] = predictions;
  if (first) return first;
  throw new ForestError(errorCode.internal, 'the model has no output');
}
