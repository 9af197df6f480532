import type { OutputCard } from '../model-card';
import { CellError, type RowRules } from '../score/cells';
import { findColumns, readRow, type Columns } from '../score/columns';
import { Growing } from '../score/growing';
import type { Answers } from '../score/messages';
import { FileError, type Cells, type RecordSource } from '../score/records';
import { isLikelyTruth, readTruth } from '../score/truth';
import { classesOf } from '../what-if/said';
import { labelsOfBoth } from './match';
import type { Both, DifferentRow, PairBatch, PairMeasures } from './messages';

const rowsMax = 500_000;
const batchRows = 4096;
const differentShown = 50;

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
    if (this.#nRead > rowsMax) throw new FileError(`it has more than ${rowsMax.toLocaleString('en')} rows: expected fewer for two models at once`);
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
    const [a, b] = [first.outputs[output[0]], second.outputs[output[1]]];
    if (a === undefined || b === undefined) throw new FileError('the models have no output in common');
    const columns = first.columns?.names ?? [];
    const others = columns.map((_, c) => c).filter((c) => !this.#sides.some((side) => side.columns?.featureAt.includes(c)));
    const cellsOf = (c: number) => this.#rows.map(({ cells }) => cells[c] ?? '');
    const cards = [a, b] as const;
    const isClass = a.kind === 'class';
    const labels = labelsOfBoth(a, b);
    const secondInFirst = b.labels.map((label) => a.labels.indexOf(label));
    const said = (s: 0 | 1, r: number) => this.#sides[s].decisions.at(r * this.#sides[s].outputs.length + output[s]);
    const layout = this.#sides.map((side, s) => classesOf(side, output[s as 0 | 1]));
    const probability = (s: 0 | 1, r: number, k: number) => (k < 0 ? 0 : this.#sides[s].probabilities.at(r * (layout[s]?.all ?? 0) + (layout[s]?.first ?? 0) + k));
    const n = this.#rows.length;
    const differences = Float64Array.from({ length: n }, (_, r) =>
      isClass ? labels.reduce((sum, one) => sum + Math.abs(probability(0, r, one.a) - probability(1, r, one.b)), 0) / 2 : Math.abs(said(0, r) - said(1, r)),
    );
    const same = (r: number) => said(0, r) === secondInFirst[said(1, r)];
    const counts = new Array<number>(a.labels.length * b.labels.length).fill(0);
    let nSame = 0;
    for (let r = 0; isClass && r < n; ++r) {
      nSame += Number(same(r));
      const place = said(0, r) * b.labels.length + said(1, r);
      counts[place] = (counts[place] ?? 0) + 1;
    }
    const truths = truth === null ? null : ([readTruth(cellsOf(truth), a), readTruth(cellsOf(truth), b)] as const);
    const judged = truths === null ? [] : Array.from({ length: n }, (_, r) => r).filter((r) => truths.some((side) => !Number.isNaN(side[r])));
    const quality = (s: 0 | 1) => judged.reduce((sum, r) => {
      const t = truths?.[s][r] ?? NaN;
      return sum + (isClass ? Number(said(s, r) === t) : Math.abs(said(s, r) - t));
    }, 0) / judged.length;
    const text = (s: 0 | 1, r: number) => (isClass ? (cards[s].labels[said(s, r)] ?? '') : String(said(s, r)));
    const width = first.rules.features.length;
    const most = Array.from({ length: n }, (_, r) => r)
      .filter((r) => (differences[r] ?? 0) > 0 || (isClass && !same(r)))
      .sort((i, j) => (isClass ? Number(same(i)) - Number(same(j)) : 0) || (differences[j] ?? 0) - (differences[i] ?? 0) || i - j)
      .slice(0, differentShown)
      .map((r): DifferentRow => ({
        row: this.#rows[r]?.row ?? 0,
        said: [text(0, r), text(1, r)],
        difference: differences[r] ?? NaN,
        truth: truth === null ? '' : (this.#rows[r]?.cells[truth] ?? ''),
        values: [...first.values.view().subarray(r * width, (r + 1) * width)],
      }));
    return {
      nRows: n,
      nSkipped: this.#skipped.length,
      firstSkipped: this.#skipped[0] ?? '',
      columns,
      others,
      likelyTruth: others.find((c) => isLikelyTruth(columns[c] ?? '', readTruth(cellsOf(c), a), a)) ?? null,
      agreement: isClass ? nSame / n : NaN,
      counts: isClass ? counts : [],
      meanDifference: differences.reduce((sum, x) => sum + x, 0) / n,
      largestDifference: differences.reduce((most1, x) => Math.max(most1, x), 0),
      quality: [quality(0), quality(1)],
      nJudged: judged.length,
      rows: most,
    };
  }
}
