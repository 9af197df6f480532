import { countText, numberText, percentText } from '../components/text';
import type { BrowserPredictor } from '../predictor';
import { useRow } from '../state';
import { namesOf } from './match';
import type { PairMeasures } from './messages';

interface Props {
  readonly first: BrowserPredictor;
  readonly second: BrowserPredictor;
}

/** How often each class of the one met each of the other. */
export function Matrix({ first, second, measures, rows, columns }: Props & { readonly measures: PairMeasures; readonly rows: readonly string[]; readonly columns: readonly string[] }) {
  const [one, two] = namesOf(first, second);
  return (
    <div class="table-box" role="region" aria-label="Which said what" tabIndex={0}>
      <table class="compare-matrix">
        <caption>{one} down, {two} across</caption>
        <thead><tr><th scope="col">{one}</th>{columns.map((label) => <th key={label} scope="col">{label}</th>)}</tr></thead>
        <tbody>
          {rows.map((label, i) => (
            <tr key={label}>
              <th scope="row">{label}</th>
              {columns.map((other, j) => <td key={other} class={other === label ? 'same' : ''}>{countText(measures.counts[i * columns.length + j] ?? 0)}</td>)}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Rows where the two say the most different things; each can be put into the form. */
export function Different({ first, second, measures, isClass, hasTruth }: Props & { readonly measures: PairMeasures; readonly isClass: boolean; readonly hasTruth: boolean }) {
  if (measures.rows.length === 0) return <p>Both say the same for every row.</p>;
  const names = namesOf(first, second);
  const text = (said: string) => (isClass ? said : numberText(Number(said)));
  return (
    <div class="table-box" role="region" aria-label="Rows where they differ most" tabIndex={0}>
      <table class="compare-different">
        <caption>Rows where they differ most</caption>
        <thead>
          <tr>
            <th scope="col">Row</th><th scope="col">{names[0]}</th><th scope="col">{names[1]}</th><th scope="col">Difference</th>
            {hasTruth && <th scope="col">Truth</th>}
          </tr>
        </thead>
        <tbody>
          {measures.rows.map((one) => (
            <tr key={one.row}>
              <th scope="row">
                <button type="button" class="link-button" aria-label={`Put row ${String(one.row)} into the form`} onClick={() => { useRow(one.values); }}>{countText(one.row)}</button>
              </th>
              <td>{text(one.said[0])}</td>
              <td>{text(one.said[1])}</td>
              <td>{isClass ? percentText(one.difference) : numberText(one.difference)}</td>
              {hasTruth && <td>{one.truth}</td>}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
