import { Door } from './door.js';
import { Model } from './model.js';
import { compile, readBytes, type ByteSource } from './module.js';

export { answerNumber, type Answer } from './answer.js';
export type { Feature, Label, ModelDescription, Output } from './description.js';
export { ForestError, errorCode, type ErrorDetail } from './error.js';
export { Model } from './model.js';
export type { ByteSource } from './module.js';
export type { ClassPrediction, Prediction, ValuePrediction } from './prediction.js';
export { batchValuesMax, type Row, type RowValue, type Rows } from './rows.js';

/** Where `copse.wasm` comes from, when it is not the file beside this one. */
export type WasmSource = ByteSource | WebAssembly.Module;

export interface LoadOptions {
  readonly wasm?: WasmSource;
}

const modules = new Map<string, Promise<WebAssembly.Module>>();
const doors = new WeakMap<WebAssembly.Module, Door>();

/** The module of `source`; one address is compiled once, unless that failed. */
function moduleOf(source: WasmSource): Promise<WebAssembly.Module> {
  if (!(source instanceof URL || typeof source === 'string')) return compile(source);
  const address = String(source);
  const known = modules.get(address);
  if (known) return known;
  const compiling = compile(source);
  modules.set(address, compiling);
  compiling.catch(() => modules.delete(address));
  return compiling;
}

/** The instance that models of `module` share: a new one when a trap has ended the last. */
function doorOf(module: WebAssembly.Module): Door {
  const known = doors.get(module);
  if (known && !known.ended) return known;
  const door = new Door(module);
  doors.set(module, door);
  return door;
}

/**
 * Loads a model file (`*.safetensors`) from bytes, an address, a Response or a File.
 *
 * Throws ForestError: the file is damaged or unsupported, with the sentence that says where.
 */
export async function loadModel(source: ByteSource, options: LoadOptions = {}): Promise<Model> {
  const wasm = options.wasm ?? new URL('./copse.wasm', import.meta.url);
  const [module, bytes] = await Promise.all([moduleOf(wasm), readBytes(source)]);
  const door = doorOf(module);
  return new Model(door, door.load(bytes));
}
