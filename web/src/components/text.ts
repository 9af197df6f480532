// Numbers as English writes them. `toLocaleString` says the same, but it loads the browser's tables of all
// languages the first time: the longest task of the page's start on a phone.

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
  return grouped(String(Number(x.toPrecision(significantDigits))));
}

/** At most so many digits after the point. */
export function roundedText(x: number, decimals: number): string {
  return grouped(String(Number(x.toFixed(decimals))));
}

/** Exactly so many digits after the point. */
export function fixedText(x: number, decimals: number): string {
  return grouped(x.toFixed(decimals));
}

/** The digits of a number, with a comma before every three that stand before the point. */
function grouped(digits: string): string {
  return digits.replace(/^-?\d+/, (whole) => whole.replace(/\B(?=(\d{3})+$)/g, ','));
}
