import { useEffect, useState } from 'preact/hooks';
import { Button } from '../components/button';
import { countText, numberText } from '../components/text';
import type { ModelCard } from '../model-card';
import { useRow } from '../state';
import { goToTab } from '../tabs';
import type { RecordedRow } from './questions';
import { asking, look, rowsAtFirst, rowsAtMost, type Watched } from './watching';

const pageRows = 20;
/** A wide row is cut on screen. */
const columnsMax = 30;

interface CardProps {
  readonly now: Watched;
  readonly card: ModelCard;
}

/** What the server was asked last, newest first. */
export function PredictionsCard({ now, card }: CardProps) {
  const { predictions } = now;
  return (
    <section class="card" aria-labelledby="predictions-title">
      <h2 id="predictions-title">Recent predictions</h2>
      {predictions.kind === 'here' && <Pages now={now} rows={predictions.value} card={card} />}
      {predictions.kind === 'no-server' && (
        <p class="server-lead">
          This server does not show them. It does with <code>--predictions-route</code>, to whoever has its token.
        </p>
      )}
      {predictions.kind === 'token' && <p class="note note-warn">{predictions.message} Where operators have a token of their own, it is that one.</p>}
      {!['here', 'no-server', 'token'].includes(predictions.kind) && 'message' in predictions && <p class="note note-warn">{predictions.message}</p>}
    </section>
  );
}

function Pages({ now, rows, card }: CardProps & { readonly rows: readonly RecordedRow[] }) {
  const [wanted, setFrom] = useState(0);
  // After a refresh there may be fewer.
  const from = Math.min(wanted, Math.floor(Math.max(0, rows.length - 1) / pageRows) * pageRows);
  const newest = rows[0]?.seq;
  // Newer rows are looked at from the beginning.
  useEffect(() => { setFrom(0); }, [newest]);
  if (rows.length === 0) return <p class="server-lead">Nothing is recorded yet.</p>;
  const shown = rows.slice(from, from + pageRows);
  const atEnd = from + pageRows >= rows.length;
  const hasMore = rows.length === rowsAtFirst;
  return (
    <>
      <PredictionTable rows={shown} card={card} />
      <nav class="server-pager" aria-label="Pages of predictions">
        <Button off={from === 0} onClick={() => { setFrom(Math.max(0, from - pageRows)); }}>Newer</Button>
        <span role="status">
          {from + 1}–{from + shown.length} of the last {countText(rows.length)}
        </span>
        <Button off={atEnd} onClick={() => { setFrom(from + pageRows); }}>Older</Button>
        {atEnd && hasMore && (
          <Button off={asking.value} then=".server-pager [aria-disabled]:nth-child(3)" onClick={() => void look(now.model, rowsAtMost)}>
            Show up to {countText(rowsAtMost)}
          </Button>
        )}
      </nav>
    </>
  );
}

function PredictionTable({ rows, card }: { readonly rows: readonly RecordedRow[]; readonly card: ModelCard }) {
  const isOurs = (row: RecordedRow) => row.model === card.name && row.input.length === card.features.length;
  const named = rows.some(isOurs);
  const columns = named ? card.features.slice(0, columnsMax) : [];
  const several = rows.some(({ model, version }) => model !== rows[0]?.model || version !== rows[0].version);
  return (
    <div class="table-box" role="region" aria-label="Rows that were recorded" tabIndex={0}>
      <table class="server-table server-rows">
        <thead>
          <tr>
            <th scope="col">Time</th>
            <th scope="col">Answer</th>
            {(several || !named) && <th scope="col">Model</th>}
            {columns.map(({ name }) => <th key={name} scope="col" class="server-number">{name}</th>)}
            {(!named || !rows.every(isOurs)) && <th scope="col">Row</th>}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.seq}>
              <th scope="row">
                <TimeOf row={row} card={isOurs(row) && row.version === card.version ? card : null} />
              </th>
              <td class="server-answer">{answerText(row.answer)}</td>
              {(several || !named) && <td>{row.model} <code class="server-here">{row.version}</code></td>}
              {isOurs(row)
                ? columns.map((_, i) => <td key={i} class="server-number">{cellText(row.input[i])}</td>)
                : columns.map((_, i) => <td key={i} />)}
              {(!named || !rows.every(isOurs)) && <td class="server-input">{isOurs(row) ? '' : row.input.map(cellText).join(', ')}</td>}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** When it was; where the page has the same model, a way to take the row to the form. */
function TimeOf({ row, card }: { readonly row: RecordedRow; readonly card: ModelCard | null }) {
  const text = timeText(row.time);
  const values = card === null ? null : valuesOf(row.input, card);
  if (values === null) return <time dateTime={row.time}>{text}</time>;
  return (
    <button
      type="button"
      class="link-button"
      aria-label={`Look at the row of ${text} closely`}
      onClick={() => {
        useRow(values);
        goToTab('predict');
      }}
    >
      <time dateTime={row.time}>{text}</time>
    </button>
  );
}

/** Numbers for the form: a text is a category's. Null where it is none. */
function valuesOf(input: readonly unknown[], card: ModelCard): number[] | null {
  const values = card.features.map(({ categories }, i) => {
    const x = input[i];
    if (x === null) return NaN;
    if (typeof x === 'number') return x;
    const code = typeof x === 'string' ? categories.indexOf(x) : -1;
    return code < 0 ? undefined : code;
  });
  return values.every((x) => x !== undefined) ? values : null;
}

function timeText(time: string): string {
  const at = new Date(time);
  if (Number.isNaN(at.getTime())) return time;
  const clock = at.toLocaleTimeString('en-GB');
  const day = at.toLocaleDateString('en-GB', { dateStyle: 'medium' });
  return day === new Date().toLocaleDateString('en-GB', { dateStyle: 'medium' }) ? clock : `${day}, ${clock}`;
}

function answerText(answer: string): string {
  const x = Number(answer);
  return answer === '' || Number.isNaN(x) ? answer : numberText(x);
}

function cellText(x: unknown): string {
  if (x === null || x === undefined) return 'missing';
  return typeof x === 'number' ? numberText(x) : typeof x === 'string' ? x : JSON.stringify(x);
}
