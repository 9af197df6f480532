import { ForestError, errorCode, quote } from './error.js';

/** How a margin is divided among the features: the numbers of `ExplainMethod` in core. */
export const methodNumber = {
  /** Exact Shapley values of the path-dependent expectation (TreeSHAP). */
  treeshap: 0,
  /** What the expectation changes by along the row's own path: at once, and less fair. */
  saabas: 1,
} as const;

export type ExplainMethod = keyof typeof methodNumber;

export interface ExplainOptions {
  /** Default: treeshap. */
  readonly method?: ExplainMethod | undefined;
}

export function methodOf(options: ExplainOptions): number {
  const method = options.method ?? 'treeshap';
  if (Object.hasOwn(methodNumber, method)) return methodNumber[method];
  throw new ForestError(
    errorCode.invalidInput,
    `method is ${quote(method)}: expected one of ${Object.keys(methodNumber).join(', ')}`,
  );
}

/** Which trees a path is asked of. */
export interface PathOptions {
  /** First tree, from 0. Default: 0. */
  readonly from?: number | undefined;
  /** One behind the last. Default: the number of trees. */
  readonly to?: number | undefined;
}

/** [from, to) of a model with so many trees; throws ForestError for what is no range of them. */
export function treesOf(options: PathOptions, nTrees: number): readonly [from: number, to: number] {
  const { from = 0, to = nTrees } = options;
  const isWithin = (t: number) => Number.isInteger(t) && t >= 0 && t <= nTrees;
  if (isWithin(from) && isWithin(to) && from <= to) return [from, to];
  throw new ForestError(
    errorCode.invalidInput,
    `from is ${quote(from)}, to is ${quote(to)}: expected 0 <= from <= to <= ${String(nTrees)}, the number of trees`,
  );
}

/** A split on a row's way; `node` counts inside the tree. */
export interface PathStep {
  readonly node: number;
  readonly feature: number;
  readonly left: boolean;
  /** The value is missing by the rule of this node. */
  readonly missing: boolean;
}

/** The way of a row through one tree. */
export interface TreePath {
  readonly tree: number;
  readonly steps: readonly PathStep[];
  /** The leaf, as `Tree` counts them. */
  readonly leaf: number;
  /** What the tree adds to the margins; of averages, divided by the number of trees. */
  readonly values: readonly number[];
  /** The margin column that a tree with one value adds to; null where it adds to all. */
  readonly output: number | null;
}

/** One tree as a drawing needs it. */
export interface Tree {
  readonly nNodes: number;
  /** [nNodes] */
  readonly feature: Int32Array<ArrayBuffer>;
  /** [nNodes] */
  readonly threshold: Float64Array<ArrayBuffer>;
  /** [nNodes] a node of this tree, or below 0: leaf ~x. */
  readonly left: Int32Array<ArrayBuffer>;
  readonly right: Int32Array<ArrayBuffer>;
  /** [nNodes] 1 where a missing value goes left. */
  readonly missingLeft: Uint8Array<ArrayBuffer>;
  /** [nNodes] of a categorical split the listed categories, else null. */
  readonly categories: readonly (readonly number[] | null)[];
  /** [nNodes] 1 where the listed categories go right, not left. */
  readonly listedRight: Uint8Array<ArrayBuffer>;
  /** [nNodes], [nLeaves] training weight; null where the file has none. */
  readonly cover: Float64Array<ArrayBuffer> | null;
  readonly leafCover: Float64Array<ArrayBuffer> | null;
  /** [nLeaves, width] as in the file: votes of a forest, undivided. */
  readonly leafValues: Float64Array<ArrayBuffer>;
  /** The margin column that a tree with one value adds to; null where it adds to all. */
  readonly output: number | null;
  /** `x rule threshold` goes left. */
  readonly rule: string;
}

/** How much the trees use each feature, each [nFeatures]. */
export interface Importances {
  /** Nodes that test it. */
  readonly splits: Float64Array<ArrayBuffer>;
  /** Training weight that came to them; null where the file has no covers. */
  readonly cover: Float64Array<ArrayBuffer> | null;
  /** What they improved, as the library counts it that trained them; null where the file has none. */
  readonly gain: Float64Array<ArrayBuffer> | null;
  /** Mean of |contribution| over the rows that were given, added over margins; null without rows. */
  readonly meanAbsContribution: Float64Array<ArrayBuffer> | null;
}

/** Takes numbers one after another. */
class Reader {
  #at = 0;

  constructor(readonly numbers: Float64Array<ArrayBuffer>) {}

  next(): number {
    return this.numbers[this.#at++] ?? NaN;
  }

  many(n: number): Float64Array<ArrayBuffer> {
    this.#at += n;
    return this.numbers.slice(this.#at - n, this.#at);
  }
}

/** What copse_path wrote. */
export function readPath(numbers: Float64Array<ArrayBuffer>, tree: number): TreePath {
  const reader = new Reader(numbers);
  const [nSteps, leaf, output] = [reader.next(), reader.next(), reader.next()];
  const values = [...reader.many(reader.next())];
  const steps = Array.from({ length: nSteps }, () => ({
    node: reader.next(),
    feature: reader.next(),
    left: reader.next() === 1,
    missing: reader.next() === 1,
  }));
  return { tree, steps, leaf, values, output: output < 0 ? null : output };
}

/** Bits of a node's flags (docs/FORMAT.md). */
const flag = { missingLeft: 1, categorical: 2, listedRight: 16 };

/** What copse_tree wrote. */
export function readTree(numbers: Float64Array<ArrayBuffer>): Tree {
  const reader = new Reader(numbers);
  const [nNodes, nLeaves, width] = [reader.next(), reader.next(), reader.next()];
  const hasCovers = reader.next() === 1;
  const output = reader.next();
  const feature = Int32Array.from(reader.many(nNodes));
  const threshold = reader.many(nNodes);
  const left = Int32Array.from(reader.many(nNodes));
  const right = Int32Array.from(reader.many(nNodes));
  const flags = reader.many(nNodes);
  const cover = hasCovers ? reader.many(nNodes) : null;
  const leafCover = hasCovers ? reader.many(nLeaves) : null;
  const leafValues = reader.many(nLeaves * width);
  const categories = Array.from(flags, (bits) => {
    const listed = [...reader.many(reader.next())];
    return (bits & flag.categorical) === 0 ? null : listed;
  });
  return {
    nNodes,
    feature,
    threshold,
    left,
    right,
    missingLeft: Uint8Array.from(flags, (bits) => ((bits & flag.missingLeft) === 0 ? 0 : 1)),
    categories,
    listedRight: Uint8Array.from(flags, (bits) => ((bits & flag.listedRight) === 0 ? 0 : 1)),
    cover,
    leafCover,
    leafValues,
    output: output < 0 ? null : output,
    rule: '<=',
  };
}
