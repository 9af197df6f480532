/** "93.2 %": one digit after the point where there is one to show. */
export function percentText(probability: number): string {
  if (Number.isNaN(probability)) return '';
  const percent = probability * 100;
  return `${percent.toLocaleString('en', { maximumFractionDigits: 1 })} %`;
}

/** A number for reading: at most six significant digits. */
export function numberText(x: number): string {
  return Number.isNaN(x) ? 'not a number' : x.toLocaleString('en', { maximumSignificantDigits: 6 });
}
