import { numberText } from '../components/text';
import type { ModelCard, OutputCard } from '../model-card';
import type { BrowserPredictor } from '../predictor';

/** What a model says about one of its outputs for many rows. */
export interface Said {
  /** [rows]: class indices, or values. */
  readonly decisions: Float64Array;
  /** [rows, classes]; empty for values. */
  readonly probabilities: Float64Array;
}

/** Asks about so many rows at first, and then about as many as take so long. */
const chunkRowsFirst = 4096;
const chunkRows = { min: 256, max: 16_384 };
const chunkMs = 40;
/** Numbers that are written in one task at most. */
const chunkNumbersMax = 2 ** 18;

/** Rows that differ from one another in few places: written when they are asked about. */
export interface RowMaker {
  readonly nRows: number;
  /** Writes row `r` to `row`, which holds anything. */
  readonly write: (r: number, row: Float64Array) => void;
}

/**
 * The answers to all rows, asked in pieces so that other questions find their turn; null as soon
 * as they are not wanted any more. Rejects with the sentence that says why.
 */
export async function askRows(
  predictor: BrowserPredictor,
  output: number,
  rows: RowMaker,
  wanted: () => boolean = () => true,
): Promise<Said | null> {
  const { card } = predictor;
  const width = card.features.length;
  const classes = classesOf(card, output);
  const decisions = new Float64Array(rows.nRows);
  const probabilities = new Float64Array(rows.nRows * classes.count);
  const rowsMax = Math.max(1, Math.floor(chunkNumbersMax / Math.max(1, width)));
  let size = chunkRowsFirst;
  for (let from = 0; from < rows.nRows; ) {
    if (!wanted()) return null;
    const n = Math.min(size, rowsMax, rows.nRows - from);
    const block = new Float64Array(n * width);
    for (let r = 0; r < n; ++r) rows.write(from + r, block.subarray(r * width, (r + 1) * width));
    const start = performance.now();
    const said = await predictor.answerRows(block);
    size = nextSize(n, performance.now() - start);
    for (let r = 0; r < n; ++r) {
      decisions[from + r] = said.decisions[r * card.outputs.length + output] ?? NaN;
      const first = r * classes.all + classes.first;
      probabilities.set(said.probabilities.subarray(first, first + classes.count), (from + r) * classes.count);
    }
    from += n;
  }
  return wanted() ? { decisions, probabilities } : null;
}

function nextSize(n: number, ms: number): number {
  const fits = Math.round((n * chunkMs) / Math.max(ms, 1));
  return Math.min(Math.max(fits, chunkRows.min), chunkRows.max);
}

/** Which of the probabilities of a row belong to an output. */
export function classesOf({ outputs }: Pick<ModelCard, 'outputs'>, output: number): { first: number; count: number; all: number } {
  const widths = outputs.map(({ labels }) => labels.length);
  const sum = (some: readonly number[]) => some.reduce((a, b) => a + b, 0);
  return { first: sum(widths.slice(0, output)), count: widths[output] ?? 0, all: sum(widths) };
}

/** Rows that are as `row`, but for what `change` writes. */
export function changed(row: readonly number[], nRows: number, change: (r: number, row: Float64Array) => void): RowMaker {
  return {
    nRows,
    write: (r, to) => {
      to.set(row);
      change(r, to);
    },
  };
}

/** What is said about a row, in words. */
export function saidText(output: OutputCard, decision: number): string {
  if (output.kind === 'class') return output.labels[decision] ?? 'nothing';
  return numberText(decision);
}
