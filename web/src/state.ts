import { computed, effect, signal } from '@preact/signals';
import { findExamples, type Example } from './examples';
import { middleOf } from './feature-range';
import { numbersOf, type Answer, type FeatureCard, type ModelCard } from './model-card';
import { fetchModel } from './model-file';
import { newestOnly, whenQuiet } from './newest-only';
import { BrowserPredictor, sentenceOf, ServerPredictor, type Outcome, type Predictor } from './predictor';
import { allSameBits } from './same-bits';

// All that the page shows, and everything that can change it.

export type Loading =
  | { readonly status: 'loading' }
  | { readonly status: 'ready'; readonly card: ModelCard }
  | { readonly status: 'failed'; readonly message: string };

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
export const row = signal<readonly number[]>([]);
export const place = signal<Place>('browser');
export const examples = signal<readonly Example[]>([]);
const here = signal<Outcome | null>(null);
const there = signal<Outcome | null>(null);

/** Features that need a value and have none. */
export const gaps = computed<readonly FeatureCard[]>(() => {
  if (loading.value.status !== 'ready' || loading.value.card.missingAllowed) return [];
  return loading.value.card.features.filter((_, i) => Number.isNaN(row.value[i]));
});

/** The last answer of this browser: it stays on screen while the form is incomplete. */
const lastHere = signal<Answer | null>(null);

effect(() => {
  if (here.value?.kind === 'answered') lastHere.value = here.value.answer;
});

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
  if (loading.value.status === 'ready') useRow(loading.value.card.features.map(middleOf));
}

/** Asks the server for the row in the form once more. */
export function askAgain(): void {
  useRow(row.value);
}

export function choosePlace(chosen: Place): void {
  place.value = chosen;
}

/** Loads the model and answers every row from then on. */
export async function start(): Promise<void> {
  loading.value = { status: 'loading' };
  try {
    const predictor = await BrowserPredictor.load(await fetchModel());
    loading.value = { status: 'ready', card: predictor.card };
    reset();
    answerRows(predictor, new ServerPredictor(predictor.card));
    // A page without examples is still a page.
    examples.value = await findExamples(predictor.card, (rows) => predictor.survey(rows)).catch(() => []);
  } catch (cause) {
    loading.value = { status: 'failed', message: sentenceOf(cause) };
  }
}

function answerRows(browser: Predictor, server: Predictor): void {
  const askHere = newestOnly(async (values: readonly number[]) => {
    here.value = await browser.ask(values);
  });
  const askThere = newestOnly(async (values: readonly number[]) => {
    there.value = await server.ask(values);
  });
  const askThereSoon = whenQuiet(serverQuietMs, askThere);
  effect(() => {
    if (gaps.value.length === 0) askHere(row.value);
  });
  effect(() => {
    if (gaps.value.length === 0 && place.value === 'server') askThereSoon(row.value);
  });
}
