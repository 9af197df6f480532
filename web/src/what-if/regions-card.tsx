import { useState } from 'preact/hooks';
import { FeatureField } from '../components/feature-field';
import { numberText, percentText } from '../components/text';
import type { FeatureCard, OutputCard } from '../model-card';
import type { BrowserPredictor } from '../predictor';
import { axisOf, valueText, type Axis } from './axis';
import { colourClass } from './colours';
import { RegionMap } from './region-map';
import { askRegions, extremes, shares, type Regions } from './regions';
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

/** What the model says all over two features, the others as they are in the row. */
export function RegionsCard({ predictor, splits, output, row, said }: Props) {
  const { card } = predictor;
  const [first = 0, second = first] = splits.order;
  const [pair, setPair] = useState<readonly [number, number]>([first, second]);
  const outputCard = card.outputs[output];
  const [x, y] = pair.map((index) => axisOf(card, splits, index, row[index] ?? NaN));
  // The two features take every value: only the others matter.
  const others = row.map((value, f) => (pair.includes(f) ? '' : String(value)));
  const found = useNewest({ x, y, row }, JSON.stringify([pair, output, others]), async (question, wanted) => {
    if (!question.x || !question.y) return null;
    return askRegions(predictor, output, question.row, question.x, question.y, wanted);
  });
  if (!x || !y || outputCard === undefined) return null;
  const fits = found.answer !== null && found.answer.x.index === x.index && found.answer.y.index === y.index && found.answer.cells.probabilities.length === found.answer.cells.decisions.length * outputCard.labels.length;
  const regions = fits ? found.answer : null;
  return (
    <section class="card regions" aria-labelledby="regions-title">
      <div class="what-head">
        <h2 id="regions-title">Regions of two features</h2>
        <div class="picks">
          <FeaturePick label="Across" card={card.features} order={splits.order} value={pair[0]} other={pair[1]} onChoose={(f) => { setPair([f, pair[1]]); }} />
          <FeaturePick label="Up" card={card.features} order={splits.order} value={pair[1]} other={pair[0]} onChoose={(f) => { setPair([pair[0], f]); }} />
        </div>
      </div>
      {found.failure !== '' && <p class="problem" role="alert">{found.failure}</p>}
      <div class="regions-body">
        <RegionMap regions={regions} x={x} y={y} output={outputCard} said={said} />
        <div class="regions-side">
          {regions !== null && <Legend regions={regions} output={outputCard} />}
          <div class="regions-fields">
            {pair.map((f) => {
              const feature = card.features[f];
              return feature !== undefined && <FeatureField key={f} feature={feature} index={f} value={row[f] ?? NaN} missingAllowed={card.missingAllowed} />;
            })}
          </div>
        </div>
      </div>
      <p class="soft">
        The ring is the row: click, drag, or move it with the arrow keys. {x.exact && y.exact ? 'Edges are where thresholds are.' : 'Edges are drawn on a grid.'}
        {others.length > 2 && ' All other features stay as they are in the row.'}
      </p>
      {regions !== null && <RegionTable regions={regions} output={outputCard} />}
    </section>
  );
}

interface PickProps {
  readonly label: string;
  readonly card: readonly FeatureCard[];
  readonly order: readonly number[];
  readonly value: number;
  readonly other: number;
  readonly onChoose: (feature: number) => void;
}

function FeaturePick({ label, card, order, value, other, onChoose }: PickProps) {
  return (
    <label class="pick">
      <span>{label}</span>
      <select class="select" value={String(value)} onChange={(event) => { onChoose(Number(event.currentTarget.value)); }}>
        {order.filter((f) => f !== other || f === value).map((f) => <option key={f} value={f}>{card[f]?.title}</option>)}
      </select>
    </label>
  );
}

function Legend({ regions, output }: { regions: Regions; output: OutputCard }) {
  if (output.kind !== 'class') {
    const [low, high] = extremes(regions.cells.decisions);
    return (
      <div class="legend-ramp">
        <span class="ramp" aria-hidden="true" />
        <p><span>{numberText(low)}</span><span>{numberText(high)}</span></p>
      </div>
    );
  }
  return (
    <ul class="legend" aria-label="Share of the area">
      {shares(regions, output.labels.length).map((share, k) => share > 0 && (
        <li key={k} class={colourClass(k)}>
          <span class="swatch" aria-hidden="true" />
          <span class="legend-label">{output.labels[k]}</span>
          <span>{percentText(share)}</span>
        </li>
      ))}
    </ul>
  );
}

/** The same as text, at some points. */
function RegionTable({ regions: { x, y, columns, rows, table }, output }: { regions: Regions; output: OutputCard }) {
  const text = (i: number, j: number) => saidText(output, table.decisions[i * rows.length + j] ?? NaN);
  const head = (axis: Axis, value: number) => axis.categories?.find((one) => one.value === value)?.name ?? valueText(axis.feature, value);
  return (
    <details class="behind">
      <summary>As a table</summary>
      <div class="table-box" role="region" aria-label="Answers over two features" tabIndex={0}>
        <table>
          <caption>{x.feature.title} across, {y.feature.title} down</caption>
          <thead>
            <tr>
              <th scope="col">{y.feature.title}</th>
              {columns.map((value) => <th key={value} scope="col">{head(x, value)}</th>)}
            </tr>
          </thead>
          <tbody>
            {rows.map((value, j) => (
              <tr key={value}>
                <th scope="row">{head(y, value)}</th>
                {columns.map((_, i) => <td key={i}>{text(i, j)}</td>)}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}
