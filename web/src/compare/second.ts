import { signal } from '@preact/signals';
import { versionOf } from '../model-file';
import { openFile } from '../open-file';
import { BrowserPredictor, sentenceOf } from '../predictor';
import { AskWorker } from '../score/ask-worker';
import type { RowRules } from '../score/cells';
import { answersTo } from '../score/panel-answers';
import { fetchFromServer } from '../server-token';
import { startPairWorker } from '../start-workers';
import type { PairAsk, PairReplies } from './messages';

// The model beside the one on screen, and the rows that both answer.

export type Second =
  | { readonly status: 'none' }
  | { readonly status: 'busy'; readonly name: string }
  | { readonly status: 'ready'; readonly predictor: BrowserPredictor }
  | { readonly status: 'failed'; readonly name: string; readonly message: string };

type PairWorker = AskWorker<PairAsk, PairReplies>;

export type Pairing =
  | { readonly status: 'none' }
  | { readonly status: 'busy'; readonly name: string; readonly nRows: number; readonly progress: number }
  | { readonly status: 'done'; readonly name: string; readonly first: BrowserPredictor; readonly second: BrowserPredictor; readonly worker: PairWorker }
  | { readonly status: 'failed'; readonly name: string; readonly message: string };

export const second = signal<Second>({ status: 'none' });
export const pairing = signal<Pairing>({ status: 'none' });

let cancel: () => void = () => undefined;
let reading: PairWorker | null = null;

/** Opens a file of a person as the second model. */
export async function openSecond(file: File): Promise<void> {
  closeSecond();
  const opening = openFile(file);
  await take(file.name, opening.predictor, opening.cancel);
}

/** Opens a model of the server as the second. */
export async function openServed(name: string): Promise<void> {
  closeSecond();
  const leaving = new AbortController();
  await take(name, loadServed(name, leaving.signal), () => { leaving.abort(); });
}

async function loadServed(name: string, signalled: AbortSignal): Promise<BrowserPredictor> {
  const url = `models/${encodeURIComponent(name)}.safetensors`;
  const response = await fetchFromServer(url, { signal: signalled });
  if (!response.ok) throw new Error(`${url} answered with status ${String(response.status)}`);
  const bytes = await response.arrayBuffer();
  const blob = new Blob([bytes], { type: 'application/octet-stream' });
  return BrowserPredictor.load({ name, url, bytes, blob, version: await versionOf(bytes), opened: null });
}

async function take(name: string, loading: Promise<BrowserPredictor>, stop: () => void): Promise<void> {
  cancel = stop;
  const isMine = () => cancel === stop;
  second.value = { status: 'busy', name };
  try {
    const predictor = await loading;
    if (!isMine()) {
      free(predictor);
      return;
    }
    second.value = { status: 'ready', predictor };
  } catch (cause) {
    if (isMine()) second.value = { status: 'failed', name, message: sentenceOf(cause) };
  }
}

function free(predictor: BrowserPredictor): void {
  predictor.close();
  if (predictor.card.url.startsWith('blob:')) URL.revokeObjectURL(predictor.card.url);
}

/** Ends the second model's worker, and what was read for it. */
export function closeSecond(): void {
  cancel();
  cancel = () => undefined;
  forgetPair();
  if (second.value.status === 'ready') free(second.value.predictor);
  second.value = { status: 'none' };
}

/** Reads a file of rows and asks both models about every one of them. */
export async function pairFile(file: Blob, name: string, first: BrowserPredictor, other: BrowserPredictor): Promise<void> {
  forgetPair();
  const worker: PairWorker = new AskWorker<PairAsk, PairReplies>(startPairWorker());
  reading = worker;
  const isMine = () => reading === worker;
  pairing.value = { status: 'busy', name, nRows: 0, progress: 0 };
  try {
    await worker.ask({ ask: 'open', file, rules: [rulesOf(first), rulesOf(other)], outputs: [first.card.outputs, other.card.outputs] });
    let nRows = 0;
    for (;;) {
      const batch = await worker.ask({ ask: 'next' });
      if (batch === null) break;
      const { values, progress } = batch;
      const answers = await Promise.all([answersTo({ values: values[0], nRows: batch.nRows }, first), answersTo({ values: values[1], nRows: batch.nRows }, other)]);
      await worker.ask({ ask: 'keep', answers });
      nRows += batch.nRows;
      if (isMine()) pairing.value = { status: 'busy', name, nRows, progress };
    }
    if (isMine()) pairing.value = { status: 'done', name, first, second: other, worker };
  } catch (cause) {
    worker.end();
    if (isMine()) pairing.value = { status: 'failed', name, message: sentenceOf(cause) };
  }
}

function rulesOf({ card: { features, missingAllowed, infiniteAllowed, float32 } }: BrowserPredictor): RowRules {
  return { features, missingAllowed, infiniteAllowed, float32 };
}

export function forgetPair(): void {
  reading?.end();
  reading = null;
  pairing.value = { status: 'none' };
}
