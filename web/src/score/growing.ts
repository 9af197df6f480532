/** Numbers to which more are added, in one block of memory. */
export class Growing {
  #numbers = new Float64Array(4096);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(more: Float64Array): void {
    const length = this.#length + more.length;
    if (length > this.#numbers.length) {
      const larger = new Float64Array(Math.max(length, this.#numbers.length * 2));
      larger.set(this.#numbers.subarray(0, this.#length));
      this.#numbers = larger;
    }
    this.#numbers.set(more, this.#length);
    this.#length = length;
  }

  at(i: number): number {
    return i < this.#length ? (this.#numbers[i] ?? NaN) : NaN;
  }

  /** A view, good until the next push. */
  view(): Float64Array {
    return this.#numbers.subarray(0, this.#length);
  }
}
