/** A heap of things that cost something: the cheapest comes out first. */
export class CheapestFirst<T extends { readonly cost: number }> {
  readonly #heap: T[] = [];

  push(entry: T): void {
    const heap = this.#heap;
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

  pop(): T | undefined {
    const heap = this.#heap;
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
}
