import { ForestError, errorCode } from './error.js';
import { demandFileFits, Instance, type DoorExports } from './instance.js';
import { copyNumbers } from './rows.js';

/** The functions of wasm/api.cc. */
interface Exports extends DoorExports {
  copse_load(bytes: number, size: number): number;
  copse_free(model: number): void;
  copse_describe(model: number): void;
  copse_columns(model: number, answer: number): number;
  copse_check_rows(model: number, rows: number, nRows: number, firstRow: number): number;
  copse_predict(model: number, answer: number, rows: number, nRows: number, out: number): void;
  copse_prepare(model: number, method: number): number;
  copse_explain(model: number, method: number, rows: number, nRows: number, out: number): void;
  copse_path(model: number, tree: number, row: number, out: number): number;
  copse_tree(model: number, tree: number, out: number): number;
  copse_importances(model: number, out: number): number;
}

/** A model inside one instance. Zero is none. */
export type Handle = number;

/** Rows of one call. */
export interface Batch {
  readonly nRows: number;
  readonly nFeatures: number;
  /** Number of the first row in messages. */
  readonly firstRow: number;
  /** Writes the rows, [nRows, nFeatures]. */
  readonly pack: (target: Float64Array) => void;
}

interface Views {
  readonly rows: Float64Array;
  readonly answers: Float64Array;
}

/** One instance of copse.wasm or copse-fast.wasm: the C door, with its rules kept. */
export class Door {
  readonly #instance: Instance<Exports>;
  #packing = false;
  #views: Views = { rows: new Float64Array(), answers: new Float64Array() };

  constructor(module: WebAssembly.Module, name = 'copse.wasm') {
    this.#instance = new Instance(module, name);
  }

  /** Whether a trap has ended this instance, and with it all models inside. */
  get ended(): boolean {
    return this.#instance.ended;
  }

  get memoryBytes(): number {
    return this.#instance.memoryBytes;
  }

  load(bytes: Uint8Array): Handle {
    demandFileFits(bytes.byteLength);
    const instance = this.#instance;
    return instance.withMemory(bytes.byteLength, (pointer) => {
      instance.bytes(pointer, bytes.byteLength).set(bytes);
      const handle = instance.call(() => instance.exports.copse_load(pointer, bytes.byteLength));
      if (handle === 0) throw instance.error();
      return handle;
    });
  }

  /** Frees a model; with an ended instance there is nothing left to free. */
  free(handle: Handle): void {
    if (this.ended) return;
    this.#instance.call(() => {
      this.#instance.exports.copse_free(handle);
    });
  }

  describe(handle: Handle): unknown {
    this.#instance.call(() => {
      this.#instance.exports.copse_describe(handle);
    });
    return JSON.parse(this.#instance.text());
  }

  columns(handle: Handle, answer: number): number {
    const { exports } = this.#instance;
    const columns = this.#instance.call(() => exports.copse_columns(handle, answer));
    if (columns < 0) throw this.#instance.error();
    return columns;
  }

  /**
   * Checks and evaluates the rows that `batch.pack` writes, and copies the answer to `out`, which
   * has room for nRows times the answer's columns.
   */
  predict(handle: Handle, answer: number, batch: Batch, out: Float64Array): void {
    const { exports } = this.#instance;
    this.#answer(handle, batch, out, (rows, answers) => {
      exports.copse_predict(handle, answer, rows, batch.nRows, answers);
    });
  }

  /** Throws where the model cannot be explained by `method`. */
  prepare(handle: Handle, method: number): void {
    const { exports } = this.#instance;
    if (this.#instance.call(() => exports.copse_prepare(handle, method)) !== 0) {
      throw this.#instance.error();
    }
  }

  /** As `predict`; `out` has room for contributions [nRows, margins, nFeatures + 1]. */
  explain(handle: Handle, method: number, batch: Batch, out: Float64Array): void {
    const { exports } = this.#instance;
    this.#answer(handle, batch, out, (rows, answers) => {
      exports.copse_explain(handle, method, rows, batch.nRows, answers);
    });
  }

  /** What copse_path writes for each tree, of a row that `batch.pack` writes. */
  paths(handle: Handle, batch: Batch, nTrees: number): Float64Array<ArrayBuffer>[] {
    const instance = this.#instance;
    // The answer is the row itself, checked: memory for paths may be asked for only afterwards.
    const row = new Float64Array(batch.nFeatures);
    this.#answer(handle, batch, row, (from, to) => {
      instance.doubles(to, row.length).set(instance.doubles(from, row.length));
    });
    return instance.withMemory(row.byteLength, (pointer) => {
      instance.doubles(pointer, row.length).set(row);
      return Array.from({ length: nTrees }, (_, tree) =>
        this.#list((out) => instance.exports.copse_path(handle, tree, pointer, out)),
      );
    });
  }

  /** What copse_tree writes. */
  tree(handle: Handle, tree: number): Float64Array<ArrayBuffer> {
    return this.#list((out) => this.#instance.exports.copse_tree(handle, tree, out));
  }

  /** Splits and covers by feature [2, nFeatures], and whether there are covers. */
  importances(handle: Handle, nFeatures: number): [Float64Array<ArrayBuffer>, boolean] {
    const instance = this.#instance;
    return instance.withMemory(2 * nFeatures * 8, (pointer) => {
      const hasCovers = instance.call(() => instance.exports.copse_importances(handle, pointer));
      return [instance.doubles(pointer, 2 * nFeatures).slice(), hasCovers === 1];
    });
  }

  /** The numbers that `write` counts when it is given no room, and then writes. */
  #list(write: (out: number) => number): Float64Array<ArrayBuffer> {
    const instance = this.#instance;
    const size = instance.call(() => write(0));
    return instance.withMemory(size * 8, (pointer) => {
      instance.call(() => write(pointer));
      return instance.doubles(pointer, size).slice();
    });
  }

  /** Packs and checks rows, lets `write` answer them, and copies the answer to `out`. */
  #answer(
    handle: Handle,
    batch: Batch,
    out: Float64Array,
    write: (rows: number, answers: number) => void,
  ): void {
    const instance = this.#instance;
    const { exports } = instance;
    const { nRows, firstRow } = batch;
    const nValues = nRows * batch.nFeatures;
    // Rows may be anybody's objects, and a getter that predicts would write over their numbers.
    if (this.#packing) {
      throw new ForestError(errorCode.invalidInput, 'the rows used this model while they were read');
    }
    const { rows, answers } = this.#viewsFor(nValues, out.length);
    this.#packing = true;
    try {
      batch.pack(rows);
    } finally {
      this.#packing = false;
    }
    const code = instance.call(() =>
      exports.copse_check_rows(handle, rows.byteOffset, nRows, firstRow),
    );
    if (code !== 0) throw instance.error();
    instance.call(() => {
      write(rows.byteOffset, answers.byteOffset);
    });
    copyNumbers(this.#viewsFor(nValues, out.length).answers, 0, out, out.length);
  }

  /** Room for rows and answers. The views are kept as long as calls have the same size. */
  #viewsFor(nRowValues: number, nAnswers: number): Views {
    const instance = this.#instance;
    const { rows, answers } = this.#views;
    const isSameSize = rows.length === nRowValues && answers.length === nAnswers;
    // Memory that has grown is another buffer, and its old views have no length.
    if (isSameSize && answers.buffer === instance.exports.memory.buffer) return this.#views;
    const pointer = instance.scratch((nRowValues + nAnswers) * 8);
    this.#views = {
      rows: instance.doubles(pointer, nRowValues),
      answers: instance.doubles(pointer + nRowValues * 8, nAnswers),
    };
    return this.#views;
  }
}
