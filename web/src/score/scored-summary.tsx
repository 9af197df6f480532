import { useState } from 'preact/hooks';
import { Button } from '../components/button';
import { countText } from '../components/text';
import { saveBlob } from '../save-blob';
import { forgetFile, question, type Scored } from './scoring';

/** Which file was scored, what could not be, and the way out with the answers. */
export function ScoredSummary({ scored }: { scored: Scored }) {
  const { summary, name, ms } = scored;
  return (
    <section class="card scored" aria-labelledby="scored-title">
      <div class="scored-head">
        <div>
          <h2 id="scored-title" class="scored-name">{name}</h2>
          <p class="scored-facts" role="status">
            {countText(summary.nRows)} rows in {timeText(ms)}
            {summary.nUnreadable > 0 && `, ${countText(summary.nUnreadable)} of them without an answer`}
          </p>
        </div>
        <div class="scored-ways">
          <SaveButton scored={scored} />
          <button type="button" class="button" onClick={forgetFile}>
            Another file
          </button>
        </div>
      </div>
      {summary.nUnreadable > 0 && <Unreadable scored={scored} />}
    </section>
  );
}

function timeText(ms: number): string {
  return ms < 1000 ? `${String(Math.max(1, Math.round(ms)))} ms` : `${(ms / 1000).toFixed(1)} s`;
}

function SaveButton({ scored }: { scored: Scored }) {
  const [busy, setBusy] = useState(false);
  const save = async () => {
    setBusy(true);
    const blob = await scored.table.ask({ ask: 'save', question: question.value });
    saveBlob(blob, `${scored.name.replace(/\.[^.]*$/, '').replaceAll(' ', '-')}-predictions.csv`);
    setBusy(false);
  };
  return (
    <Button class="button-main" off={busy} onClick={() => void save()}>
      Download predictions as CSV
    </Button>
  );
}

function Unreadable({ scored: { summary } }: { scored: Scored }) {
  const more = summary.nUnreadable - summary.unreadable.length;
  return (
    <details class="unreadable" open={summary.nUnreadable <= 5}>
      <summary>Rows without an answer, and why</summary>
      <ul>
        {summary.unreadable.map(({ row, why }) => (
          <li key={row}>Row {countText(row)}: {why}.</li>
        ))}
        {more > 0 && <li>… and {countText(more)} more</li>}
      </ul>
    </details>
  );
}
