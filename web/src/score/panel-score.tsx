import { useEffect } from 'preact/hooks';
import './panel-score.css';
import type { PanelProps } from '../components/lazy-panel';
import { FileChooser } from './file-chooser';
import { MeasuresCard } from './measures-card';
import { ResultsTable } from './results-table';
import { ScoredSummary } from './scored-summary';
import { droppedRows } from '../state';
import { forgetFile, scoreFile, scoring } from './scoring';

/** Rows of a file, all answered at once: how well, and which ones. */
export function ScorePanel({ predictor }: PanelProps) {
  const now = scoring.value;
  useEffect(() => {
    // Answers of another model than the one on screen are gone with it.
    if (now.status === 'done' && now.predictor !== predictor) forgetFile();
  }, [now, predictor]);
  useEffect(() => {
    const file = droppedRows.value;
    if (file === null) return;
    droppedRows.value = null;
    void scoreFile(file, file.name, predictor);
  }, [droppedRows.value, predictor]);
  if (now.status !== 'done' || now.predictor !== predictor) return <FileChooser predictor={predictor} />;
  return (
    <div class="score">
      <ScoredSummary scored={now} />
      <MeasuresCard scored={now} />
      <ResultsTable scored={now} />
    </div>
  );
}
