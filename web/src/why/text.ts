import { countText, fixedText, numberText } from '../components/text';
import type { FeatureCard } from '../model-card';

/** "0.0123" of 123 units of the fourth decimal, with a real minus sign. */
export function unitsText(units: number, decimals: number): string {
  // Nothing has no sign.
  return withMinus(fixedText((units === 0 ? 0 : units) / 10 ** decimals, decimals));
}

/** The same with its sign before it, also when it is positive. */
export function signedUnitsText(units: number, decimals: number): string {
  return units > 0 ? `+${unitsText(units, decimals)}` : unitsText(units, decimals);
}

/** A number for reading: long rows of zeros become a power of ten. */
export function plainText(x: number): string {
  if (x === 0) return '0';
  const size = Math.abs(x);
  if (size >= 1e-4 && size < 1e12) return withMinus(numberText(x));
  return Number.isFinite(x) ? withMinus(x.toExponential(2)) : withMinus(String(x));
}

export function signedText(x: number): string {
  return x > 0 ? `+${plainText(x)}` : plainText(x);
}

/** A minus sign as wide as a plus sign. */
export function withMinus(text: string): string {
  return text.replace('-', '−');
}

/** "4.9 cm", "red", "missing": the value of a feature in a row. */
export function valueText(feature: FeatureCard, x: number): string {
  if (Number.isNaN(x)) return 'missing';
  if (feature.categorical) return categoryText(feature, x);
  const text = plainText(x);
  return feature.unit === '' ? text : `${text} ${feature.unit}`;
}

/** The text of a category, or its number where the file has no texts. */
export function categoryText(feature: FeatureCard, code: number): string {
  return feature.categories[code] ?? plainText(code);
}

/** A message of the core as a sentence. */
export function sentenceText(message: string): string {
  const sentence = `${message.charAt(0).toUpperCase()}${message.slice(1)}`;
  return sentence.endsWith('.') ? sentence : `${sentence}.`;
}

/** "1 tree", "12 trees". */
export function counted(n: number, one: string, many = `${one}s`): string {
  return `${countText(n)} ${n === 1 ? one : many}`;
}
