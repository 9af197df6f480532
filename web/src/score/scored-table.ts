import Papa from 'papaparse';
import { countText } from '../components/text';
import type { OutputCard } from '../model-card';
import { CellError, type RowRules } from './cells';
import { findColumns, readRow, type Columns } from './columns';
import { Growing } from './growing';
import { measureClasses, measureValues, type Judged, type Measures } from './measures';
import type { Answers, Batch, Filter, Question, ShownPage, ShownRow, Summary, View } from './messages';
import { FileError, type Cells, type RecordSource } from './records';
import { isLikelyTruth, readTruth } from './truth';

/** Rows that a page can hold in memory; larger files are work for the command line. */
const rowsMax = 1_000_000;
const batchRows = 4096;
const listedMax = 100;

/** The rows of one file with their answers. */
export class ScoredTable {
  readonly #source: RecordSource;
  readonly #rules: RowRules;
  readonly #outputs: readonly OutputCard[];
  #columns: Columns | null = null;
  readonly #records: Cells[] = [];
  /** Records that were read and wait for their turn. */
  #waiting: Cells[] = [];
  #progress = 0;
  #ended = false;
  /** Rows of the last batch. */
  #asked: number[] = [];
  readonly #why = new Map<number, string>();
  readonly #values = new Growing();
  readonly #decisions = new Growing();
  readonly #probabilities = new Growing();
  /** Where the values of each row are; -1 where it has none. */
  readonly #placeOf: number[] = [];
  /** Column of each output's first class among the probabilities, and columns in all. */
  readonly #firstClass: readonly number[];
  readonly #nClasses: number;
  readonly #truths = new Map<string, Float64Array>();
  readonly #views = new Map<string, readonly number[]>();

  constructor(source: RecordSource, rules: RowRules, outputs: readonly OutputCard[]) {
    this.#source = source;
    this.#rules = rules;
    this.#outputs = outputs;
    const widths = outputs.map(({ labels }) => labels.length);
    this.#firstClass = widths.map((_, k) => sum(widths.slice(0, k)));
    this.#nClasses = sum(widths);
  }

  /** The next rows that can be asked about; null at the end of the file. */
  async next(): Promise<Batch | null> {
    while (this.#waiting.length < batchRows && !this.#ended) await this.#read();
    if (this.#waiting.length === 0) return this.#end();
    const columns = (this.#columns ??= this.#open());
    const records = this.#waiting.slice(0, batchRows);
    this.#waiting = this.#waiting.slice(batchRows);
    const width = this.#rules.features.length;
    const values = new Float64Array(records.length * width);
    this.#asked = [];
    for (const record of records) {
      const row = this.#records.push(record) - 1;
      this.#placeOf.push(-1);
      try {
        readRow(record, columns, this.#rules, values.subarray(this.#asked.length * width, (this.#asked.length + 1) * width));
        this.#asked.push(row);
      } catch (cause) {
        if (!(cause instanceof CellError)) throw cause;
        this.#why.set(row, cause.message);
      }
    }
    if (this.#records.length > rowsMax) {
      throw new FileError(`it has more than ${countText(rowsMax)} rows: score it with the command \`copse predict\``);
    }
    return { values: values.slice(0, this.#asked.length * width), nRows: this.#asked.length, progress: this.#progress };
  }

  async #read(): Promise<void> {
    const piece = await this.#source.pieces.next();
    if (piece.done === true) {
      this.#ended = true;
      return;
    }
    this.#progress = piece.value.progress;
    for (const record of piece.value.records) this.#waiting.push(record);
    if (this.#columns === null && this.#waiting.length > 0) this.#columns = this.#open();
  }

  #open(): Columns {
    const columns = findColumns(this.#waiting[0] ?? [], this.#source.names(), this.#rules);
    if (columns.hasHeader) this.#waiting.shift();
    return columns;
  }

  #end(): null {
    if (this.#records.length === 0) throw new FileError('it has no rows');
    return null;
  }

  /** Takes what the model says about the last batch, whose numbers were `values`. */
  keep(values: Float64Array, answers: Answers): void {
    const why = new Map(answers.refused.map(({ row, why: reason }) => [row, reason]));
    this.#asked.forEach((row, i) => {
      const reason = why.get(i);
      if (reason === undefined) this.#placeOf[row] = this.#values.length / this.#rules.features.length + i;
      else this.#why.set(row, reason);
    });
    this.#values.push(values);
    this.#decisions.push(answers.decisions);
    this.#probabilities.push(answers.probabilities);
  }

  summary(): Summary {
    const columns = this.#columnsNow();
    const others = columns.names.map((_, c) => c).filter((c) => !columns.featureAt.includes(c));
    return {
      kind: this.#source.kind,
      nRows: this.#records.length,
      columns: columns.names,
      features: columns.featureAt,
      others,
      truths: this.#outputs.map((output, k) => others.find((c) => isLikelyTruth(columns.names[c] ?? '', this.#truthOf(c, k), output)) ?? null),
      nUnreadable: this.#why.size,
      unreadable: this.#unreadable().slice(0, listedMax).map((row) => ({ row: row + 1, why: this.#why.get(row) ?? '' })),
    };
  }

  #columnsNow(): Columns {
    if (this.#columns === null) throw new FileError('it has not been read');
    return this.#columns;
  }

  /** Rows without an answer, in the order of the file: keys come as they were found. */
  #unreadable(): number[] {
    return [...this.#why.keys()].sort((a, b) => a - b);
  }

  #truthOf(column: number, output: number): Float64Array {
    const key = `${String(column)} ${String(output)}`;
    const card = this.#outputs[output];
    const known = this.#truths.get(key);
    if (known !== undefined || card === undefined) return known ?? new Float64Array();
    const truth = readTruth(this.#records.map((record) => record[column] ?? ''), card);
    this.#truths.set(key, truth);
    return truth;
  }

  #decision(row: number, output: number): number {
    const place = this.#placeOf[row] ?? -1;
    return place < 0 ? NaN : this.#decisions.at(place * this.#outputs.length + output);
  }

  #probability(row: number, output: number, k: number): number {
    const place = this.#placeOf[row] ?? -1;
    return place < 0 ? NaN : this.#probabilities.at(place * this.#nClasses + (this.#firstClass[output] ?? 0) + k);
  }

  /** The class that a question makes of a row. */
  #classOf(row: number, { output, positive, threshold }: Question): number {
    const decided = this.#decision(row, output);
    if (positive === null || threshold === null || Number.isNaN(decided)) return decided;
    if (this.#probability(row, output, positive) >= threshold) return positive;
    if (decided !== positive) return decided;
    const labels = this.#outputs[output]?.labels ?? [];
    const rest = labels.map((_, k) => k).filter((k) => k !== positive);
    return rest.reduce((best, k) => (this.#probability(row, output, k) > this.#probability(row, output, best) ? k : best), rest[0] ?? 0);
  }

  measure(question: Question): Measures | null {
    const output = this.#outputs[question.output];
    if (question.truth === null || output === undefined) return null;
    const truth = this.#truthOf(question.truth, question.output);
    const rows = this.#placeOf.map((_, row) => row).filter((row) => !Number.isNaN(truth[row]) && (this.#placeOf[row] ?? -1) >= 0);
    if (rows.length === 0) return null;
    if (output.kind !== 'class') {
      return measureValues(rows.map((row) => ({ truth: truth[row] ?? NaN, prediction: this.#decision(row, question.output) })));
    }
    return measureClasses(this.#labelsFor(question, output), this.#judged(rows, truth, question));
  }

  #labelsFor({ positive }: Question, { labels }: OutputCard): readonly string[] {
    if (positive === null) return labels;
    const [other, ...more] = labels.filter((_, k) => k !== positive);
    return [more.length === 0 && other !== undefined ? other : `not ${labels[positive] ?? ''}`, labels[positive] ?? ''];
  }

  *#judged(rows: readonly number[], truth: Float64Array, question: Question): Generator<Judged> {
    const { output, positive } = question;
    for (const row of rows) {
      const of = (k: number) => this.#probability(row, output, k);
      const t = truth[row] ?? NaN;
      const p = this.#classOf(row, question);
      if (positive === null) {
        yield { truth: t, prediction: p, ofTruth: of(t), ofSecond: of(1) };
        continue;
      }
      const score = of(positive);
      const isPositive = t === positive;
      yield { truth: Number(isPositive), prediction: Number(p === positive), ofTruth: isPositive ? score : 1 - score, ofSecond: score };
    }
  }

  page(question: Question, view: View, from: number, count: number): ShownPage {
    const rows = this.#rowsOf(question, view);
    return { nRows: rows.length, rows: rows.slice(from, from + count).map((row) => this.#shown(row, question)) };
  }

  #rowsOf(question: Question, view: View): readonly number[] {
    const key = JSON.stringify([question, view]);
    const known = this.#views.get(key);
    if (known !== undefined) return known;
    const rows = this.#sorted(this.#filtered(question, view.filter), question, view);
    // The last one is enough: pages are turned, and thresholds pulled.
    this.#views.clear();
    this.#views.set(key, rows);
    return rows;
  }

  #filtered(question: Question, filter: Filter): number[] {
    if (filter === 'unreadable') return this.#unreadable();
    const all = this.#placeOf.map((_, row) => row);
    return filter === 'wrong' ? all.filter((row) => this.#isRight(row, question) === false) : all;
  }

  #sorted(rows: number[], question: Question, { order }: View): number[] {
    if (order === 'file') return rows;
    const key = Float64Array.from(rows, (row) => (order === 'unsure' ? this.#sureness(row, question) : -this.#error(row, question)));
    const places = rows.map((_, i) => i).sort((a, b) => compare(key[a] ?? NaN, key[b] ?? NaN) || a - b);
    return places.map((i) => rows[i] ?? 0);
  }

  #sureness(row: number, question: Question): number {
    return this.#probability(row, question.output, this.#classOf(row, question));
  }

  /** How far an answer is from the truth. */
  #error(row: number, question: Question): number {
    if (question.truth === null) return NaN;
    const truth = this.#truthOf(question.truth, question.output)[row] ?? NaN;
    const isClass = this.#outputs[question.output]?.kind === 'class';
    return isClass ? 1 - this.#probability(row, question.output, truth) : Math.abs(this.#decision(row, question.output) - truth);
  }

  #isRight(row: number, question: Question): boolean | null {
    if (question.truth === null || this.#outputs[question.output]?.kind !== 'class') return null;
    const truth = this.#truthOf(question.truth, question.output)[row] ?? NaN;
    const said = this.#classOf(row, question);
    if (Number.isNaN(truth) || Number.isNaN(said)) return null;
    return question.positive === null ? truth === said : (truth === question.positive) === (said === question.positive);
  }

  #shown(row: number, question: Question): ShownRow {
    const width = this.#rules.features.length;
    const place = this.#placeOf[row] ?? -1;
    return {
      row: row + 1,
      cells: (this.#records[row] ?? []).map((cell) => cell ?? ''),
      values: place < 0 ? null : [...this.#values.view().subarray(place * width, (place + 1) * width)],
      why: this.#why.get(row) ?? null,
      answer: this.#text(row, question),
      sureness: this.#sureness(row, question),
      right: this.#isRight(row, question),
    };
  }

  /** What is said about a row, as text. */
  #text(row: number, question: Question): string {
    if ((this.#placeOf[row] ?? -1) < 0) return '';
    const output = this.#outputs[question.output];
    if (output?.kind === 'class') return output.labels[this.#classOf(row, question)] ?? '';
    return String(this.#decision(row, question.output));
  }

  /** The file again as CSV, with the answers behind its columns. */
  save(question: Question): Blob {
    const parts: string[] = [`${Papa.unparse([this.#savedHeader()])}\r\n`];
    const step = 8192;
    for (let from = 0; from < this.#records.length; from += step) {
      const rows = this.#records.slice(from, from + step).map((record, i) => this.#savedRow(record, from + i, question));
      parts.push(`${Papa.unparse(rows)}\r\n`);
    }
    return new Blob(parts, { type: 'text/csv;charset=utf-8' });
  }

  #savedHeader(): string[] {
    const alone = this.#outputs.length === 1;
    const answers = this.#outputs.flatMap((output) => {
      const name = alone ? 'prediction' : `prediction_${output.name}`;
      return [name, ...output.labels.map((label) => (alone ? `probability_${label}` : `probability_${output.name}_${label}`))];
    });
    return [...this.#columnsNow().names, ...answers, ...(this.#why.size > 0 ? ['error'] : [])];
  }

  #savedRow(record: Cells, row: number, question: Question): string[] {
    const width = this.#columnsNow().names.length;
    const cells = Array.from({ length: width }, (_, c) => record[c] ?? '');
    const why = this.#why.get(row);
    const answers = this.#outputs.flatMap((output, k) => {
      // A threshold belongs to the output that it was set for.
      const asked = k === question.output ? question : { output: k, truth: null, positive: null, threshold: null };
      const numbers = output.labels.map((_, c) => this.#probability(row, k, c));
      return [this.#text(row, asked), ...numbers.map((x) => (why === undefined ? String(x) : ''))];
    });
    return [...cells, ...answers, ...(this.#why.size > 0 ? [why ?? ''] : [])];
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0);
}

/** Numbers from small to large, NaN last. */
function compare(a: number, b: number): number {
  if (Number.isNaN(a)) return Number.isNaN(b) ? 0 : 1;
  return Number.isNaN(b) ? -1 : a - b;
}
