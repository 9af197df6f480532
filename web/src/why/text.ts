import { numberText } from '../components/text';
import type { FeatureCard } from '../model-card';

/** "0.0123" of 123 units of the fourth decimal, with a real minus sign. */
export function unitsText(units: number, decimals: number): string {
  const digits = { minimumFractionDigits: decimals, maximumFractionDigits: decimals };
  return withMinus((units / 10 ** decimals).toLocaleString('en', digits));
}

/** The same with its sign before it, also when it is positive. */
export function signedUnitsText(units: number, decimals: number): string {
  return units > 0 ? `+${unitsText(units, decimals)}` : unitsText(units, decimals);
}

export function signedText(x: number): string {
  return x > 0 ? `+${numberText(x)}` : withMinus(numberText(x));
}

/** A minus sign as wide as a plus sign. */
export function withMinus(text: string): string {
  return text.replace('-', '−');
}

/** "4.9 cm", "red", "missing": the value of a feature in a row. */
export function valueText(feature: FeatureCard, x: number): string {
  if (Number.isNaN(x)) return 'missing';
  if (feature.categorical) return categoryText(feature, x);
  const text = withMinus(numberText(x));
  return feature.unit === '' ? text : `${text} ${feature.unit}`;
}

/** The text of a category, or its number where the file has no texts. */
export function categoryText(feature: FeatureCard, code: number): string {
  return feature.categories[code] ?? withMinus(numberText(code));
}

/** "1 tree", "12 trees". */
export function counted(n: number, one: string, many = `${one}s`): string {
  return `${n.toLocaleString('en')} ${n === 1 ? one : many}`;
}
