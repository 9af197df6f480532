import { useEffect, useState } from 'preact/hooks';
import { Button } from '../components/button';
import { countText, numberText, percentText } from '../components/text';
import { newestOnly } from '../timing';
import { useRow } from '../state';
import { goToTab } from '../tabs';
import type { Filter, Order, Question, ShownPage, ShownRow, View } from './messages';
import { question, type Scored } from './scoring';

const pageRows = 25;
/** A wide file is cut on screen; the download has all of it. */
const columnsMax = 40;

interface Place extends View {
  readonly from: number;
}

/** The rows with their answers, a page at a time. */
export function ResultsTable({ scored }: { scored: Scored }) {
  const [place, setPlace] = useState<Place>({ filter: 'all', order: 'file', from: 0 });
  const page = usePage(scored, place);
  return (
    <section class="card results" aria-labelledby="results-title">
      <div class="results-head">
        <h2 id="results-title">Rows</h2>
        <Views scored={scored} place={place} onChoose={setPlace} />
      </div>
      {page !== null && (page.nRows === 0 ? <p class="measures-none">There is no such row.</p> : <Rows scored={scored} page={page} />)}
      {page !== null && <Pager nRows={page.nRows} place={place} onChoose={setPlace} />}
    </section>
  );
}

function usePage({ table }: Scored, place: Place): ShownPage | null {
  const [page, setPage] = useState<ShownPage | null>(null);
  const [ask] = useState(() =>
    newestOnly(async ({ asked, at }: { asked: Question; at: Place }) => {
      const view = { filter: at.filter, order: at.order };
      const shown = await table.ask({ ask: 'page', question: asked, view, from: at.from, count: pageRows }).catch(() => null);
      if (shown !== null) setPage(shown);
    }),
  );
  useEffect(() => { ask({ asked: question.value, at: place }); }, [ask, question.value, place]);
  return page;
}

interface PlaceProps {
  readonly place: Place;
  readonly onChoose: (place: Place) => void;
}

function Views({ scored, place, onChoose }: PlaceProps & { readonly scored: Scored }) {
  const { predictor, summary } = scored;
  const isClass = predictor.card.outputs[question.value.output]?.kind === 'class';
  const hasTruth = question.value.truth !== null;
  return (
    <div class="views">
      <label class="view">
        <span>Show</span>
        <select class="select" value={place.filter} onChange={(event) => { onChoose({ ...place, from: 0, filter: event.currentTarget.value as Filter }); }}>
          <option value="all">all rows</option>
          {isClass && hasTruth && <option value="wrong">wrong answers</option>}
          {summary.nUnreadable > 0 && <option value="unreadable">rows without an answer</option>}
        </select>
      </label>
      <label class="view">
        <span>Order</span>
        <select class="select" value={place.order} onChange={(event) => { onChoose({ ...place, from: 0, order: event.currentTarget.value as Order }); }}>
          <option value="file">as in the file</option>
          {isClass && <option value="unsure">least sure first</option>}
          {hasTruth && <option value="error">largest error first</option>}
        </select>
      </label>
    </div>
  );
}

function Rows({ scored, page }: { scored: Scored; page: ShownPage }) {
  const { columns, features, others } = scored.summary;
  const shown = [...others, ...features].slice(0, columnsMax);
  const isClass = scored.predictor.card.outputs[question.value.output]?.kind === 'class';
  return (
    <div class="table-box" role="region" aria-label="Rows with their answers" tabIndex={0}>
      <table class="rows">
        <thead>
          <tr>
            <th scope="col">Row</th>
            <th scope="col">Answer</th>
            {isClass && <th scope="col">Sure</th>}
            {shown.map((c) => <th key={c} scope="col">{columns[c]}</th>)}
          </tr>
        </thead>
        <tbody>
          {page.rows.map((row) => <Row key={row.row} row={row} columns={shown} isClass={isClass} />)}
        </tbody>
      </table>
    </div>
  );
}

function Row({ row, columns, isClass }: { row: ShownRow; columns: readonly number[]; isClass: boolean }) {
  const { truth } = question.value;
  return (
    <tr class={row.right === false ? 'row-wrong' : ''}>
      <th scope="row">
        {row.values === null ? countText(row.row) : <AskButton row={row.row} values={row.values} />}
      </th>
      {row.why === null ? (
        <td class="row-answer">{isClass ? row.answer : numberText(Number(row.answer))}</td>
      ) : (
        <td class="row-why">{row.why}</td>
      )}
      {isClass && <td>{percentText(row.sureness)}</td>}
      {columns.map((c) => (
        <td key={c}>
          {row.cells[c]}
          {c === truth && row.right === false && <span class="row-mark"> ✗<span class="hidden"> wrong answer</span></span>}
        </td>
      ))}
    </tr>
  );
}

/** Takes a row of the file to the form. */
function AskButton({ row, values }: { row: number; values: readonly number[] }) {
  return (
    <button
      type="button"
      class="link-button"
      aria-label={`Look at row ${String(row)} closely`}
      onClick={() => {
        useRow(values);
        goToTab('predict');
      }}
    >
      {countText(row)}
    </button>
  );
}

function Pager({ nRows, place, onChoose }: PlaceProps & { readonly nRows: number }) {
  const last = Math.max(0, Math.floor((nRows - 1) / pageRows) * pageRows);
  const go = (from: number) => { onChoose({ ...place, from: Math.min(Math.max(from, 0), last) }); };
  const to = Math.min(place.from + pageRows, nRows);
  if (nRows === 0) return null;
  return (
    <nav class="pager" aria-label="Pages of rows">
      <Button off={place.from === 0} onClick={() => { go(0); }}>First</Button>
      <Button off={place.from === 0} onClick={() => { go(place.from - pageRows); }}>Back</Button>
      <span role="status">
        {countText(place.from + 1)}–{countText(to)} of {countText(nRows)}
      </span>
      <Button off={place.from >= last} onClick={() => { go(place.from + pageRows); }}>Next</Button>
      <Button off={place.from >= last} onClick={() => { go(last); }}>Last</Button>
    </nav>
  );
}
