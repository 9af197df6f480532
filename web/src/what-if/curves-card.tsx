import { useState } from 'preact/hooks';
import { countText } from '../components/text';
import type { OutputCard } from '../model-card';
import type { BrowserPredictor } from '../predictor';
import { axisOf, valueText } from './axis';
import { colourClass } from './colours';
import { Lines } from './curve-lines';
import { askCurves, type Curve } from './curves';
import { LargeCurve } from './large-curve';
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
        <button
          type="button"
          class="button curves-more"
          data-focus-then={`.small-curves > :nth-child(${String(count + 1)}) button`}
          onClick={() => { setCount(count + 4 * curvesAtFirst); }}
        >
          Show more features ({countText(splits.order.length - count)})
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
