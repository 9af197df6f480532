import { numberText } from '../components/text';
import { fractionOf, roundTo, sliderRange, snap, type SliderRange } from '../feature-range';
import type { FeatureCard, ModelCard } from '../model-card';
import { between } from './float-steps';
import type { Splits } from './splits';

/** A part of an axis in which one value stands for all. */
export interface Cell {
  /** Where it begins and ends on the axis: 0 to 1. */
  readonly from: number;
  readonly to: number;
  /** The value that is asked about. */
  readonly at: number;
}

export interface Category {
  readonly value: number;
  readonly name: string;
}

/** One feature as the edge of a drawing. */
export interface Axis {
  readonly index: number;
  readonly feature: FeatureCard;
  /** Ends and steps of a number; of categories 0 to their count. */
  readonly range: SliderRange;
  /** Bands along the axis; null for numbers. */
  readonly categories: readonly Category[] | null;
  readonly cells: readonly Cell[];
  /** Whether nothing changes inside of a cell. */
  readonly exact: boolean;
}

/** Cells that are drawn at most: more than that are finer than what can be seen. */
const cellsMax = 160;
const gridCells = 96;
const categoriesMax = 60;

/** Codes of a categorical feature, with names where the file has them. */
export function categoriesOf(feature: FeatureCard, codes: readonly number[]): Category[] {
  if (feature.categories.length > 0) return feature.categories.map((name, value) => ({ name, value }));
  // One code beyond those that are listed stands for all others.
  const last = Math.min(Math.max(-1, ...codes) + 1, 1000);
  return Array.from({ length: last + 1 }, (_, value) => ({ value, name: String(value) }));
}

/** Where a number was in training; where the file does not say, where the thresholds are. */
export function rangeOf(feature: FeatureCard, cuts: Float64Array, x: number): SliderRange {
  const trained = sliderRange(feature);
  if (trained !== null) return trained;
  const first = cuts[0] ?? (Number.isFinite(x) ? x : 0);
  const last = cuts.at(-1) ?? first;
  const margin = last > first ? (last - first) / 8 : Math.max(1, Math.abs(first)) / 2;
  const [min, max] = [first - margin, last + margin];
  return sliderRange({ ...feature, min, max }) ?? { min, max, step: margin, decimals: 6 };
}

/** Axes that were made: a slider that moves asks for them again and again. */
const made = new WeakMap<Splits, Map<number, Axis>>();

/** A feature as an axis; null where there is no such feature. `x` counts where nothing else says where it lies. */
export function axisOf(card: ModelCard, splits: Splits, index: number, x: number): Axis | null {
  const feature = card.features[index];
  if (feature === undefined) return null;
  const cuts = splits.thresholds[index] ?? new Float64Array();
  if (!feature.categorical && sliderRange(feature) === null && cuts.length === 0) return numberAxis(card, splits, index, feature, x);
  const known = made.get(splits) ?? new Map<number, Axis>();
  made.set(splits, known);
  const axis = known.get(index) ?? (feature.categorical ? categoryAxis(feature, index, splits.codes[index] ?? []) : numberAxis(card, splits, index, feature, x));
  known.set(index, axis);
  return axis;
}

function numberAxis(card: ModelCard, splits: Splits, index: number, feature: FeatureCard, x: number): Axis {
  const cuts = splits.thresholds[index] ?? new Float64Array();
  const range = rangeOf(feature, cuts, x);
  const inside = cuts.filter((cut) => cut >= range.min && cut < range.max);
  const exact = splits.stepwise && splits.complete && inside.length < cellsMax;
  const cells = exact ? cellsBetween(inside, range, card.float32) : evenCells(range);
  return { index, feature, range, categories: null, cells, exact };
}

function categoryAxis(feature: FeatureCard, index: number, codes: readonly number[]): Axis {
  const categories = categoriesOf(feature, codes).slice(0, categoriesMax);
  const n = categories.length;
  const cells = categories.map(({ value }, i) => ({ from: i / n, to: (i + 1) / n, at: value }));
  return { index, feature, range: { min: 0, max: n, step: 1, decimals: 0 }, categories, cells, exact: true };
}

function cellsBetween(cuts: Float64Array, range: SliderRange, float32: boolean): Cell[] {
  const edges = [range.min, ...cuts.filter((cut) => cut > range.min), range.max];
  return edges.slice(1).map((high, i) => {
    const low = edges[i] ?? high;
    return { from: fractionOf(low, range), to: fractionOf(high, range), at: between(low, high, float32) };
  });
}

function evenCells({ min, max }: SliderRange): Cell[] {
  return Array.from({ length: gridCells }, (_, i) => ({
    from: i / gridCells,
    to: (i + 1) / gridCells,
    at: min + ((i + 0.5) / gridCells) * (max - min),
  }));
}

/** Where a value stands on the axis, 0 to 1; NaN for one that is not on it. */
export function placeOn(axis: Axis, x: number): number {
  if (Number.isNaN(x)) return NaN;
  if (axis.categories === null) return fractionOf(x, axis.range);
  const at = axis.categories.findIndex(({ value }) => value === x);
  return at < 0 ? NaN : (at + 0.5) / axis.categories.length;
}

/** The value at a place of the axis: a tenth of a slider's step, or a category. */
export function valueAt(axis: Axis, fraction: number): number {
  const inside = Math.min(Math.max(fraction, 0), 1);
  if (axis.categories !== null) {
    const at = Math.min(Math.floor(inside * axis.categories.length), axis.categories.length - 1);
    return axis.categories[at]?.value ?? NaN;
  }
  const { min, max, step, decimals } = axis.range;
  return snap(min + inside * (max - min), { min, max, step: step / 10, decimals: Math.min(decimals + 1, 100) });
}

/** The value `steps` key presses away; a missing one starts in the middle. */
export function stepped(axis: Axis, x: number, steps: number): number {
  if (Number.isNaN(placeOn(axis, x))) return valueAt(axis, 0.5);
  if (axis.categories !== null) {
    const at = axis.categories.findIndex(({ value }) => value === x) + Math.sign(steps);
    return axis.categories[Math.min(Math.max(at, 0), axis.categories.length - 1)]?.value ?? x;
  }
  const { min, max, step, decimals } = axis.range;
  return roundTo(Math.min(Math.max(x + steps * step, min), max), decimals + 1);
}

export interface Tick {
  /** 0 to 1 along the axis. */
  readonly at: number;
  readonly text: string;
}

/** About `n` round numbers along the axis, or its categories. */
export function ticksOf(axis: Axis, n: number): Tick[] {
  if (axis.categories !== null) {
    const every = Math.ceil(axis.categories.length / (2 * n));
    return axis.categories.flatMap(({ name, value }, i) => (i % every === 0 ? [{ at: placeOn(axis, value), text: name }] : []));
  }
  return roundNumbers(axis.range.min, axis.range.max, n).map((x) => ({ at: placeOn(axis, x), text: numberText(x) }));
}

/** About `n` numbers of the form 1, 2 or 5 times a power of ten, from `min` to `max`. */
export function roundNumbers(min: number, max: number, n: number): number[] {
  const rough = (max - min) / n;
  if (!(rough > 0) || !Number.isFinite(rough)) return [min];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5].find((k) => k * power >= rough * 0.99) ?? 10) * power;
  const decimals = Math.min(Math.max(0, Math.ceil(-Math.log10(step) - 1e-9)), 100);
  const first = Math.ceil(min / step - 1e-9);
  const count = Math.floor(max / step + 1e-9) - first + 1;
  return Array.from({ length: Math.max(0, count) }, (_, i) => roundTo((first + i) * step, decimals));
}

/** A value of a feature for reading: "2.46 cm", a category, "missing". */
export function valueText(feature: FeatureCard, x: number): string {
  if (Number.isNaN(x)) return 'missing';
  if (feature.categorical) return feature.categories[x] ?? String(x);
  const number = String(Number(x.toPrecision(9)));
  return feature.unit === '' ? number : `${number} ${feature.unit}`;
}
