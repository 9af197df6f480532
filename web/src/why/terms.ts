// Contributions in an order for reading, and as numbers that add up on screen.

/** What one feature adds, or what several do together. */
export interface Term {
  /** The feature; null for the sum of all that are not listed. */
  readonly feature: number | null;
  readonly value: number;
  /** The sum of the base and all terms up to this one. */
  readonly from: number;
  readonly to: number;
}

export interface Terms {
  readonly base: number;
  readonly terms: readonly Term[];
  /** How many features the last term stands for; 0 where each has its own. */
  readonly nOthers: number;
  readonly total: number;
}

/** The largest `nMax` of the contributions [features], then the rest as one; `total` is their sum with the base. */
export function termsOf(contributions: readonly number[], base: number, total: number, nMax: number): Terms {
  const order = contributions.map((_, f) => f);
  order.sort((a, b) => Math.abs(contributions[b] ?? 0) - Math.abs(contributions[a] ?? 0) || a - b);
  // One feature needs no line that says "1 other".
  const nOwn = order.length <= nMax + 1 ? order.length : nMax;
  const rest = order.slice(nOwn).reduce((sum, f) => sum + (contributions[f] ?? 0), 0);
  const parts: { feature: number | null; value: number }[] = order.slice(0, nOwn).map((f) => ({ feature: f, value: contributions[f] ?? 0 }));
  if (nOwn < order.length) parts.push({ feature: null, value: rest });
  let at = base;
  const terms = parts.map((part): Term => {
    const from = at;
    at += part.value;
    return { ...part, from, to: at };
  });
  return { base, terms, nOthers: order.length - nOwn, total };
}

/** Digits after the point that leave the largest of `values` four digits. */
export function decimalsFor(values: readonly number[]): number {
  const largest = values.reduce((max, x) => Math.max(max, Math.abs(x)), 0);
  if (!(largest > 0) || !Number.isFinite(largest)) return 3;
  return Math.min(Math.max(3 - Math.floor(Math.log10(largest)), 0), 20);
}

/**
 * `parts`, each rounded up or down to `decimals` such that they add up to `total` rounded: those
 * furthest from what they are rounded to give way (the largest remainders). In units of the last
 * decimal, so that their sum is exact.
 */
export function roundedParts(parts: readonly number[], total: number, decimals: number): readonly number[] {
  const unit = 10 ** decimals;
  const units = parts.map((x) => Math.floor(x * unit));
  const missing = Math.round(total * unit) - units.reduce((sum, x) => sum + x, 0);
  const byRemainder = parts.map((x, i) => ({ i, remainder: x * unit - (units[i] ?? 0) }));
  byRemainder.sort((a, b) => b.remainder - a.remainder || a.i - b.i);
  for (const { i } of byRemainder.slice(0, Math.max(0, missing))) units[i] = (units[i] ?? 0) + 1;
  return units;
}

/** Terms as they stand on screen, in units of the last decimal: their sum is exact. */
export interface ShownTerms {
  readonly decimals: number;
  readonly base: number;
  readonly terms: readonly number[];
  readonly total: number;
}

export function shownTerms({ base, terms, total }: Terms): ShownTerms {
  const parts = [base, ...terms.map((term) => term.value)];
  const decimals = decimalsFor([...parts, total]);
  const [first, ...rest] = roundedParts(parts, total, decimals);
  return { decimals, base: first ?? 0, terms: rest, total: rest.reduce((sum, x) => sum + x, first ?? 0) };
}
