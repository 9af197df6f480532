import { batch, computed, effect, signal } from '@preact/signals';
import { findExamples, type Example } from './examples';
import { middleOf } from './feature-range';
import { numbersOf, type Answer, type FeatureCard } from './model-card';
import { fetchModel } from './model-file';
import { newestOnly, whenQuiet } from './timing';
import { openFile, type Iterations, type Opening } from './open-file';
import { BrowserPredictor, sentenceOf, ServerPredictor, type Outcome, type Predictor } from './predictor';
import { allSameBits } from './same-bits';

// All that the page shows, and everything that can change it.

export type Loading =
  | { readonly status: 'loading' }
  | { readonly status: 'ready'; readonly predictor: BrowserPredictor }
  | { readonly status: 'failed'; readonly message: string };

/** A file that a person gave to this page. */
export type Import =
  | { readonly status: 'none' }
  | { readonly status: 'busy'; readonly name: string }
  | { readonly status: 'done'; readonly name: string }
  | { readonly status: 'failed'; readonly name: string; readonly message: string };

/** Who answers. The browser always does; the server only when it is chosen. */
export type Place = 'browser' | 'server';

/** How the server's answer stands to this browser's, for the row in the form. */
export type Agreement =
  | { readonly kind: 'asking' }
  | { readonly kind: 'same'; readonly here: Answer; readonly there: Answer }
  | { readonly kind: 'different'; readonly here: Answer; readonly there: Answer }
  | { readonly kind: 'other-model'; readonly version: string }
  | { readonly kind: 'refused'; readonly message: string }
  | { readonly kind: 'unreachable' };

/** Every row that the server answers is logged there: it is asked when the slider rests. */
const serverQuietMs = 150;

export const loading = signal<Loading>({ status: 'loading' });
export const importing = signal<Import>({ status: 'none' });
/** Name of the model that came with the page, while another is shown. */
export const servedName = signal<string | null>(null);
/** A file of rows that waits for the part of the page that scores it. */
export const droppedRows = signal<File | null>(null);
/** What is done with a dropped file instead of opening it; null where nothing else is. */
export const dropTaker = signal<((file: File) => void) | null>(null);
export const row = signal<readonly number[]>([]);
export const place = signal<Place>('browser');
export const examples = signal<readonly Example[]>([]);
const here = signal<Outcome | null>(null);
const there = signal<Outcome | null>(null);

/** Features that need a value and have none. */
export const gaps = computed<readonly FeatureCard[]>(() => {
  if (loading.value.status !== 'ready' || loading.value.predictor.card.missingAllowed) return [];
  return loading.value.predictor.card.features.filter((_, i) => Number.isNaN(row.value[i]));
});

/** The last answer of this browser: it stays on screen while the form is incomplete. */
const lastHere = signal<Answer | null>(null);

effect(() => {
  if (here.value?.kind === 'answered') lastHere.value = here.value.answer;
});

/** The model that came with the page, kept for the way back, and the one on screen. */
let served: BrowserPredictor | null = null;
let shown: { readonly predictor: BrowserPredictor; readonly stop: () => void } | null = null;
/** The one that is on its way to the screen, or there. */
let showing: BrowserPredictor | null = null;
let opening: Opening | null = null;
let openedFile: File | null = null;

/** Why there is no answer to the row in the form, or an empty text. */
export const problem = computed<string>(() => {
  const [gap] = gaps.value;
  if (gap !== undefined) return `${gap.title} needs a number.`;
  return here.value?.kind === 'refused' ? here.value.message : '';
});

export const agreement = computed<Agreement>(() => {
  const mine = here.value;
  const theirs = there.value;
  if (theirs === null || rowOf(theirs) !== row.value) return { kind: 'asking' };
  if (theirs.kind === 'unreachable') return { kind: 'unreachable' };
  if (theirs.kind === 'refused') return { kind: 'refused', message: theirs.message };
  if (mine?.kind !== 'answered' || mine.answer.row !== row.value) return { kind: 'asking' };
  if (mine.version !== '' && theirs.version !== '' && mine.version !== theirs.version) {
    return { kind: 'other-model', version: theirs.version };
  }
  const same = allSameBits(numbersOf(mine.answer), numbersOf(theirs.answer));
  return { kind: same ? 'same' : 'different', here: mine.answer, there: theirs.answer };
});

/** The answer on screen: the chosen place's, or this browser's while the server has none. */
export const answer = computed<Answer | null>(() => {
  if (place.value === 'browser') return lastHere.value;
  const now = agreement.value;
  return now.kind === 'same' || now.kind === 'different' ? now.there : lastHere.value;
});

function rowOf(outcome: Outcome): readonly number[] {
  return outcome.kind === 'answered' ? outcome.answer.row : outcome.row;
}

export function setValue(feature: number, x: number): void {
  row.value = row.value.map((old, i) => (i === feature ? x : old));
}

export function useRow(values: readonly number[]): void {
  row.value = [...values];
}

export function reset(): void {
  if (loading.value.status === 'ready') useRow(loading.value.predictor.card.features.map(middleOf));
}

/** Asks the server for the row in the form once more. */
export function askAgain(): void {
  useRow(row.value);
}

export function choosePlace(chosen: Place): void {
  place.value = chosen;
}

/** Loads the model that came with the page and answers every row from then on. */
export async function start(): Promise<void> {
  loading.value = { status: 'loading' };
  try {
    served = await BrowserPredictor.load(await fetchModel());
    // A file that was dropped meanwhile stays on screen.
    if (showing === null) await show(served);
    else servedName.value = served.card.name;
  } catch (cause) {
    if (showing === null) loading.value = { status: 'failed', message: sentenceOf(cause) };
  }
}

/** Imports a file of the person in front of the page, and shows its model. */
export async function openModel(file: File, iterations?: Iterations): Promise<void> {
  opening?.cancel();
  const mine = openFile(file, iterations);
  opening = mine;
  importing.value = { status: 'busy', name: file.name };
  try {
    const predictor = await mine.predictor;
    if (opening !== mine) return;
    openedFile = file;
    importing.value = { status: 'done', name: file.name };
    await show(predictor);
  } catch (cause) {
    if (opening === mine) refuseFile(file.name, sentenceOf(cause));
  }
}

/** Imports the file on screen once more, with the other rounds. */
export async function chooseIterations(iterations: Iterations): Promise<void> {
  if (openedFile !== null) await openModel(openedFile, iterations);
}

export function refuseFile(name: string, message: string): void {
  importing.value = { status: 'failed', name, message };
}

export function forgetRefusal(): void {
  importing.value = { status: 'none' };
}

/** Goes back to the model that came with the page. */
export async function goBack(): Promise<void> {
  importing.value = { status: 'none' };
  if (served !== null) return show(served);
  leaveShown();
  await start();
}

/** Whether no other model was asked for meanwhile. */
function isShowing(predictor: BrowserPredictor): boolean {
  return showing === predictor;
}

function leaveShown(): void {
  shown?.stop();
  if (shown !== null && shown.predictor !== served) {
    shown.predictor.close();
    URL.revokeObjectURL(shown.predictor.card.url);
  }
  shown = null;
  showing = null;
}

/** Shows a model together with its first answer, so that nothing on the page has to move for it. */
async function show(predictor: BrowserPredictor): Promise<void> {
  showing = predictor;
  const { card } = predictor;
  const first = card.features.map(middleOf);
  const outcome = await predictor.ask(first);
  if (!isShowing(predictor)) {
    if (predictor !== served) predictor.close();
    return;
  }
  leaveShown();
  showing = predictor;
  there.value = lastHere.value = null;
  examples.value = [];
  place.value = 'browser';
  servedName.value = predictor === served ? null : (served?.card.name ?? null);
  batch(() => {
    here.value = outcome;
    row.value = first;
    loading.value = { status: 'ready', predictor };
  });
  shown = { predictor, stop: answerRows(predictor, new ServerPredictor(card)) };
  // A page without examples is still a page.
  const found = await findExamples(card, (rows) => predictor.survey(rows)).catch(() => []);
  if (isShowing(predictor)) examples.value = found;
}

/** Answers every row in the form from now on, until the function that it returns is called. */
function answerRows(browser: Predictor, server: Predictor): () => void {
  let stopped = false;
  const askHere = newestOnly(async (values: readonly number[]) => {
    const outcome = await browser.ask(values);
    if (!stopped) here.value = outcome;
  });
  const askThere = newestOnly(async (values: readonly number[]) => {
    const outcome = await server.ask(values);
    if (!stopped) there.value = outcome;
  });
  const askThereSoon = whenQuiet(serverQuietMs, askThere);
  const stops = [
    effect(() => {
      if (gaps.value.length === 0) askHere(row.value);
    }),
    effect(() => {
      if (gaps.value.length === 0 && place.value === 'server') askThereSoon(row.value);
    }),
  ];
  return () => {
    stopped = true;
    for (const stop of stops) stop();
  };
}
