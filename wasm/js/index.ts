import { Door } from './door.js';
import { ForestError, errorCode } from './error.js';
import { foreignRefusal } from './foreign.js';
import { Model } from './model.js';
import { moduleOf, readBytes, type ByteSource, type WasmSource } from './module.js';

export { answerNumber, type Answer } from './answer.js';
export type { Feature, Label, ModelDescription, Output } from './description.js';
export { ForestError, errorCode, type ErrorDetail } from './error.js';
export type {
  ExplainMethod,
  ExplainOptions,
  Importances,
  PathStep,
  Tree,
  TreePath,
} from './explanation.js';
export { isModelFile } from './foreign.js';
export { Model } from './model.js';
export type { ByteSource, WasmSource } from './module.js';
export type { ClassPrediction, Prediction, ValuePrediction } from './prediction.js';
export { batchValuesMax, type Row, type RowValue, type Rows } from './rows.js';

export interface LoadOptions {
  /**
   * The module, when it is not `copse-fast.wasm` beside this file. `copse.wasm` is less than half as
   * large on its way and has the same bits, and answers 4 to 20 times slower.
   */
  readonly wasm?: WasmSource | undefined;
}

const doors = new WeakMap<WebAssembly.Module, Door>();

/** The instance that models of `module` share: a new one when a trap has ended the last. */
function doorOf(module: WebAssembly.Module, name: string): Door {
  const known = doors.get(module);
  if (known && !known.ended) return known;
  const door = new Door(module, name);
  doors.set(module, door);
  return door;
}

/**
 * Loads a model file (`*.safetensors`) from bytes, an address, a Response or a File.
 *
 * Throws ForestError: the file is damaged or unsupported, with the sentence that says where. Files
 * of other libraries go through `importModel` of 'copse/import' first.
 */
export async function loadModel(source: ByteSource, options: LoadOptions = {}): Promise<Model> {
  const wasm = options.wasm ?? new URL('./copse-fast.wasm', import.meta.url);
  const [module, bytes] = await Promise.all([moduleOf(wasm), readBytes(source)]);
  const door = doorOf(module, options.wasm ? 'copse.wasm' : 'copse-fast.wasm');
  try {
    return new Model(door, door.load(bytes));
  } catch (cause) {
    const ofTheFile = cause instanceof ForestError && cause.code <= errorCode.tooLarge;
    throw (ofTheFile ? foreignRefusal(bytes) : undefined) ?? cause;
  }
}
