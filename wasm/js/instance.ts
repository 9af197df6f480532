import { ForestError, errorCode, type ErrorDetail } from './error.js';

/** What every door of ours exports. Pointers and sizes are numbers; addresses above 2 GiB wrap. */
export interface DoorExports {
  readonly memory: WebAssembly.Memory;
  _initialize(): void;
  malloc(size: number): number;
  free(pointer: number): void;
  copse_text(): number;
  copse_text_size(): number;
  copse_error_code(): number;
}

/**
 * Files above this are refused before memory is asked for: a quarter of the 2 GiB that an instance
 * can hold, because the file and what is read from it are there together.
 */
const fileBytesMax = 2 ** 29;

export function demandFileFits(nBytes: number): void {
  if (nBytes <= fileBytesMax) return;
  throw new ForestError(
    errorCode.tooLarge,
    `the model file has ${String(nBytes)} bytes: expected at most ${String(fileBytesMax)}`,
  );
}

/**
 * One instance of a module, with the memory rules kept.
 *
 * Views are made after the last allocation, results are copied out, and what malloc gave is freed in
 * a finally, unless a call takes it over. A trap leaves the memory in an unknown state, so it ends
 * the instance.
 */
export class Instance<Exports extends DoorExports> {
  readonly exports: Exports;
  /** Such as 'copse.wasm'. */
  readonly #name: string;
  #ended = false;
  #scratch = { pointer: 0, size: 0 };

  constructor(module: WebAssembly.Module, name: string) {
    this.#name = name;
    const instance = new WebAssembly.Instance(module, {
      env: { emscripten_notify_memory_growth: () => undefined },
      wasi_snapshot_preview1: {
        proc_exit: (status: number) => {
          throw new Error(`${name} exited with status ${String(status)}`);
        },
      },
    });
    this.exports = instance.exports as unknown as Exports;
    this.call(() => {
      this.exports._initialize();
    });
  }

  /** Whether a trap has ended this instance, and with it everything inside. */
  get ended(): boolean {
    return this.#ended;
  }

  get memoryBytes(): number {
    return this.exports.memory.buffer.byteLength;
  }

  /** A view, good until the next allocation. */
  bytes(pointer: number, length: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.exports.memory.buffer, pointer, length);
  }

  doubles(pointer: number, length: number): Float64Array<ArrayBuffer> {
    return new Float64Array(this.exports.memory.buffer, pointer, length);
  }

  text(): string {
    const pointer = this.exports.copse_text() >>> 0;
    return new TextDecoder().decode(this.bytes(pointer, this.exports.copse_text_size()));
  }

  /** The refusal of the last call. */
  error(detail?: ErrorDetail): ForestError {
    return new ForestError(this.exports.copse_error_code(), this.text(), detail);
  }

  /** `size` bytes of the instance's memory (at least one, 8-byte aligned), not given back. */
  allocate(size: number): number {
    const pointer = this.call(() => this.exports.malloc(Math.max(size, 8))) >>> 0;
    if (pointer !== 0) return pointer;
    throw new ForestError(
      errorCode.tooLarge,
      `${String(size)} bytes are more memory than there is left`,
    );
  }

  /** Runs `use` with `size` bytes of memory that are given back afterwards. */
  withMemory<T>(size: number, use: (pointer: number) => T): T {
    const pointer = this.allocate(size);
    try {
      return use(pointer);
    } finally {
      if (!this.#ended) this.exports.free(pointer);
    }
  }

  /** `size` bytes for the time of one call. Kept for the next, which makes small calls quick. */
  scratch(size: number): number {
    if (size > this.#scratch.size) {
      if (this.#scratch.pointer !== 0) this.exports.free(this.#scratch.pointer);
      this.#scratch = { pointer: 0, size: 0 };
      this.#scratch = { pointer: this.allocate(size), size };
    }
    return this.#scratch.pointer;
  }

  /** Calls into the instance; whatever it throws is a trap. */
  call<T>(enter: () => T): T {
    this.demandAlive();
    try {
      return enter();
    } catch (cause) {
      throw this.end(cause);
    }
  }

  /** Throws where a trap has ended this instance. */
  demandAlive(): void {
    if (!this.#ended) return;
    throw new ForestError(
      errorCode.unavailable,
      `the instance of ${this.#name} that held this model has failed: load it again`,
    );
  }

  /** Ends this instance after what a call threw; the error that says so. */
  end(cause: unknown): ForestError {
    this.#ended = true;
    return new ForestError(errorCode.internal, `${this.#name} failed: ${String(cause)}`);
  }
}
