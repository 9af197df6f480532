import { useState } from 'preact/hooks';
import { numberText, percentText } from '../components/text';
import type { OutputCard } from '../model-card';
import type { BrowserPredictor } from '../predictor';
import { setValue } from '../state';
import { axisOf, placeOn, roundNumbers, stepped, ticksOf, valueAt, valueText, type Axis } from './axis';
import { colourClass } from './colours';
import { askCurves, pathOf, stretchesOf, type Curve } from './curves';
import { PlotFrame } from './plot-frame';
import { saidText } from './said';
import type { Splits } from './splits';
import { useNewest } from './use-newest';

interface Props {
  readonly predictor: BrowserPredictor;
  readonly splits: Splits;
  readonly output: number;
  readonly row: readonly number[];
  readonly said: string;
}

const curvesAtFirst = 12;
const stretchesShown = 60;

/** How the answer follows each feature alone, from where the row is. */
export function CurvesCard({ predictor, splits, output, row, said }: Props) {
  const { card } = predictor;
  const [count, setCount] = useState(curvesAtFirst);
  const [chosen, setChosen] = useState(splits.order[0] ?? 0);
  const shown = splits.order.slice(0, count);
  const axes = shown.flatMap((index) => axisOf(card, splits, index, row[index] ?? NaN) ?? []);
  const found = useNewest({ axes, row }, JSON.stringify([row.map(String), output, count]), (question, wanted) =>
    askCurves(predictor, output, question.row, question.axes, wanted),
  );
  const outputCard = card.outputs[output];
  if (outputCard === undefined) return null;
  const curves = (found.answer ?? []).filter(({ lines }) => lines.length === Math.max(1, outputCard.labels.length));
  const [low, high] = limitsOf(curves, outputCard);
  const large = curves.find(({ axis }) => axis.index === chosen);
  return (
    <section class="card curves" aria-labelledby="curves-title">
      <h2 id="curves-title">One feature at a time</h2>
      <p class="soft">
        How the answer would change if only this feature did (individual conditional expectation).
        {outputCard.kind === 'class' && ' One line for each class.'}
      </p>
      {found.failure !== '' && <p class="problem" role="alert">{found.failure}</p>}
      {outputCard.kind === 'class' && (
        <ul class="legend legend-line" aria-label="Classes">
          {outputCard.labels.map((label, k) => <li key={k} class={colourClass(k)}><span class="swatch" aria-hidden="true" />{label}</li>)}
        </ul>
      )}
      {large !== undefined && <LargeCurve curve={large} output={outputCard} row={row} low={low} high={high} said={said} />}
      <ul class="small-curves" aria-label="All features">
        {curves.map((curve) => (
          <li key={curve.axis.index}>
            <button type="button" class="small-curve" aria-pressed={curve.axis.index === chosen} onClick={() => { setChosen(curve.axis.index); }}>
              <span class="small-name">{curve.axis.feature.title}</span>
              <span class="small-plot"><Lines curve={curve} low={low} high={high} x={row[curve.axis.index] ?? NaN} /></span>
              <span class="small-value">{valueText(curve.axis.feature, row[curve.axis.index] ?? NaN)}</span>
            </button>
          </li>
        ))}
      </ul>
      {count < splits.order.length && (
        <button type="button" class="button curves-more" onClick={() => { setCount(count + 4 * curvesAtFirst); }}>
          Show more features ({(splits.order.length - count).toLocaleString('en')})
        </button>
      )}
    </section>
  );
}

function limitsOf(curves: readonly Curve[], output: OutputCard): readonly [number, number] {
  if (output.kind === 'class') return [0, 1];
  const all = curves.flatMap(({ lines, missing }) => [...lines.flatMap((line) => Array.from(line)), ...(missing ?? [])]).filter(Number.isFinite);
  const low = all.reduce((a, b) => Math.min(a, b), Infinity);
  const high = all.reduce((a, b) => Math.max(a, b), -Infinity);
  const margin = high > low ? (high - low) / 20 : 1;
  return [low - margin, high + margin];
}

function Lines({ curve, low, high, x }: { curve: Curve; low: number; high: number; x: number }) {
  const at = placeOn(curve.axis, x);
  return (
    <svg class="lines" viewBox="0 0 1000 1000" preserveAspectRatio="none" aria-hidden="true" focusable="false">
      {curve.lines.map((line, k) => <path key={k} class={`line ${colourClass(k)}`} d={pathOf(curve, line, low, high)} />)}
      {!Number.isNaN(at) && <line class="line-now" x1={at * 1000} x2={at * 1000} y1={0} y2={1000} />}
    </svg>
  );
}

interface LargeProps {
  readonly curve: Curve;
  readonly output: OutputCard;
  readonly row: readonly number[];
  readonly low: number;
  readonly high: number;
  readonly said: string;
}

function LargeCurve({ curve, output, row, low, high, said }: LargeProps) {
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

function CurveTable({ curve, output }: { curve: Curve; output: OutputCard }) {
  const stretches = stretchesOf(curve);
  const { axis } = curve;
  return (
    <details class="behind">
      <summary>As a table</summary>
      <div class="table-box" role="region" aria-label={`Answers along ${axis.feature.title}`} tabIndex={0}>
        <table>
          <thead>
            <tr>
              <th scope="col">{axis.feature.title}</th>
              <th scope="col">Answer</th>
              {output.labels.map((label, k) => <th key={k} scope="col">{label}</th>)}
            </tr>
          </thead>
          <tbody>
            {stretches.slice(0, stretchesShown).map(({ first, last, numbers }) => (
              <tr key={first}>
                <th scope="row">{stretchText(axis, first, last)}</th>
                <td>{saidText(output, curve.decisions[first] ?? NaN)}</td>
                {output.labels.map((_, k) => <td key={k}>{percentText(numbers[k] ?? NaN)}</td>)}
              </tr>
            ))}
          </tbody>
        </table>
        {stretches.length > stretchesShown && <p class="soft">… and {stretches.length - stretchesShown} more steps.</p>}
      </div>
    </details>
  );
}

function stretchText(axis: Axis, first: number, last: number): string {
  const [begin, end] = [axis.cells[first], axis.cells[last]];
  if (axis.categories !== null) return axis.categories[first]?.name ?? '';
  const at = (fraction: number) => numberText(axis.range.min + fraction * (axis.range.max - axis.range.min));
  return `${at(begin?.from ?? 0)} to ${at(end?.to ?? 1)}`;
}
