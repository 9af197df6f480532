import type { Candidate } from './candidates';
import { CheapestFirst } from './heap';

/** Candidates of one feature, nearest first; made when they are asked for. */
export interface Lined {
  readonly at: (i: number) => Candidate | undefined;
}

/** Makes a list of what comes one by one. */
export function lined(from: Iterator<Candidate>): Lined {
  const made: Candidate[] = [];
  return {
    at: (i) => {
      while (made.length <= i) {
        const next = from.next();
        if (next.done === true) break;
        made.push(next.value);
      }
      return made[i];
    },
  };
}

/** The candidates of all features, by their distance from small to large. */
export function* cheapestSingles(lists: readonly Lined[]): Generator<readonly [Candidate], void, undefined> {
  const heap = new CheapestFirst<{ readonly cost: number; readonly a: number; readonly i: number }>();
  const add = (a: number, i: number) => {
    const one = lists[a]?.at(i);
    if (one !== undefined) heap.push({ cost: one.distance, a, i });
  };
  for (let a = 0; a < lists.length; ++a) add(a, 0);
  for (let entry = heap.pop(); entry !== undefined; entry = heap.pop()) {
    const one = lists[entry.a]?.at(entry.i);
    if (one !== undefined) yield [one];
    add(entry.a, entry.i + 1);
  }
}

/**
 * Pairs of candidates of two different features, by the sum of their distances from small to large,
 * as far as it stays below `limit`. Each list is sorted by distance.
 */
export function* cheapestPairs(lists: readonly Lined[], limit: number): Generator<readonly [Candidate, Candidate], void, undefined> {
  const heap = new CheapestFirst<{ readonly cost: number; readonly a: number; readonly b: number; readonly i: number; readonly j: number }>();
  const add = (a: number, b: number, i: number, j: number) => {
    const [first, second] = [lists[a]?.at(i), lists[b]?.at(j)];
    if (first === undefined || second === undefined) return;
    const cost = first.distance + second.distance;
    if (cost < limit) heap.push({ cost, a, b, i, j });
  };
  for (let b = 1; b < lists.length; ++b) {
    for (let a = 0; a < b; ++a) add(a, b, 0, 0);
  }
  for (let entry = heap.pop(); entry !== undefined; entry = heap.pop()) {
    const { a, b, i, j } = entry;
    const [first, second] = [lists[a]?.at(i), lists[b]?.at(j)];
    if (first !== undefined && second !== undefined) yield [first, second];
    add(a, b, i, j + 1);
    // Each pair has one way here: along the first list only from the second's beginning.
    if (j === 0) add(a, b, i + 1, 0);
  }
}
