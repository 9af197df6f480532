import { ForestError, errorCode } from './error.js';

/** The functions of wasm/api.cc. Pointers and sizes are numbers; addresses above 2 GiB wrap. */
interface Exports {
  readonly memory: WebAssembly.Memory;
  _initialize(): void;
  malloc(size: number): number;
  free(pointer: number): void;
  copse_load(bytes: number, size: number): number;
  copse_free(model: number): void;
  copse_describe(model: number): void;
  copse_columns(model: number, answer: number): number;
  copse_check_rows(model: number, rows: number, nRows: number, firstRow: number): number;
  copse_predict(model: number, answer: number, rows: number, nRows: number, out: number): void;
  copse_text(): number;
  copse_text_size(): number;
  copse_error_code(): number;
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

/**
 * Files above this are refused before memory is asked for: a quarter of the 2 GiB that an instance
 * can hold, because the file and what is read from it are there together.
 */
const modelBytesMax = 2 ** 29;

/**
 * One instance of the module: the C door with the memory rules kept.
 *
 * Views are made after the last allocation, results are copied out, every malloc has its free in
 * a finally. A trap leaves the memory in an unknown state, so it ends the instance.
 */
export class Door {
  readonly #exports: Exports;
  #ended = false;

  constructor(module: WebAssembly.Module) {
    const instance = new WebAssembly.Instance(module, {
      env: { emscripten_notify_memory_growth: () => undefined },
      wasi_snapshot_preview1: {
        proc_exit: (status: number) => {
          throw new Error(`copse.wasm exited with status ${String(status)}`);
        },
      },
    });
    this.#exports = instance.exports as unknown as Exports;
    this.#call(() => {
      this.#exports._initialize();
    });
  }

  /** Whether a trap has ended this instance, and with it all models inside. */
  get ended(): boolean {
    return this.#ended;
  }

  get memoryBytes(): number {
    return this.#exports.memory.buffer.byteLength;
  }

  load(bytes: Uint8Array): Handle {
    if (bytes.byteLength > modelBytesMax) {
      throw new ForestError(
        errorCode.tooLarge,
        `the model file has ${String(bytes.byteLength)} bytes: ` +
          `expected at most ${String(modelBytesMax)}`,
      );
    }
    return this.#withMemory(bytes.byteLength, (pointer) => {
      this.#bytes(pointer, bytes.byteLength).set(bytes);
      const handle = this.#call(() => this.#exports.copse_load(pointer, bytes.byteLength));
      if (handle === 0) throw this.#error();
      return handle;
    });
  }

  /** Frees a model; with an ended instance there is nothing left to free. */
  free(handle: Handle): void {
    if (this.#ended) return;
    this.#call(() => {
      this.#exports.copse_free(handle);
    });
  }

  describe(handle: Handle): unknown {
    this.#call(() => {
      this.#exports.copse_describe(handle);
    });
    return JSON.parse(this.#text());
  }

  columns(handle: Handle, answer: number): number {
    const columns = this.#call(() => this.#exports.copse_columns(handle, answer));
    if (columns < 0) throw this.#error();
    return columns;
  }

  /**
   * Checks and evaluates the rows that `batch.pack` writes, and copies the answer to `out`, which
   * has room for nRows times the answer's columns.
   */
  predict(
    handle: Handle,
    answer: number,
    batch: Batch,
    out: Float64Array,
  ): void {
    const nValues = batch.nRows * batch.nFeatures;
    this.#withMemory((nValues + out.length) * 8, (rows) => {
      const answers = rows + nValues * 8;
      batch.pack(this.#doubles(rows, nValues));
      const code = this.#call(() =>
        this.#exports.copse_check_rows(handle, rows, batch.nRows, batch.firstRow),
      );
      if (code !== 0) throw this.#error();
      this.#call(() => {
        this.#exports.copse_predict(handle, answer, rows, batch.nRows, answers);
      });
      out.set(this.#doubles(answers, out.length));
    });
  }

  #bytes(pointer: number, length: number): Uint8Array {
    return new Uint8Array(this.#exports.memory.buffer, pointer, length);
  }

  #doubles(pointer: number, length: number): Float64Array {
    return new Float64Array(this.#exports.memory.buffer, pointer, length);
  }

  #text(): string {
    const pointer = this.#exports.copse_text() >>> 0;
    return new TextDecoder().decode(this.#bytes(pointer, this.#exports.copse_text_size()));
  }

  #error(): ForestError {
    return new ForestError(this.#exports.copse_error_code(), this.#text());
  }

  /** Runs `use` with `size` bytes of the instance's memory (at least one, 8-byte aligned). */
  #withMemory<T>(size: number, use: (pointer: number) => T): T {
    const pointer = this.#call(() => this.#exports.malloc(Math.max(size, 8))) >>> 0;
    if (pointer === 0) {
      throw new ForestError(
        errorCode.tooLarge,
        `${String(size)} bytes are more memory than there is left`,
      );
    }
    try {
      return use(pointer);
    } finally {
      if (!this.#ended) this.#exports.free(pointer);
    }
  }

  /** Calls into the instance; whatever it throws is a trap. */
  #call<T>(enter: () => T): T {
    if (this.#ended) {
      throw new ForestError(
        errorCode.unavailable,
        'the instance of copse.wasm that held this model has failed: load it again',
      );
    }
    try {
      return enter();
    } catch (cause) {
      this.#ended = true;
      throw new ForestError(errorCode.internal, `copse.wasm failed: ${String(cause)}`);
    }
  }
}
