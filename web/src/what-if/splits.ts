import type { Tree } from 'copse';
import type { FeatureCard, ModelCard } from '../model-card';
import { middleOf } from '../feature-range';
import type { BrowserPredictor } from '../predictor';
import { nextTask } from '../timing';
import { between } from './float-steps';

// Where the answers of a model can change: the thresholds and categories of its trees.

export interface Splits {
  /** Of each feature, the distinct finite thresholds from small to large. */
  readonly thresholds: readonly Float64Array[];
  /** Of each feature, the category codes that its splits list. */
  readonly codes: readonly (readonly number[])[];
  /** Features from the most to the least used. */
  readonly order: readonly number[];
  /** Whether every tree was read: a very large forest is read as far as a page can hold it. */
  readonly complete: boolean;
  /** Whether nothing changes between two thresholds; not so with linear models and linear leaves. */
  readonly stepwise: boolean;
}

/** Nodes that are read at most, and trees that are asked for at once. */
const nodesMax = 2_000_000;
const treesAtOnce = 16;
/** Thresholds that are sorted without a break. */
const sortedAtOnce = 10_000;
/** Pairs of rows between the same thresholds that are compared. */
const probesMax = 256;

const known = new WeakMap<BrowserPredictor, Promise<Splits>>();

/** The splits of a model, read once. Rejects with the sentence that says why. */
export function splitsOf(predictor: BrowserPredictor): Promise<Splits> {
  const splits = known.get(predictor) ?? readSplits(predictor);
  known.set(predictor, splits);
  splits.catch(() => known.delete(predictor));
  return splits;
}

async function readSplits(predictor: BrowserPredictor): Promise<Splits> {
  const { card } = predictor;
  const thresholds = card.features.map(() => new Set<number>());
  const codes = card.features.map(() => new Set<number>());
  let nNodes = 0;
  let t = 0;
  while (t < card.treeCount && nNodes < nodesMax) {
    const some = Array.from({ length: Math.min(treesAtOnce, card.treeCount - t) }, (_, i) => predictor.tree(t + i));
    for (const tree of await Promise.all(some)) {
      nNodes += tree.nNodes;
      addSplits(tree, thresholds, codes);
    }
    t += some.length;
  }
  const sorted: Float64Array[] = [];
  for (const all of thresholds) {
    sorted.push(Float64Array.from(all).sort());
    // Large sets take their time: what waits may come between.
    if (all.size > sortedAtOnce) await nextTask();
  }
  return {
    thresholds: sorted,
    codes: codes.map((all) => [...all].sort((a, b) => a - b)),
    order: await mostUsedFirst(predictor),
    complete: t >= card.treeCount,
    stepwise: card.treeCount > 0 && (await changesInStepsOnly(predictor, sorted)),
  };
}

function addSplits(tree: Tree, thresholds: Set<number>[], codes: Set<number>[]): void {
  for (let node = 0; node < tree.nNodes; ++node) {
    const feature = tree.feature[node] ?? 0;
    const listed = tree.categories[node] ?? null;
    const threshold = tree.threshold[node] ?? NaN;
    if (listed !== null) for (const code of listed) codes[feature]?.add(code);
    else if (Number.isFinite(threshold)) thresholds[feature]?.add(threshold);
  }
}

async function mostUsedFirst(predictor: BrowserPredictor): Promise<readonly number[]> {
  const all = predictor.card.features.map((_, f) => f);
  const { gain, cover, splits } = await predictor.importances();
  const use = [gain, cover, splits].find((some) => some?.some((x) => x > 0)) ?? splits;
  return all.sort((a, b) => (use[b] ?? 0) - (use[a] ?? 0) || a - b);
}

/** A row to begin with where nothing is known of the others. */
function plainRow(features: readonly FeatureCard[], thresholds: readonly Float64Array[]): number[] {
  return features.map((feature, f) => {
    const cuts = thresholds[f] ?? new Float64Array();
    return Number.isFinite(feature.min) || cuts.length === 0 ? middleOf(feature) : (cuts[cuts.length >> 1] ?? 0);
  });
}

/** Compares rows that no threshold parts: trees with constant leaves answer both with the same bits. */
async function changesInStepsOnly(predictor: BrowserPredictor, thresholds: readonly Float64Array[]): Promise<boolean> {
  const { card } = predictor;
  const plain = plainRow(card.features, thresholds);
  const rows = probes(card, thresholds).flatMap(({ feature, a, b, shift }) => {
    const near = plain.map((x, f) => {
      const cuts = thresholds[f] ?? new Float64Array();
      return cuts.length === 0 ? x : (cuts[(shift * 7 + f) % cuts.length] ?? x);
    });
    return [near.with(feature, a), near.with(feature, b)];
  });
  if (rows.length === 0) return true;
  const { decisions, probabilities } = await predictor.answerRows(Float64Array.from(rows.flat()));
  return [decisions, probabilities].every((numbers) => {
    const width = numbers.length / rows.length;
    return numbers.every((x, i) => (Math.floor(i / width) % 2 === 1 ? true : Object.is(x, numbers[i + width])));
  });
}

function probes({ features, float32 }: ModelCard, thresholds: readonly Float64Array[]) {
  const used = features.map((_, f) => f).filter((f) => (thresholds[f]?.length ?? 0) > 0);
  const each = Math.max(1, Math.floor(probesMax / Math.max(1, used.length)));
  return used.slice(0, probesMax).flatMap((feature) => {
    const cuts = thresholds[feature] ?? new Float64Array();
    return Array.from({ length: Math.min(each, cuts.length) }, (_, i) => {
      const at = Math.floor((i * cuts.length) / each) % cuts.length;
      const high = cuts[at] ?? 0;
      const low = cuts[at - 1] ?? high - Math.max(1, Math.abs(high));
      const b = between(low, high, float32);
      return { feature, a: between(low, b, float32), b, shift: i };
    });
  });
}
