import { numberText, percentText } from '../components/text';
import type { OutputCard } from '../model-card';
import { setValue } from '../state';
import { placeOn, roundNumbers, stepped, ticksOf, valueAt, valueText } from './axis';
import { Lines } from './curve-lines';
import { CurveTable } from './curve-table';
import type { Curve } from './curves';
import { PlotFrame } from './plot-frame';
import { saidText } from './said';

interface LargeProps {
  readonly curve: Curve;
  readonly output: OutputCard;
  readonly row: readonly number[];
  readonly low: number;
  readonly high: number;
  readonly said: string;
}

/** One curve with its axes, and a handle that moves the row along it. */
export function LargeCurve({ curve, output, row, low, high, said }: LargeProps) {
  const { axis } = curve;
  const { feature, index } = axis;
  const x = row[index] ?? NaN;
  const isClass = output.kind === 'class';
  const ticks = roundNumbers(low, high, 4).map((value) => ({ at: (value - low) / (high - low), text: isClass ? percentText(value) : numberText(value) }));
  const at = placeOn(axis, x);
  const moveTo = (event: MouseEvent) => {
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
    setValue(index, valueAt(axis, (event.clientX - box.left) / box.width));
  };
  const move = (event: KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    setValue(index, stepped(axis, x, step * (event.shiftKey ? 10 : 1)));
  };
  return (
    <div class="large-curve">
      <PlotFrame xName={feature.unit === '' ? feature.title : `${feature.title} in ${feature.unit}`} yName={isClass ? 'probability' : output.name} xTicks={ticksOf(axis, 6)} yTicks={ticks}>
        <div class="map" onClick={moveTo}>
          <Lines curve={curve} low={low} high={high} x={x} />
          <div
            class="handle"
            role="slider"
            tabIndex={0}
            aria-label={`${feature.title} of the row`}
            aria-valuemin={axis.range.min}
            aria-valuemax={axis.range.max}
            aria-valuenow={Number.isNaN(x) ? axis.range.min : x}
            aria-valuetext={`${valueText(feature, x)}: ${said}`}
            style={{ '--x': String(Number.isNaN(at) ? 0 : at) }}
            onKeyDown={move}
          />
        </div>
      </PlotFrame>
      <p class="soft">
        {axis.exact ? 'A forest answers in steps, and these are all of them.' : 'Drawn from evenly spaced points.'}
        {curve.missing !== null && ` Where ${feature.title} is missing: ${numbersText(curve.missing, output)}.`}
      </p>
      <CurveTable curve={curve} output={output} />
    </div>
  );
}

function numbersText(numbers: readonly number[], output: OutputCard): string {
  if (output.kind !== 'class') return saidText(output, numbers[0] ?? NaN);
  const best = numbers.reduce((top, p, k) => (p > (numbers[top] ?? 0) ? k : top), 0);
  return `${output.labels[best] ?? ''}, ${percentText(numbers[best] ?? NaN)}`;
}
