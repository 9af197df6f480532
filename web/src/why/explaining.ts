import type { ExplainMethod, Tree, TreePath } from 'copse';
import { batch, computed, effect, signal } from '@preact/signals';
import type { Answer } from '../model-card';
import { newestOnly, whenQuiet } from '../timing';
import { sentenceOf, type BrowserPredictor } from '../predictor';
import { gaps, row } from '../state';
import { targetOf, type Choice, type Target } from './target';
import { rawScore, unitOf, type Unit } from './unit';
import { votesFor, type Votes } from './votes';

// What the panel shows of one model, and what keeps it at the form's row.

/** A row, what the model says about it, and why. */
export interface Explained {
  readonly answer: Answer;
  readonly margins: Float64Array;
  readonly method: ExplainMethod;
  /** [margins, features + 1], last the base; null where the model cannot be explained. */
  readonly parts: Float64Array | null;
  /** Why there are no parts. */
  readonly refusal: string;
}

/** One tree, and the way of a row through it. */
export interface Walked {
  readonly row: readonly number[];
  readonly tree: Tree;
  readonly path: TreePath;
}

/** Exact contributions that take longer than this wait until the row rests. */
const liveMsMax = 80;
const restMs = 250;

export type Explaining = ReturnType<typeof explainRows>;

/** Explains every row in the form from now on, until `stop` is called. */
export function explainRows(predictor: BrowserPredictor) {
  const { card } = predictor;
  const choice = signal<Choice>({ output: 0, classIndex: null });
  const explained = signal<Explained | null>(null);
  const votes = signal<Votes | null>(null);
  /** Below 0 until the first votes are there. */
  const chosenTree = signal(-1);
  const walked = signal<Walked | null>(null);
  const units = new Map<number, Unit>();
  let stopped = false;

  const target = computed<Target | null>(() => {
    const now = explained.value;
    return now === null ? null : targetOf(card, choice.value, now.answer);
  });

  /** A unit that one row told holds for the output. */
  const unit = computed<Unit>(() => {
    const now = explained.value;
    const seen = target.value;
    if (now === null || seen === null) return rawScore(card.link);
    const told = unitOf(card, seen, now.margins[seen.column] ?? NaN, now.answer);
    if (told !== null) units.set(seen.output, told);
    return told ?? units.get(seen.output) ?? rawScore(card.link);
  });

  /** Until the exact ones were timed, the quick ones come first. */
  let exactMs = Infinity;

  /** Shows nothing where `isWanted` says, when the answer is there, that another row is shown already. */
  async function explainBy(method: ExplainMethod, values: readonly number[], isWanted = () => true): Promise<void> {
    const [outcome, margins, parts] = await Promise.all([
      predictor.ask(values),
      predictor.margins(values).catch(() => null),
      predictor.explain(values, method).catch((cause: unknown) => sentenceOf(cause)),
    ]);
    // What is wrong with a row stands beside the form already.
    if (stopped || !isWanted() || outcome.kind !== 'answered' || margins === null) return;
    const isRefused = typeof parts === 'string';
    explained.value = { answer: outcome.answer, margins, method, parts: isRefused ? null : parts, refusal: isRefused ? parts : '' };
  }

  async function explainExactly(values: readonly number[], isWanted?: () => boolean): Promise<void> {
    const start = performance.now();
    await explainBy('treeshap', values, isWanted);
    exactMs = performance.now() - start;
  }

  const explainLater = whenQuiet(restMs, (values: readonly number[]) => {
    const isHere = () => values === row.value;
    if (!stopped && isHere()) void explainExactly(values, isHere);
  });

  const explain = newestOnly(async (values: readonly number[]) => {
    const first = exactMs === Infinity;
    if (exactMs > liveMsMax) await explainBy('saabas', values);
    if (first || exactMs <= liveMsMax) await explainExactly(values);
    else explainLater(values);
  });

  const ask = newestOnly(async ({ values, seen }: { values: readonly number[]; seen: Target }) => {
    const isStale = () => stopped || values !== row.value;
    const counted = await votesFor(predictor, values, seen, isStale).catch(() => null);
    if (counted === null) return;
    batch(() => {
      const isNew = votes.value?.target.column !== counted.target.column;
      votes.value = counted;
      // A tree is shown that has something to say; another is there when it is asked for.
      if (isNew && !counted.trees.includes(chosenTree.value)) chosenTree.value = counted.trees[0] ?? 0;
    });
  });

  let held: { readonly number: number; readonly tree: Tree } | null = null;
  const walk = newestOnly(async ({ values, t }: { values: readonly number[]; t: number }) => {
    try {
      if (held?.number !== t) held = { number: t, tree: await predictor.tree(t) };
      const [path] = await predictor.paths(values, t, t + 1);
      if (path !== undefined && !stopped) walked.value = { row: values, tree: held.tree, path };
    } catch {
      // The contributions say what is wrong with the row.
    }
  });

  const stops = [
    effect(() => {
      if (gaps.value.length === 0) explain(row.value);
    }),
    effect(() => {
      const now = explained.value;
      const seen = target.value;
      if (card.treeCount > 0 && now !== null && seen !== null) ask({ values: now.answer.row, seen });
    }),
    effect(() => {
      const t = chosenTree.value;
      if (t >= 0 && gaps.value.length === 0) walk({ values: row.value, t });
    }),
  ];

  return {
    card, choice, explained, target, unit, votes, chosenTree, walked,
    stop: () => {
      stopped = true;
      for (const stop of stops) stop();
    },
  };
}
