import { sentenceOf, type BrowserPredictor } from '../predictor';
import type { Answers, Batch } from './messages';

type Block = Pick<Batch, 'values' | 'nRows'>;

/** A block with a row that the model refuses is asked about row by row. */
export async function answersTo(batch: Block, predictor: BrowserPredictor): Promise<Answers> {
  const nothing = { decisions: new Float64Array(), probabilities: new Float64Array(), refused: [] };
  if (batch.nRows === 0) return nothing;
  try {
    return { ...(await predictor.answerRows(batch.values)), refused: [] };
  } catch {
    return rowByRow(batch, predictor);
  }
}

async function rowByRow({ values, nRows }: Block, predictor: BrowserPredictor): Promise<Answers> {
  const width = values.length / nRows;
  const { outputs } = predictor.card;
  const nClasses = outputs.reduce((count, { labels }) => count + labels.length, 0);
  const decisions = new Float64Array(nRows * outputs.length).fill(NaN);
  const probabilities = new Float64Array(nRows * nClasses).fill(NaN);
  const refused: { row: number; why: string }[] = [];
  for (let r = 0; r < nRows; ++r) {
    try {
      const answer = await predictor.answerRows(values.slice(r * width, (r + 1) * width));
      decisions.set(answer.decisions, r * outputs.length);
      probabilities.set(answer.probabilities, r * nClasses);
    } catch (cause) {
      // The model counts from the first row of what it was asked.
      refused.push({ row: r, why: sentenceOf(cause).replace(/^row 1, /, '') });
    }
  }
  return { decisions, probabilities, refused };
}
