import { signal } from '@preact/signals';
import { sentenceOf, type BrowserPredictor } from '../predictor';
import { answersTo } from './panel-answers';
import type { Question, Summary } from './messages';
import { TableWorker } from './table-worker';

// The file of rows that is being scored, and what became of it.

export interface Scored {
  readonly status: 'done';
  readonly name: string;
  readonly predictor: BrowserPredictor;
  readonly table: TableWorker;
  readonly summary: Summary;
  readonly ms: number;
}

export type Scoring =
  | { readonly status: 'none' }
  | { readonly status: 'busy'; readonly name: string; readonly nRows: number; readonly progress: number }
  | Scored
  | { readonly status: 'failed'; readonly name: string; readonly message: string };

export const scoring = signal<Scoring>({ status: 'none' });

export const question = signal<Question>({ output: 0, truth: null, positive: null, threshold: null });

let current: TableWorker | null = null;

/** Reads a file of rows and asks the model about every one of them. */
export async function scoreFile(file: Blob, name: string, predictor: BrowserPredictor): Promise<void> {
  forgetFile();
  const table = new TableWorker();
  current = table;
  const start = performance.now();
  const tell = (nRows: number, progress: number) => {
    if (current === table) scoring.value = { status: 'busy', name, nRows, progress };
  };
  tell(0, 0);
  try {
    const { card } = predictor;
    const { features, missingAllowed, infiniteAllowed, float32 } = card;
    await table.ask({ ask: 'open', file, rules: { features, missingAllowed, infiniteAllowed, float32 }, outputs: card.outputs });
    await askAll(table, predictor, tell);
    const summary = await table.ask({ ask: 'summary' });
    if (current !== table) return;
    question.value = firstQuestion(predictor, summary, 0);
    scoring.value = { status: 'done', name, predictor, table, summary, ms: performance.now() - start };
  } catch (cause) {
    table.end();
    if (current === table) scoring.value = { status: 'failed', name, message: sentenceOf(cause) };
  }
}

async function askAll(table: TableWorker, predictor: BrowserPredictor, tell: (nRows: number, progress: number) => void): Promise<void> {
  let nRows = 0;
  for (;;) {
    const batch = await table.ask({ ask: 'next' });
    if (batch === null) return;
    await table.ask({ ask: 'keep', answers: await answersTo(batch, predictor) });
    nRows += batch.nRows;
    tell(nRows, batch.progress);
  }
}

/** The question about an output that a person most likely has. */
export function firstQuestion(predictor: BrowserPredictor, summary: Summary, output: number): Question {
  const isBinary = predictor.card.outputs[output]?.labels.length === 2;
  return { output, truth: summary.truths[output] ?? null, positive: isBinary ? 1 : null, threshold: null };
}

/** Stops reading, and gives the memory back. */
export function forgetFile(): void {
  current?.end();
  current = null;
  scoring.value = { status: 'none' };
}
