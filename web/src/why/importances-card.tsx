import type { Importances } from 'copse';
import { useEffect, useState } from 'preact/hooks';
import { percentText, roundedText } from '../components/text';
import { sentenceOf, type BrowserPredictor } from '../predictor';
import { decimalsFor } from './terms';
import { sentenceText } from './text';

type Kind = keyof Importances;

const kinds: readonly { readonly kind: Kind; readonly title: string; readonly meaning: string }[] = [
  { kind: 'gain', title: 'Gain', meaning: 'What the splits on a feature improved in training, as the library counts it.' },
  { kind: 'cover', title: 'Cover', meaning: 'How much training weight came to the splits on a feature.' },
  { kind: 'splits', title: 'Splits', meaning: 'How many nodes test a feature.' },
];

const nAtFirst = 10;
const nMax = 200;

/** What the model as a whole makes of its features, whatever the row. */
export function ImportancesCard({ predictor }: { predictor: BrowserPredictor }) {
  const [known, setKnown] = useState<Importances | null>(null);
  const [problem, setProblem] = useState('');
  const [chosen, setChosen] = useState<Kind | null>(null);
  useEffect(() => {
    let wanted = true;
    predictor.importances().then(
      (importances) => { if (wanted) setKnown(importances); },
      (cause: unknown) => { if (wanted) setProblem(sentenceOf(cause)); },
    );
    return () => { wanted = false; };
  }, [predictor]);
  if (problem !== '') return <p class="note note-warn">{sentenceText(problem)}</p>;
  if (known === null) return null;
  const offered = kinds.filter(({ kind }) => known[kind] !== null);
  const shown = offered.find(({ kind }) => kind === chosen) ?? offered[0];
  const values = shown === undefined ? null : known[shown.kind];
  if (shown === undefined || values === null) return null;
  return (
    <section class="card importances" aria-labelledby="importances-title">
      <h2 id="importances-title">What the model uses</h2>
      {offered.length > 1 && <fieldset class="switch importances-kinds">
        <legend class="hidden">Counted by</legend>
        <div class="switch-choices">
          {offered.map(({ kind, title }) => (
            <label key={kind} class="switch-choice">
              <input type="radio" name="importance" value={kind} checked={kind === shown.kind} onChange={() => { setChosen(kind); }} />
              <span>{title}</span>
            </label>
          ))}
        </div>
      </fieldset>}
      <p class="why-soft">{shown.meaning} For all rows, not for this one.</p>
      <Bars predictor={predictor} values={values} title={shown.title} />
    </section>
  );
}

function Bars({ predictor, values, title }: { predictor: BrowserPredictor; values: Float64Array; title: string }) {
  const [all, setAll] = useState(false);
  const order = Array.from(values, (_, f) => f);
  order.sort((a, b) => (values[b] ?? 0) - (values[a] ?? 0) || a - b);
  const largest = values[order[0] ?? 0] ?? 0;
  const decimals = decimalsFor([largest]);
  const amount = (x: number) => roundedText(x, decimals);
  const total = values.reduce((sum, x) => sum + x, 0);
  if (!(total > 0)) return <p class="why-soft">It is 0 for every feature.</p>;
  return (
    <>
      <table class="importance-bars">
        <colgroup>
          <col class="importance-names" />
          <col />
          <col class="importance-counts" />
          <col class="importance-shares" />
        </colgroup>
        <thead class="hidden">
          <tr>
            <th scope="col">Feature</th>
            <th scope="col">Bar</th>
            <th scope="col">{title}</th>
            <th scope="col">Share</th>
          </tr>
        </thead>
        <tbody>
          {order.slice(0, all ? nMax : nAtFirst).map((f) => (
            <tr key={f}>
              <th scope="row">{predictor.card.features[f]?.title}</th>
              <td class="importance-bar">
                <svg viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true">
                  <rect class="importance-fill" width={(1000 * (values[f] ?? 0)) / largest} height={10} />
                </svg>
              </td>
              <td class="importance-count">{amount(values[f] ?? 0)}</td>
              <td class="importance-share">{percentText((values[f] ?? 0) / total)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {order.length > nAtFirst && (
        <button type="button" class="button" aria-pressed={all} onClick={() => { setAll(!all); }}>
          {all ? `Show the ${String(nAtFirst)} largest` : `Show ${order.length > nMax ? `the ${String(nMax)} largest` : `all ${String(order.length)}`}`}
        </button>
      )}
    </>
  );
}
