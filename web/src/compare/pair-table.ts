import { countText } from '../components/text';
import type { OutputCard } from '../model-card';
import { CellError, type RowRules } from '../score/cells';
import { findColumns, readRow, type Columns } from '../score/columns';
import { Growing } from '../score/growing';
import type { Answers } from '../score/messages';
import { FileError, type Cells, type RecordSource } from '../score/records';
import { isLikelyTruth } from '../score/truth';
import { classesOf } from '../what-if/said';
import type { Both, PairBatch, PairMeasures } from './messages';
import { measure, truthIn, type SideAnswers } from './pair-measures';

const rowsMax = 500_000;
const batchRows = 4096;

/** One model's side of the table. */
interface Side {
  readonly rules: RowRules;
  readonly outputs: readonly OutputCard[];
  columns: Columns | null;
  readonly values: Growing;
  readonly decisions: Growing;
  readonly probabilities: Growing;
}

/** Rows of one file that two models answer. A row counts when both can read it. */
export class PairTable {
  readonly #source: RecordSource;
  readonly #sides: Both<Side>;
  #waiting: Cells[] = [];
  #progress = 0;
  #nRead = 0;
  /** Number in the file, and cells, of the rows that both answered. */
  readonly #rows: { readonly row: number; readonly cells: Cells }[] = [];
  #asked: { readonly row: number; readonly cells: Cells }[] = [];
  #batch: PairBatch | null = null;
  readonly #skipped: string[] = [];

  constructor(source: RecordSource, rules: Both<RowRules>, outputs: Both<readonly OutputCard[]>) {
    this.#source = source;
    const side = (i: 0 | 1): Side => ({ rules: rules[i], outputs: outputs[i], columns: null, values: new Growing(), decisions: new Growing(), probabilities: new Growing() });
    this.#sides = [side(0), side(1)];
  }

  async next(): Promise<PairBatch | null> {
    while (this.#waiting.length < batchRows) {
      const piece = await this.#source.pieces.next();
      if (piece.done === true) break;
      this.#progress = piece.value.progress;
      for (const record of piece.value.records) this.#waiting.push(record);
      if (this.#waiting.length > 0 && this.#sides[0].columns === null) this.#open();
    }
    if (this.#waiting.length === 0) {
      if (this.#nRead === 0) throw new FileError('it has no rows');
      return null;
    }
    const records = this.#waiting.slice(0, batchRows);
    this.#waiting = this.#waiting.slice(batchRows);
    const numbers = this.#sides.map(({ rules }) => new Float64Array(records.length * rules.features.length));
    this.#asked = [];
    for (const cells of records) this.#readBoth(cells, numbers);
    if (this.#nRead > rowsMax) throw new FileError(`it has more than ${countText(rowsMax)} rows: expected fewer for two models at once`);
    const n = this.#asked.length;
    const used = (i: 0 | 1) => (numbers[i] ?? new Float64Array()).slice(0, n * this.#sides[i].rules.features.length);
    this.#batch = { values: [used(0), used(1)], nRows: n, progress: this.#progress };
    return this.#batch;
  }

  #open(): void {
    const first = this.#waiting[0] ?? [];
    const names = this.#source.names();
    const found = this.#sides.map((side) => (side.columns = findColumns(first, names, side.rules)));
    if (found.every(({ hasHeader }) => !hasHeader)) return;
    if (found.some(({ hasHeader }) => !hasHeader)) throw new FileError('its first line names the columns of one model only: expected a header with the features of both');
    this.#waiting.shift();
  }

  #readBoth(cells: Cells, numbers: readonly Float64Array[]): void {
    const row = ++this.#nRead;
    try {
      this.#sides.forEach(({ columns, rules }, i) => {
        const width = rules.features.length;
        const at = this.#asked.length * width;
        if (columns !== null) readRow(cells, columns, rules, numbers[i]?.subarray(at, at + width) ?? new Float64Array());
      });
      this.#asked.push({ row, cells });
    } catch (cause) {
      if (!(cause instanceof CellError)) throw cause;
      this.#skipped.push(`row ${String(row)}: ${cause.message}`);
    }
  }

  keep(answers: Both<Answers>): void {
    const why = new Map(answers.flatMap(({ refused }) => refused.map((one) => [one.row, one.why] as const)));
    const kept = this.#asked.map((_, i) => i).filter((i) => !why.has(i));
    for (const [i, reason] of why) this.#skipped.push(`row ${String(this.#asked[i]?.row ?? 0)}: ${reason}`);
    for (const i of kept) {
      const one = this.#asked[i];
      if (one !== undefined) this.#rows.push(one);
    }
    const n = this.#asked.length;
    const rowsOf = (numbers: Float64Array) => {
      const width = numbers.length / n;
      if (kept.length === n || width === 0) return numbers;
      return Float64Array.from(kept.flatMap((i) => [...numbers.subarray(i * width, (i + 1) * width)]));
    };
    this.#sides.forEach((side, s) => {
      const answer = answers[s as 0 | 1];
      side.values.push(rowsOf(this.#batch?.values[s as 0 | 1] ?? new Float64Array()));
      side.decisions.push(rowsOf(answer.decisions));
      side.probabilities.push(rowsOf(answer.probabilities));
    });
  }

  /** How the two stand to one another and, where `truth` is a column, to the truth. */
  compare(output: Both<number>, truth: number | null): PairMeasures {
    const [first, second] = this.#sides;
    const columns = first.columns?.names ?? [];
    const others = columns.map((_, c) => c).filter((c) => !this.#sides.some((side) => side.columns?.featureAt.includes(c)));
    const answered = { rows: this.#rows, sides: [answersOf(first, output[0]), answersOf(second, output[1])] as const, values: first.values.view(), width: first.rules.features.length };
    return {
      ...measure(answered, truth),
      nSkipped: this.#skipped.length,
      firstSkipped: this.#skipped[0] ?? '',
      columns,
      others,
      likelyTruth: others.find((c) => isLikelyTruth(columns[c] ?? '', truthIn(answered, c, 0), answered.sides[0].card)) ?? null,
    };
  }
}

/** What one model said about one of its outputs. */
function answersOf({ outputs, decisions, probabilities }: Side, output: number): SideAnswers {
  const card = outputs[output];
  if (card === undefined) throw new FileError('the models have no output in common');
  const { all, first } = classesOf({ outputs }, output);
  return {
    card,
    said: (r) => decisions.at(r * outputs.length + output),
    probability: (r, k) => (k < 0 ? 0 : probabilities.at(r * all + first + k)),
  };
}
