import type { TreePath } from 'copse';
import type { BrowserPredictor } from '../predictor';
import type { Target } from './target';

/** What each tree says to one target, for one row. */
export interface Votes {
  readonly row: readonly number[];
  readonly target: Target;
  /** Trees that say something to the target, in the order of what they say, highest first. */
  readonly trees: Int32Array;
  /** [trees.length] what each adds to the margin, beside its number in `trees`. */
  readonly adds: Float64Array;
  /** Of trees that hold all classes: how many have each of the output's as their largest. */
  readonly byClass: readonly number[] | null;
}

/** Trees asked at once: between the blocks others are answered, and the page breathes. */
const blockTrees = 250;

/** Asks all trees, block by block; null where `isStale` said meanwhile that nobody waits any more. */
export async function votesFor(
  predictor: BrowserPredictor,
  row: readonly number[],
  target: Target,
  isStale: () => boolean,
): Promise<Votes | null> {
  const { treeCount, outputs } = predictor.card;
  const [begin, end] = outputs[target.output]?.columns ?? [0, 1];
  const byClass = new Array<number>(end - begin).fill(0);
  const said: { tree: number; adds: number }[] = [];
  let isWide = false;
  for (let from = 0; from < treeCount; from += blockTrees) {
    const paths = await predictor.paths(row, from, Math.min(from + blockTrees, treeCount));
    if (isStale()) return null;
    for (const path of paths) {
      const adds = addsOf(path, target.column);
      if (adds === null) continue;
      said.push({ tree: path.tree, adds: target.opposite ? -adds : adds });
      const own = path.values.slice(begin, end);
      if (path.output === null && own.length > 1) {
        isWide = true;
        const winner = own.indexOf(Math.max(...own));
        byClass[winner] = (byClass[winner] ?? 0) + 1;
      }
    }
  }
  said.sort((a, b) => b.adds - a.adds || a.tree - b.tree);
  return {
    row,
    target,
    trees: Int32Array.from(said, ({ tree }) => tree),
    adds: Float64Array.from(said, ({ adds }) => adds),
    byClass: isWide && target.classIndex !== null ? byClass : null,
  };
}

/** What a path's tree adds to a margin column; null where it adds to others only. */
function addsOf(path: TreePath, column: number): number | null {
  if (path.output !== null) return path.output === column ? (path.values[0] ?? 0) : null;
  return path.values[path.values.length === 1 ? 0 : column] ?? null;
}
