// Numbers as `toLocaleString('en')` writes them, but for powers of ten beyond 1e-6 and 1e21. That loads the
// browser's tables of all languages the first time: the longest task of the page's start on a phone.

/** "1,024": thousands in groups. */
export function countText(n: number): string {
  return grouped(String(n));
}

/** "93.2 %": one digit after the point where there is one to show. */
export function percentText(probability: number): string {
  return Number.isNaN(probability) ? '' : `${roundedText(probability * 100, 1)} %`;
}

/** "312.4 kB", "5.5 MB". */
export function bytesText(bytes: number): string {
  return bytes < 1e6 ? `${roundedText(bytes / 1e3, 1)} kB` : `${roundedText(bytes / 1e6, 1)} MB`;
}

/** A number for reading: at most so many significant digits. */
export function numberText(x: number, significantDigits = 6): string {
  if (Number.isNaN(x)) return 'not a number';
  if (Math.abs(x) === Infinity) return x > 0 ? '∞' : '-∞';
  const exponent = Number(x.toExponential().split('e')[1]);
  const decimals = significantDigits - 1 - exponent;
  return grouped(String(decimals < 0 ? Number(x.toPrecision(significantDigits)) : rounded(x, decimals)));
}

/** At most so many digits after the point. */
export function roundedText(x: number, decimals: number): string {
  const value = rounded(x, decimals);
  const digits = String(value);
  // Not as a power of ten where that is small: numbers of a column look alike.
  return grouped(digits.includes('e-') ? value.toFixed(decimals).replace(/0+$/, '') : digits);
}

/** Exactly so many digits after the point. */
export function fixedText(x: number, decimals: number): string {
  return grouped(rounded(x, decimals).toFixed(decimals));
}

/** To so many digits after the point; a half of what is written, such as 0.15, goes away from zero. */
function rounded(x: number, decimals: number): number {
  const digits = String(Math.abs(x));
  // Those of all digits, or with a power of ten, are not written as a half.
  const isHalf = digits.length < 16 && !digits.includes('e') && decimals <= 15;
  if (!isHalf) return Number(x.toFixed(Math.min(decimals, 100)));
  const whole = Math.round(Number(`${digits}e${String(decimals)}`));
  return Math.sign(x) * Number(`${String(whole)}e${String(-decimals)}`);
}

/** The digits of a number, with a comma before every three that stand before the point. */
function grouped(digits: string): string {
  return digits.replace(/^-?\d+/, (whole) => whole.replace(/\B(?=(\d{3})+$)/g, ','));
}
