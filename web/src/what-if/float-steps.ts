// The numbers next to a number, as a model reads them: float32 or float64.

/** The smallest float64 above `x`, which is finite. */
function nextUp64(x: number): number {
  if (x === 0) return Number.MIN_VALUE;
  const bits = new BigInt64Array(new Float64Array([x]).buffer);
  bits[0] = (bits[0] ?? 0n) + (x > 0 ? 1n : -1n);
  return new Float64Array(bits.buffer)[0] ?? NaN;
}

/** The smallest float32 above `x`, which is a finite float32. */
function nextUp32(x: number): number {
  if (x === 0) return 2 ** -149;
  const bits = new Int32Array(new Float32Array([x]).buffer);
  bits[0] = (bits[0] ?? 0) + (x > 0 ? 1 : -1);
  return new Float32Array(bits.buffer)[0] ?? NaN;
}

function nextUp(x: number, float32: boolean): number {
  return float32 ? nextUp32(x) : nextUp64(x);
}

/** The largest number not above `threshold`: the last one that goes left there. */
export function lastNotAbove(threshold: number, float32: boolean): number {
  if (!float32) return threshold;
  const near = Math.fround(threshold);
  return near <= threshold ? near : -nextUp32(-near);
}

/** The smallest number above `threshold`: the first one that goes right there. */
export function firstAbove(threshold: number, float32: boolean): number {
  return nextUp(lastNotAbove(threshold, float32), float32);
}

/** A number with `low < x <= high`, near the middle; the ends may be infinite. */
export function between(low: number, high: number, float32: boolean): number {
  if (low === -Infinity) return lastNotAbove(high, float32);
  if (high === Infinity) return firstAbove(low, float32);
  const middle = low / 2 + high / 2;
  const read = float32 ? Math.fround(middle) : middle;
  return read > low && read <= high ? read : lastNotAbove(high, float32);
}

/**
 * The number with the fewest digits from `low` to `high`, and of those the one nearest to `high`
 * or to `low`: 2.46 rather than 2.450000047683716.
 */
export function shortestIn(low: number, high: number, nearest: 'low' | 'high'): number {
  const exact = nearest === 'low' ? low : high;
  const largest = Math.max(Math.abs(low), Math.abs(high));
  if (!(low <= high) || !Number.isFinite(largest) || largest === 0) return exact;
  const first = -Math.floor(Math.log10(largest)) - 1;
  for (let digits = first; digits < first + 17; ++digits) {
    const scaled = exact * 10 ** digits;
    if (!Number.isFinite(scaled) || Math.abs(scaled) >= 2 ** 53) return exact;
    const whole = nearest === 'low' ? Math.ceil(scaled) : Math.floor(scaled);
    const short = Number(`${String(whole)}e${String(-digits)}`);
    if (short >= low && short <= high) return short;
  }
  return exact;
}
