import type { FeatureCard } from './model-card';

/** Where a slider starts and ends, and how far one key press moves it. */
export interface SliderRange {
  readonly min: number;
  readonly max: number;
  readonly step: number;
  /** Digits after the point that a step needs. */
  readonly decimals: number;
}

/**
 * A slider over the training range in 20 to 200 round steps, or null where there is no range.
 *
 * The ends are moved outwards to whole steps, so that every position is a number a person would
 * write. 1e-9 of a step absorbs that 4.3 / 0.1 is a little less than 43.
 */
export function sliderRange(feature: FeatureCard): SliderRange | null {
  const span = feature.max - feature.min;
  if (!Number.isFinite(span) || !(span > 0)) return null;
  const exponent = Math.floor(Math.log10(span / 20) + 1e-9);
  const decimals = Math.min(Math.max(0, -exponent), 100);
  const step = Number(`1e${String(exponent)}`);
  const whole = (steps: number) => roundTo(steps * step, decimals);
  return {
    min: whole(Math.floor(feature.min / step + 1e-9)),
    max: whole(Math.ceil(feature.max / step - 1e-9)),
    step,
    decimals,
  };
}

export function roundTo(x: number, decimals: number): number {
  return Number(x.toFixed(decimals));
}

/** The middle of the training range on a whole step; 0 where there is no range. */
export function middleOf(feature: FeatureCard): number {
  const range = sliderRange(feature);
  if (range !== null) return snap((range.min + range.max) / 2, range);
  return Number.isFinite(feature.min) ? feature.min : 0;
}

/** The position of the slider nearest to `x`. */
export function snap(x: number, range: SliderRange): number {
  const steps = Math.round((x - range.min) / range.step);
  return roundTo(Math.min(range.min + steps * range.step, range.max), range.decimals);
}

/** Where `x` lies between the ends of the slider: 0 to 1. */
export function fractionOf(x: number, range: SliderRange): number {
  const fraction = (x - range.min) / (range.max - range.min);
  return Number.isNaN(fraction) ? 0 : Math.min(Math.max(fraction, 0), 1);
}

/** Whether a number lies beyond what the model saw in training. */
export function isOutside(x: number, feature: FeatureCard): boolean {
  return x < feature.min || x > feature.max;
}
