import { decompress } from './decompress.js';
import { ForestError, errorCode, quote } from './error.js';
import { ImportDoor, iterationsNumber } from './import-door.js';
import { moduleOf, readBytes, type ByteSource, type WasmSource } from './module.js';
import { readMetadata } from './safetensors.js';

export { ForestError, errorCode } from './error.js';
export type { ByteSource, WasmSource } from './module.js';

export interface ImportOptions {
  /**
   * Which boosting rounds of a model that was stopped early are kept: all, or those up to the best.
   * Without it: what the object in the file predicts with.
   */
  readonly iterations?: 'best' | 'all' | undefined;
  /** Keeps the library's own leaf numbers, for answer 'leaf'. */
  readonly leafIds?: boolean | undefined;
  /** Where `copse-import.wasm` comes from, when it is not the file beside this one. */
  readonly wasm?: WasmSource | undefined;
  /** The same of `copse-import-onnx.wasm`, which reads ONNX and CatBoost. */
  readonly onnxWasm?: WasmSource | undefined;
}

/** A model of another library, as a model file of ours. */
export interface ImportedModel {
  /** The model file: `loadModel(bytes)` predicts with it; save it as `NAME.safetensors`. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Which library wrote it: kind, version, estimator, and the parameters that it was made with. */
  readonly source: ImportedSource;
  /** What a person should know about the import, one sentence each. */
  readonly warnings: readonly string[];
}

export interface ImportedSource {
  /** "scikit-learn", "XGBoost", "LightGBM", "ONNX", "CatBoost". */
  readonly kind?: string;
  readonly version?: string;
  readonly estimator?: string;
  readonly [key: string]: unknown;
}

/**
 * Reads what scikit-learn (pickle, joblib), XGBoost, LightGBM, ONNX or CatBoost wrote: bytes, an
 * address, a Response or a File; what it is, is seen from its content. Nothing in it is ever run.
 *
 * The same file gives the same bytes as `copse import`. Fetches `copse-import.wasm` at its first
 * call, and `copse-import-onnx.wasm` with the first file that it is for. Throws ForestError: what
 * the file is, why it cannot be read, and what to do instead.
 */
export async function importModel(
  source: ByteSource,
  options: ImportOptions = {},
): Promise<ImportedModel> {
  const iterations = options.iterations ?? 'default';
  if (!Object.hasOwn(iterationsNumber, iterations)) {
    throw new ForestError(
      errorCode.invalidInput,
      `iterations is ${quote(iterations)}: expected 'best' or 'all'`,
    );
  }
  const { door, digest } = await openDoor(source, options);
  const bytes = door.import(iterations, options.leafIds ?? false, await digest);
  const metadata = readMetadata(bytes);
  return {
    bytes,
    source: JSON.parse(metadata['source'] ?? '{}') as ImportedSource,
    warnings: JSON.parse(metadata['warnings'] ?? '[]') as readonly string[],
  };
}

/** The door with the file, decompressed, in the module that reads it, and the file's digest. */
async function openDoor(source: ByteSource, options: ImportOptions): Promise<OpenDoor> {
  const wasm = options.wasm ?? new URL('./copse-import.wasm', import.meta.url);
  const [module, file] = await Promise.all([moduleOf(wasm), readBytes(source)]);
  const door = new ImportDoor(module, 'copse-import.wasm', file);
  const digest = sha256(file);
  const chunks = door.compression === 'none' ? null : await decompress(file, door);
  if (chunks !== null) door.unpack(chunks);
  if (!door.isForOnnx) return { door, digest };

  const onnxWasm = options.onnxWasm ?? new URL('./copse-import-onnx.wasm', import.meta.url);
  const other = new ImportDoor(await moduleOf(onnxWasm), 'copse-import-onnx.wasm', file);
  if (chunks !== null) other.unpack(chunks);
  return { door: other, digest };
}

interface OpenDoor {
  readonly door: ImportDoor;
  readonly digest: Promise<string | undefined>;
}

/** By the platform, which is many times faster; undefined where it only does that on https. */
async function sha256(bytes: Uint8Array): Promise<string | undefined> {
  try {
    const view = bytes as Uint8Array<ArrayBuffer>;
    const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', view));
    return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
  } catch {
    return undefined;
  }
}
