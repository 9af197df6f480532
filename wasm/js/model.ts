/// <reference lib="esnext.disposable" preserve="true" />
import { answerAndRows, answerNumber, type Answer } from './answer.js';
import type { ModelDescription } from './description.js';
import type { Door, Handle } from './door.js';
import { ForestError, errorCode, quote } from './error.js';
import {
  methodOf,
  readPath,
  readTree,
  treesOf,
  type ExplainOptions,
  type Importances,
  type PathOptions,
  type Tree,
  type TreePath,
} from './explanation.js';
import { firstOf, predictionsOf, type Prediction } from './prediction.js';
import { RowPacker, batchValuesMax, type OpenRows, type Row, type Rows } from './rows.js';

/**
 * Numbers that one call passes through the instance: so few that its memory stays small, so many that
 * the trees of a large forest, which come from memory once a call, are worth it.
 */
const chunkValues = 2 ** 18;

/** Rows whose contributions are added before they are added to those of others, as natively. */
const sizesBlockRows = 64;

/** Frees what nobody freed. A net: memory returns earlier when `free` is called. */
const forgotten = new FinalizationRegistry<{ door: Door; handle: Handle }>(({ door, handle }) => {
  door.free(handle);
});

/**
 * A model, ready to predict. Synchronous; the same bits as the server.
 *
 * Holds memory that the garbage collector does not see: call `free` (or use `using`).
 */
export class Model implements Disposable {
  readonly description: ModelDescription;
  readonly #door: Door;
  readonly #packer: RowPacker;
  /** Of the answers asked so far, by their names, which may come from anywhere. */
  readonly #columns = new Map<Answer, number>();
  #handle: Handle;

  /** Use `loadModel`. */
  constructor(door: Door, handle: Handle) {
    this.#door = door;
    this.#handle = handle;
    forgotten.register(this, { door, handle }, this);
    this.description = door.describe(handle) as ModelDescription;
    this.#packer = new RowPacker(this.description.features);
  }

  get nFeatures(): number {
    return this.description.features.length;
  }

  /** Numbers a row of `answer` has; throws where this model has no such answer. */
  columns(answer: Answer): number {
    const handle = this.#live('columns');
    const known = this.#columns.get(answer);
    if (known !== undefined) return known;
    if (!Object.hasOwn(answerNumber, answer)) {
      throw new ForestError(
        errorCode.invalidInput,
        `answer is ${quote(answer)}: expected one of ${Object.keys(answerNumber).join(', ')}`,
      );
    }
    const columns = this.#door.columns(handle, answerNumber[answer]);
    this.#columns.set(answer, columns);
    return columns;
  }

  /** The answer 'predict': the index of each output's class, or its value. */
  predict(rows: Rows): Float64Array<ArrayBuffer>;
  /** `answer` for `rows`, row-major: [nRows, columns(answer)]. Missing values are NaN or null. */
  predict(answer: Answer, rows: Rows): Float64Array<ArrayBuffer>;
  predict(first: Answer | Rows, second?: Rows): Float64Array<ArrayBuffer> {
    const handle = this.#live('predict');
    const [answer, rows] = answerAndRows(first, second);
    const number = answerNumber[answer];
    return this.#answer(rows, this.columns(answer), (open, from, to, out) => {
      this.#door.predict(handle, number, open, from, to, out);
    });
  }

  /**
   * Contributions [nRows, columns('margin'), nFeatures + 1], row-major: how much each feature adds
   * to each margin, and last the base, the margin expected of any row. Together they are the margin
   * (of an isolation forest: the average path length).
   *
   * Throws ForestError where that is not defined for this model, such as one without covers.
   */
  explain(rows: Rows, options: ExplainOptions = {}): Float64Array<ArrayBuffer> {
    const handle = this.#live('explain');
    const method = methodOf(options);
    this.#door.prepare(handle, method);
    const columns = this.columns('margin') * (this.nFeatures + 1);
    return this.#answer(rows, columns, (open, from, to, out) => {
      this.#door.explain(handle, method, open, from, to, out);
    });
  }

  /**
   * The way of one row through every tree, or those from `from` up to before `to`, in order; none for
   * a linear model.
   */
  decisionPath(row: Row, options: PathOptions = {}): readonly TreePath[] {
    const handle = this.#live('decisionPath');
    const [from, to] = treesOf(options, this.description.n_trees);
    const open = this.#packer.open([row]);
    return this.#door.paths(handle, open, from, to).map((path, i) => readPath(path, from + i));
  }

  /** Tree number `t`, from 0, as a drawing needs it. */
  tree(t: number): Tree {
    const handle = this.#live('tree');
    const { n_trees: nTrees } = this.description;
    if (Number.isInteger(t) && t >= 0 && t < nTrees) return readTree(this.#door.tree(handle, t));
    throw new ForestError(
      errorCode.invalidInput,
      `tree is ${quote(t)}: expected the number of one of the ${String(nTrees)} trees, from 0`,
    );
  }

  /**
   * How much the trees use each feature, and, where there are `rows`, how much it moves the margins
   * of these. Throws as `explain` does.
   */
  importances(rows?: Rows, options: ExplainOptions = {}): Importances {
    const handle = this.#live('importances');
    const ofTrees = this.#door.importances(handle, this.nFeatures);
    if (rows === undefined) return { ...ofTrees, meanAbsContribution: null };
    return { ...ofTrees, meanAbsContribution: this.#meanSizes(rows, options) };
  }

  /** Of each feature the mean of |contribution| over rows, added over margins: as `copse explain`. */
  #meanSizes(rows: Rows, options: ExplainOptions): Float64Array<ArrayBuffer> {
    const parts = this.explain(rows, options);
    const width = this.nFeatures + 1;
    const nRows = parts.length / (width * this.columns('margin'));
    if (nRows === 0) {
      throw new ForestError(errorCode.invalidInput, 'there are no rows: expected at least one');
    }
    const blockValues = sizesBlockRows * width * this.columns('margin');
    const means = new Float64Array(this.nFeatures);
    for (let begin = 0; begin < parts.length; begin += blockValues) {
      const sums = new Float64Array(width);
      const block = parts.subarray(begin, begin + blockValues);
      block.forEach((part, i) => {
        sums[i % width] = (sums[i % width] ?? NaN) + Math.abs(part);
      });
      means.forEach((sum, f) => {
        means[f] = sum + (sums[f] ?? NaN);
      });
    }
    return means.map((sum) => sum / nRows);
  }

  /** What `ask` writes for all rows, some at a time: [nRows, columns]. */
  #answer(
    rows: Rows,
    columns: number,
    ask: (open: OpenRows, from: number, to: number, out: Float64Array) => void,
  ): Float64Array<ArrayBuffer> {
    const open = this.#packer.open(rows);
    const { nRows } = open;
    const width = Math.max(columns, open.width);
    if (nRows * width > batchValuesMax) {
      throw new ForestError(
        errorCode.tooLarge,
        `${String(nRows)} rows of ${String(width)} numbers are too many for one call: ` +
          `expected at most ${String(Math.floor(batchValuesMax / width))}`,
      );
    }
    const answers = new Float64Array(nRows * columns);
    const step = Math.max(1, Math.floor(chunkValues / width));
    for (let from = 0; from < nRows; from += step) {
      const to = Math.min(from + step, nRows);
      const isAll = to - from === nRows;
      const out = isAll ? answers : answers.subarray(from * columns, to * columns);
      ask(open, from, to, out);
    }
    return answers;
  }

  /** Probabilities [nRows, classes]. */
  predictProba(rows: Rows): Float64Array<ArrayBuffer> {
    return this.predict('proba', rows);
  }

  /** Raw scores [nRows, columns('margin')]. */
  margins(rows: Rows): Float64Array<ArrayBuffer> {
    return this.predict('margin', rows);
  }

  /** The first output's answer for one row: label, index and probabilities, or a value. */
  predictRow(row: Row): Prediction {
    return firstOf(this.predictOutputs(row));
  }

  /** Every output's answer for one row, in order. */
  predictOutputs(row: Row): readonly Prediction[] {
    const { outputs } = this.description;
    const numbers = this.#packer.numbersOf(row);
    const classes = outputs.some((output) => output.kind === 'class');
    const decisions = this.predict('predict', numbers);
    const probabilities = classes ? this.predict('proba', numbers) : new Float64Array();
    return predictionsOf(outputs, decisions, probabilities);
  }

  /** Gives the memory back. Again is fine; asking a freed model is an error. */
  free(): void {
    if (this.#handle === 0) return;
    const handle = this.#handle;
    this.#handle = 0;
    forgotten.unregister(this);
    this.#door.free(handle);
  }

  [Symbol.dispose](): void {
    this.free();
  }

  #live(name: string): Handle {
    if (this.#handle !== 0) return this.#handle;
    throw new ForestError(
      errorCode.invalidInput,
      `${name} was called on a model after free: load it again`,
    );
  }
}
