import type { BrowserPredictor } from '../predictor';
import { candidatesOf, shortOf, type Candidate } from './candidates';
import { cheapestPairs, cheapestSingles, lined } from './cheapest-pairs';
import { askRows, changed } from './said';
import type { Splits } from './splits';

/** What a change is for. */
export type Goal =
  | { readonly kind: 'class'; readonly from: number; /** null for any other */ readonly to: number | null }
  | { readonly kind: 'value'; readonly target: number; /** Whether the answer has to rise to it. */ readonly rise: boolean };

export interface Search {
  readonly predictor: BrowserPredictor;
  readonly splits: Splits;
  readonly output: number;
  readonly row: readonly number[];
  readonly goal: Goal;
}

/** A feature's new value in a change, as it is offered. */
export interface Part extends Candidate {
  readonly short: number;
}

/** A change that was tried, and does it. */
export interface Change {
  readonly parts: readonly Part[];
  readonly distance: number;
  readonly row: readonly number[];
  /** Class index or value that the model then answers. */
  readonly decision: number;
}

export interface Found {
  readonly change: Change | null;
  /** Whether no smaller one can exist: nothing was left out, and thresholds are known. */
  readonly exact: boolean;
}

export interface Nearest {
  readonly one: Found;
  /** Less far than the change of one feature; null where there is none. */
  readonly two: Found;
}

const singlesMax = 300_000;
const pairsMax = 100_000;
/** Features that pairs are made of, most used first. */
const pairFeaturesMax = 40;
const blockRows = { first: 512, max: 8192 };
const halvings = 40;

export function reaches(goal: Goal, decision: number): boolean {
  if (goal.kind === 'value') return goal.rise ? decision >= goal.target : decision <= goal.target;
  if (goal.to !== null) return decision === goal.to;
  return !Number.isNaN(decision) && decision !== goal.from;
}

/** The smallest changes of one and of two features; null once they are not wanted any more. */
export async function findNearest(search: Search, wanted: () => boolean): Promise<Nearest | null> {
  const { predictor, splits, row } = search;
  const lists = splits.order.map((f) => lined(candidatesOf(predictor.card, splits, row, f)));
  const one = await firstOf(search, cheapestSingles(lists), singlesMax, wanted);
  if (one === null) return null;
  const used = lists.filter((list) => list.at(0) !== undefined);
  const pairs = cheapestPairs(used.slice(0, pairFeaturesMax), one.change?.distance ?? Infinity);
  const two = await firstOf(search, pairs, pairsMax, wanted);
  if (two === null) return null;
  return { one, two: { ...two, exact: two.exact && used.length <= pairFeaturesMax } };
}

/** The first of the changes, which come nearest first, that does it. */
async function firstOf(search: Search, changes: Iterator<readonly Candidate[]>, most: number, wanted: () => boolean): Promise<Found | null> {
  const { complete, stepwise } = search.splits;
  let left = most;
  let size = blockRows.first;
  for (;;) {
    const block = take(changes, Math.min(size, left));
    if (block.length === 0) return { change: null, exact: complete && stepwise && left > 0 };
    const said = await decisionsOf(search, block, wanted);
    if (said === null) return null;
    for (const [i, parts] of block.entries()) {
      if (!reaches(search.goal, said[i] ?? NaN)) continue;
      const change = await confirmed(search, parts);
      if (change !== null) return { change, exact: complete && stepwise };
    }
    left -= block.length;
    size = Math.min(size * 2, blockRows.max);
  }
}

function take<T>(from: Iterator<T>, n: number): T[] {
  const taken: T[] = [];
  while (taken.length < n) {
    const next = from.next();
    if (next.done === true) break;
    taken.push(next.value);
  }
  return taken;
}

/** What the model says with each of the changes. */
async function decisionsOf({ predictor, output, row }: Search, changes: readonly (readonly Candidate[])[], wanted?: () => boolean): Promise<Float64Array | null> {
  const rows = changed(row, changes.length, (r, to) => {
    for (const { feature, value } of changes[r] ?? []) to[feature] = value;
  });
  return (await askRows(predictor, output, rows, wanted))?.decisions ?? null;
}

/** The change as it is offered, once more asked about: with short numbers if they do it. */
async function confirmed(search: Search, parts: readonly Candidate[]): Promise<Change | null> {
  if (!search.splits.stepwise) return narrowed(search, parts);
  const short = await tried(search, parts.map((part) => ({ ...part, short: shortOf(part) })));
  return short ?? tried(search, parts.map(exactly));
}

function exactly(part: Candidate): Part {
  return { ...part, short: part.value };
}

async function tried(search: Search, parts: readonly Part[]): Promise<Change | null> {
  const decision = (await decisionsOf(search, [parts.map((part) => ({ ...part, value: part.short }))]))?.[0] ?? NaN;
  if (!reaches(search.goal, decision)) return null;
  const row = [...search.row];
  for (const part of parts) row[part.feature] = part.short;
  return { parts, row, decision, distance: parts.reduce((sum, part) => sum + part.distance, 0) };
}

/** Without thresholds: the way to the candidate halved until the change is as small as it gets. */
async function narrowed(search: Search, parts: readonly Candidate[]): Promise<Change | null> {
  if (parts.some(({ feature }) => Number.isNaN(search.row[feature]) || search.predictor.card.features[feature]?.categorical === true)) {
    return tried(search, parts.map(exactly));
  }
  const at = (share: number) => parts.map((part) => {
    const x = search.row[part.feature] ?? 0;
    const value = share === 1 ? part.value : x + share * (part.value - x);
    return { ...part, value, short: value, distance: part.distance * share };
  });
  let best = await tried(search, parts.map(exactly));
  let [low, high] = [0, 1];
  for (let i = 0; i < halvings && best !== null; ++i) {
    const middle = (low + high) / 2;
    const change = await tried(search, at(middle));
    if (change === null) low = middle;
    else [high, best] = [middle, change];
  }
  return best;
}
