import type { OutputCard } from '../model-card';
import { numberIn, trimmed } from './cells';

/** Names that a column of true answers often has, beside that of the model's output. */
const usualNames: ReadonlySet<string> = new Set(['label', 'target', 'class', 'y', 'truth', 'actual', 'y_true']);

/** The true answer in each cell: a class index or a number; NaN where there is none. */
export function readTruth(cells: readonly string[], output: OutputCard): Float64Array {
  const texts = cells.map(trimmed);
  if (output.kind !== 'class') return Float64Array.from(texts, (text) => numberIn(text) ?? NaN);
  const byLabel = Float64Array.from(texts, (text) => classOf(text, output.labels));
  if (byLabel.some((k) => !Number.isNaN(k))) return byLabel;
  return Float64Array.from(texts, (text) => {
    const k = numberIn(text) ?? NaN;
    return Number.isInteger(k) && k >= 0 && k < output.labels.length ? k : NaN;
  });
}

/** The class that a text names. A label may be written otherwise: 1.0 for 1, True for true. */
function classOf(text: string, labels: readonly string[]): number {
  const exact = labels.indexOf(text);
  if (exact >= 0) return exact;
  const value = numberIn(text);
  if (value === undefined || Number.isNaN(value)) return NaN;
  const same = labels.findIndex((label) => numberIn(label) === value);
  return same >= 0 ? same : NaN;
}

/** Whether a column is likely to hold the true answers: by its name, or by nothing but labels. */
export function isLikelyTruth(name: string, truth: Float64Array, output: OutputCard): boolean {
  const known = truth.reduce((count, x) => (Number.isNaN(x) ? count : count + 1), 0);
  if (known === 0) return false;
  if (name === output.name || usualNames.has(name.toLowerCase())) return true;
  return output.kind === 'class' && known === truth.length;
}
