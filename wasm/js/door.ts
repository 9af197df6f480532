import { ForestError, errorCode } from './error.js';
import { demandFileFits, Instance, type DoorExports } from './instance.js';
import { copyNumbers, type OpenRows } from './rows.js';

/** The functions of wasm/api.cc. */
interface Exports extends DoorExports {
  copse_load(bytes: number, size: number): number;
  copse_free(model: number): void;
  copse_describe(model: number): void;
  copse_columns(model: number, answer: number): number;
  copse_check_rows(model: number, rows: number, nRows: number, firstRow: number): number;
  copse_predict(model: number, answer: number, rows: number, nRows: number, out: number): void;
}

/** A model inside one instance. Zero is none. */
export type Handle = number;

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
   * Checks and evaluates rows [from, to), and copies the answer to `out`, which has room for
   * to - from times the answer's columns.
   */
  predict(
    handle: Handle,
    answer: number,
    open: OpenRows,
    from: number,
    to: number,
    out: Float64Array,
  ): void {
    const instance = this.#instance;
    const { exports } = instance;
    const nRows = to - from;
    const nValues = nRows * open.width;
    // Rows may be anybody's objects, and a getter that predicts would write over their numbers.
    if (this.#packing) {
      throw new ForestError(errorCode.invalidInput, 'the rows used this model while they were read');
    }
    const { rows, answers } = this.#viewsFor(nValues, out.length);
    this.#packing = true;
    try {
      open.pack(from, to, rows);
    } finally {
      this.#packing = false;
    }
    const { byteOffset } = rows;
    const code = instance.call(() => exports.copse_check_rows(handle, byteOffset, nRows, from + 1));
    if (code !== 0) throw instance.error();
    instance.call(() => {
      exports.copse_predict(handle, answer, byteOffset, nRows, answers.byteOffset);
    });
    copyNumbers(this.#viewsFor(nValues, out.length).answers, 0, out, out.length);
  }

  /**
   * Room for rows and answers, which are never none. The views are kept as long as calls have the
   * same size; memory that has grown is another buffer, and its old views have no length.
   */
  #viewsFor(nRowValues: number, nAnswers: number): Views {
    const { rows, answers } = this.#views;
    if (rows.length === nRowValues && answers.length === nAnswers) return this.#views;
    const instance = this.#instance;
    const pointer = instance.scratch((nRowValues + nAnswers) * 8);
    this.#views = {
      rows: instance.doubles(pointer, nRowValues),
      answers: instance.doubles(pointer + nRowValues * 8, nAnswers),
    };
    return this.#views;
  }
}
