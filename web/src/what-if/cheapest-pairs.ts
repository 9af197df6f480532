import type { Candidate } from './candidates';

type Pair = readonly [Candidate, Candidate];

interface Entry {
  readonly cost: number;
  readonly a: number;
  readonly b: number;
  readonly i: number;
  readonly j: number;
}

/**
 * Pairs of candidates of two different features, by the sum of their distances from small to large,
 * as far as it stays below `limit`. Each list is sorted by distance.
 */
export function* cheapestPairs(lists: readonly (readonly Candidate[])[], limit: number): Generator<Pair, void, undefined> {
  const heap: Entry[] = [];
  const add = (a: number, b: number, i: number, j: number) => {
    const [first, second] = [lists[a]?.[i], lists[b]?.[j]];
    if (first === undefined || second === undefined) return;
    const cost = first.distance + second.distance;
    if (cost < limit) push(heap, { cost, a, b, i, j });
  };
  for (let b = 1; b < lists.length; ++b) {
    for (let a = 0; a < b; ++a) add(a, b, 0, 0);
  }
  for (let entry = pop(heap); entry !== undefined; entry = pop(heap)) {
    const { a, b, i, j } = entry;
    const [first, second] = [lists[a]?.[i], lists[b]?.[j]];
    if (first !== undefined && second !== undefined) yield [first, second];
    add(a, b, i, j + 1);
    // Each pair has one way here: along the first list only from the second's beginning.
    if (j === 0) add(a, b, i + 1, 0);
  }
}

function push(heap: Entry[], entry: Entry): void {
  let at = heap.push(entry) - 1;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    const above = heap[parent];
    if (above === undefined || above.cost <= entry.cost) break;
    heap[at] = above;
    at = parent;
  }
  heap[at] = entry;
}

function pop(heap: Entry[]): Entry | undefined {
  const top = heap[0];
  const last = heap.pop();
  if (top === undefined || last === undefined || heap.length === 0) return top;
  let at = 0;
  for (;;) {
    const left = heap[2 * at + 1];
    const right = heap[2 * at + 2];
    const child = right !== undefined && left !== undefined && right.cost < left.cost ? 2 * at + 2 : 2 * at + 1;
    const below = heap[child];
    if (below === undefined || below.cost >= last.cost) break;
    heap[at] = below;
    at = child;
  }
  heap[at] = last;
  return top;
}
