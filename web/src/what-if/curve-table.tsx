import { numberText, percentText } from '../components/text';
import type { OutputCard } from '../model-card';
import type { Axis } from './axis';
import { stretchesOf, type Curve } from './curves';
import { saidText } from './said';

const stretchesShown = 60;

/** The steps of a curve as text. */
export function CurveTable({ curve, output }: { curve: Curve; output: OutputCard }) {
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
