import { ForestError, errorCode, quote } from './error.js';
import type { Importances } from './explanation.js';
import { demandFileFits, Instance, type DoorExports } from './instance.js';
import { copyNumbers, type OpenRows } from './rows.js';

/** The functions of wasm/api.cc. */
interface Exports extends DoorExports {
  /** Takes over the bytes. */
  copse_load(bytes: number, size: number): number;
  copse_free(model: number): void;
  copse_describe(model: number): void;
  copse_columns(model: number, answer: number): number;
  copse_check_rows(model: number, rows: number, nRows: number, firstRow: number): number;
  copse_error_place(): number;
  copse_predict(
    model: number,
    answer: number,
    rows: number,
    nRows: number,
    firstRow: number,
    out: number,
  ): number;
  copse_prepare(model: number, method: number): number;
  copse_explain(model: number, method: number, rows: number, nRows: number, out: number): void;
  copse_path(model: number, tree: number, row: number, out: number): number;
  copse_tree(model: number, tree: number, out: number): number;
  copse_importances(model: number, out: number): number;
}

/** A model inside one instance. Zero is none. */
export type Handle = number;

interface Views {
  readonly rows: Float64Array;
  readonly answers: Float64Array;
}

/** Addresses in the instance. */
interface Places {
  readonly rows: number;
  readonly answers: number;
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
    const pointer = instance.allocate(bytes.byteLength);
    instance.bytes(pointer, bytes.byteLength).set(bytes);
    const handle = instance.call(() => instance.exports.copse_load(pointer, bytes.byteLength));
    if (handle === 0) throw instance.error();
    return handle;
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
    const { rows, answers } = this.#packed(open, from, to, out.length);
    let code: number;
    // As Instance.call, but V8 sees which function is called, and makes that a short way.
    instance.demandAlive();
    try {
      code = instance.exports.copse_predict(handle, answer, rows, to - from, from + 1, answers);
    } catch (cause) {
      throw instance.end(cause);
    }
    if (code !== 0) throw this.#refused(open, from, rows);
    this.#copyAnswers((to - from) * open.width, out);
  }

  /** Throws where the model cannot be explained by `method`. */
  prepare(handle: Handle, method: number): void {
    const { exports } = this.#instance;
    if (this.#instance.call(() => exports.copse_prepare(handle, method)) !== 0) {
      throw this.#instance.error();
    }
  }

  /** As `predict`; `out` has room for contributions [to - from, margins, nFeatures + 1]. */
  explain(
    handle: Handle,
    method: number,
    open: OpenRows,
    from: number,
    to: number,
    out: Float64Array,
  ): void {
    const { exports } = this.#instance;
    const { rows, answers } = this.#checked(handle, open, from, to, out.length);
    this.#instance.call(() => {
      exports.copse_explain(handle, method, rows, to - from, answers);
    });
    this.#copyAnswers((to - from) * open.width, out);
  }

  /** What copse_path writes for each of the trees [from, to), of the first row of `open`. */
  paths(handle: Handle, open: OpenRows, from: number, to: number): Float64Array<ArrayBuffer>[] {
    const instance = this.#instance;
    const { rows } = this.#checked(handle, open, 0, 1, 1);
    // A copy: room for rows may move when memory for paths is asked for.
    const row = instance.doubles(rows, open.width).slice();
    return instance.withMemory(row.byteLength, (pointer) => {
      instance.doubles(pointer, row.length).set(row);
      return Array.from({ length: to - from }, (_, i) =>
        this.#list((out) => instance.exports.copse_path(handle, from + i, pointer, out)),
      );
    });
  }

  /** What copse_tree writes. */
  tree(handle: Handle, tree: number): Float64Array<ArrayBuffer> {
    return this.#list((out) => this.#instance.exports.copse_tree(handle, tree, out));
  }

  /** Splits, covers and gains by feature, each [nFeatures]; null for what is not known. */
  importances(handle: Handle, nFeatures: number): Omit<Importances, 'meanAbsContribution'> {
    const instance = this.#instance;
    return instance.withMemory(3 * nFeatures * 8, (pointer) => {
      const known = instance.call(() => instance.exports.copse_importances(handle, pointer));
      let at = pointer;
      const next = () => {
        at += nFeatures * 8;
        return instance.doubles(at - nFeatures * 8, nFeatures).slice();
      };
      const splits = next();
      const cover = (known & 1) === 0 ? null : next();
      return { splits, cover, gain: (known & 2) === 0 ? null : next() };
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

  /** `#packed`; throws where the model cannot use them. */
  #checked(handle: Handle, open: OpenRows, from: number, to: number, nAnswers: number): Places {
    const { exports } = this.#instance;
    const places = this.#packed(open, from, to, nAnswers);
    const code = this.#instance.call(() =>
      exports.copse_check_rows(handle, places.rows, to - from, from + 1),
    );
    if (code !== 0) throw this.#refused(open, from, places.rows);
    return places;
  }

  /** Packs rows [from, to): where they are, and where there is room for their answers. */
  #packed(open: OpenRows, from: number, to: number, nAnswers: number): Places {
    // Rows may be anybody's objects, and a getter that predicts would write over their numbers.
    if (this.#packing) {
      throw new ForestError(errorCode.invalidInput, 'the rows used this model while they were read');
    }
    const { rows, answers } = this.#viewsFor((to - from) * open.width, nAnswers);
    // Where memory grows in a call, views have no place any more; what they viewed stays there.
    const places = { rows: rows.byteOffset, answers: answers.byteOffset };
    this.#packing = true;
    try {
      open.pack(from, to, rows);
    } finally {
      this.#packing = false;
    }
    return places;
  }

  /** What was found in the rows from number `from` on, which are at `rows`. */
  #refused(open: OpenRows, from: number, rows: number): ForestError {
    const instance = this.#instance;
    const place = instance.call(() => instance.exports.copse_error_place());
    return instance.error({
      row: from + Math.floor(place / open.width) + 1,
      column: open.nameOf(place % open.width),
      value: quote(instance.doubles(rows, place + 1)[place]),
    });
  }

  /** Copies out what was written behind `nRowValues` numbers. */
  #copyAnswers(nRowValues: number, out: Float64Array): void {
    copyNumbers(this.#viewsFor(nRowValues, out.length).answers, 0, out, out.length);
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
