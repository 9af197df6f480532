/** "93.2 %": one digit after the point where there is one to show. */
export function percentText(probability: number): string {
  if (Number.isNaN(probability)) return '';
  const percent = probability * 100;
  return `${percent.toLocaleString('en', { maximumFractionDigits: 1 })} %`;
}

/** "312.4 kB", "5.5 MB". */
export function bytesText(bytes: number): string {
  const [size, unit] = bytes < 1e6 ? [bytes / 1e3, 'kB'] : [bytes / 1e6, 'MB'];
  return `${size.toLocaleString('en', { maximumFractionDigits: 1 })} ${unit}`;
}

/** A number for reading: at most six significant digits. */
export function numberText(x: number): string {
  return Number.isNaN(x) ? 'not a number' : x.toLocaleString('en', { maximumSignificantDigits: 6 });
}
