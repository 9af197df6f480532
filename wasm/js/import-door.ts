import { ForestError, errorCode } from './error.js';
import { demandFileFits, Instance, type DoorExports } from './instance.js';

/** The functions of wasm/import_api.cc. */
interface Exports extends DoorExports {
  copse_source_kind(bytes: number, size: number): number;
  copse_compression_of(bytes: number, size: number): number;
  copse_decompressed_max(size: number): number;
  copse_import(
    bytes: number,
    size: number,
    file: number,
    fileSize: number,
    digest: number,
    iterations: number,
    leafIds: number,
  ): number;
  copse_file(): number;
  copse_file_size(): number;
}

/** The numbers of `Compression` in core/import/include/copse/import.h. */
const compressions = ['none', 'zlib', 'gzip', 'bzip2', 'xz', 'lzma', 'lz4'] as const;
export type Compression = (typeof compressions)[number];

/** Those of `SourceKind` that are asked for. */
const sourceKind = { onnx: 5, catboost: 6, compressed: 7, unknown: 8 };

/** The numbers of `Iterations` there. */
export const iterationsNumber = { default: 0, all: 1, best: 2 } as const;

/** Bytes inside the instance. */
interface Place {
  readonly pointer: number;
  readonly size: number;
}

/** What an instance that ran out of memory had come to: near the 2 GiB that it can have. */
const outOfMemoryBytes = 1.75 * 2 ** 30;

/**
 * One instance of copse-import.wasm or copse-import-onnx.wasm with one file in it: what a file
 * needed, and what it broke, is gone with the instance.
 */
export class ImportDoor {
  readonly #instance: Instance<Exports>;
  readonly #file: Place;
  /** What the compressed file holds. */
  #inner: Place | undefined;

  constructor(module: WebAssembly.Module, name: string, file: Uint8Array) {
    demandFileFits(file.byteLength);
    this.#instance = new Instance(module, name);
    this.#file = this.#place([file], file.byteLength);
  }

  /** How the file is compressed; 'none' also where its beginning only looks as if it were. */
  get compression(): Compression {
    const { exports } = this.#instance;
    const { pointer, size } = this.#file;
    const kind = this.#call(() => exports.copse_source_kind(pointer, size));
    if (kind !== sourceKind.compressed) return 'none';
    const number = this.#call(() => exports.copse_compression_of(pointer, size));
    return compressions[number] ?? 'none';
  }

  /** Most bytes that so many compressed ones may become. */
  decompressedBytesMax(nBytes: number): number {
    return this.#call(() => this.#instance.exports.copse_decompressed_max(nBytes)) >>> 0;
  }

  /**
   * Throws what there is to say against a compressed file that begins with `head`. JSON that goes
   * on may turn out to be a model further on; everything else is known by its first bytes.
   */
  checkHead(head: Uint8Array, isWhole: boolean): void {
    const { exports } = this.#instance;
    const { pointer, size } = this.#place([head], head.byteLength);
    const kind = this.#call(() => exports.copse_source_kind(pointer, size));
    if (kind === sourceKind.compressed) {
      throw new ForestError(
        errorCode.unsupportedModel,
        `this ${this.compression} file holds a compressed file again: decompress it once, and ` +
          'give the result',
      );
    }
    if (kind !== sourceKind.unknown) return;
    if (!isWhole && /^\s*\{/.test(new TextDecoder('latin1').decode(head))) return;
    if (this.#call(() => exports.copse_import(pointer, size, 0, 0, 0, 0, 0)) !== 0) {
      throw this.#instance.error();
    }
  }

  /** Puts what the compressed file holds beside it. */
  unpack(chunks: readonly Uint8Array[]): void {
    const size = chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0);
    demandFileFits(size);
    this.#inner = this.#place(chunks, size);
  }

  /** Whether copse-import-onnx.wasm is the one that reads this model. */
  get isForOnnx(): boolean {
    const { pointer, size } = this.#inner ?? this.#file;
    const kind = this.#call(() => this.#instance.exports.copse_source_kind(pointer, size));
    return kind === sourceKind.onnx || kind === sourceKind.catboost;
  }

  /** The canonical model file. `digest` is the file's SHA-256, if it is known. */
  import(
    iterations: keyof typeof iterationsNumber,
    leafIds: boolean,
    digest: string | undefined,
  ): Uint8Array<ArrayBuffer> {
    const { exports } = this.#instance;
    const model = this.#inner ?? this.#file;
    const file = this.#inner === undefined ? { pointer: 0, size: 0 } : this.#file;
    const digits = new TextEncoder().encode(digest);
    const digestPointer = digest === undefined ? 0 : this.#place([digits], digits.length).pointer;
    const code = this.#call(() =>
      exports.copse_import(
        model.pointer,
        model.size,
        file.pointer,
        file.size,
        digestPointer,
        iterationsNumber[iterations],
        Number(leafIds),
      ),
    );
    if (code !== 0) throw this.#instance.error();
    return this.#instance.bytes(exports.copse_file() >>> 0, exports.copse_file_size()).slice();
  }

  #place(chunks: readonly Uint8Array[], size: number): Place {
    const pointer = this.#instance.allocate(size);
    const target = this.#instance.bytes(pointer, size);
    let at = 0;
    for (const chunk of chunks) {
      target.set(chunk, at);
      at += chunk.byteLength;
    }
    return { pointer, size };
  }

  /** The module has no exceptions: memory that cannot be had is a trap. */
  #call(enter: () => number): number {
    try {
      return this.#instance.call(enter);
    } catch (cause) {
      if (this.#instance.memoryBytes < outOfMemoryBytes) throw cause;
      throw new ForestError(
        errorCode.tooLarge,
        'the model needs more memory than WebAssembly has: import it with the command `copse import`',
      );
    }
  }
}
