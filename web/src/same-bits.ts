/** The 64 bits of a number. */
function bitsOf(x: number): bigint {
  return new BigUint64Array(new Float64Array([x]).buffer)[0] ?? 0n;
}

/** Whether two numbers are the same 64 bits: 0 and -0 differ, a NaN equals itself. */
export function sameBits(a: number, b: number): boolean {
  return bitsOf(a) === bitsOf(b);
}

/** Whether two lists have the same length and, place by place, the same 64 bits. */
export function allSameBits(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((x, i) => sameBits(x, b[i] ?? 0));
}
