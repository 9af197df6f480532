// Where the bars of a strip stand: as many as there are trees, in one path for each colour.

/** The box that the bars are drawn in; it is stretched to the width of the page. */
export const box = { width: 1000, height: 120 } as const;

export interface Strip {
  /** Path data of the bars that reach up from the line, and of those that reach down. */
  readonly up: string;
  readonly down: string;
  /** Where the line lies that they start from. */
  readonly line: number;
  /** Where the average of the values lies; null where it is the line. */
  readonly average: number | null;
  /** The place of a value, from the top. */
  readonly y: (value: number) => number;
}

/** Bars of `values`, in order, from `origin`; `average` gets a line of its own where it is given. */
export function stripOf(values: readonly number[], origin: number, average: number | null): Strip {
  const finite = values.filter(Number.isFinite);
  const low = finite.reduce((min, x) => Math.min(min, x), origin);
  const high = finite.reduce((max, x) => Math.max(max, x), origin);
  const span = high - low || 1;
  const y = (x: number) => 4 + ((box.height - 8) * (high - x)) / span;
  const line = y(origin);
  let up = '';
  let down = '';
  values.forEach((value, i) => {
    const { x, width } = placeOf(i, values.length);
    // A value at the line is still there.
    const at = y(value);
    const height = Math.max(Math.abs(at - line), 0.75);
    const bar = `M${short(x)} ${short(Math.min(at, line))}h${short(width)}v${short(height)}h${short(-width)}z`;
    if (value < origin) down += bar;
    else up += bar;
  });
  return { up, down, line, average: average === null ? null : y(average), y };
}

/** Place and width of bar `i` of `n`; between few bars there are gaps. */
export function placeOf(i: number, n: number): { readonly x: number; readonly width: number } {
  const step = stepOf(n);
  const gap = n > 250 ? 0 : Math.min(step * 0.25, 12);
  return { x: i * step + gap / 2, width: step - gap };
}

/** The bar at `fraction` of the width. */
export function barAt(fraction: number, n: number): number {
  return Math.min(Math.max(Math.floor((fraction * box.width) / stepOf(n)), 0), n - 1);
}

/** Few bars do not fill the width: a wide one would say much. */
function stepOf(n: number): number {
  return Math.min(box.width / n, 60);
}

function short(x: number): string {
  return String(Math.round(x * 100) / 100);
}
