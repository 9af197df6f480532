/** Colours of classes that can be told apart; more classes begin again. */
export const classColours = 10;

export type Rgb = readonly [number, number, number];

/** The class that gives a mark the colour of class `k`. */
export function colourClass(k: number): string {
  return `class-${String(k % classColours)}`;
}

/** A colour of the style sheet, written as #rrggbb there; builds may shorten it to #rgb. */
export function readColour(element: Element, name: string): Rgb {
  const hex = getComputedStyle(element).getPropertyValue(name).trim().replace(/^#(.)(.)(.)$/, '#$1$1$2$2$3$3');
  const at = (i: number) => parseInt(hex.slice(1 + 2 * i, 3 + 2 * i), 16) || 0;
  return [at(0), at(1), at(2)];
}

export function mix(a: Rgb, b: Rgb, share: number): Rgb {
  const of = (i: 0 | 1 | 2) => Math.round(a[i] + (b[i] - a[i]) * share);
  return [of(0), of(1), of(2)];
}
