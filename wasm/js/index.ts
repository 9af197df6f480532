import { loadWith } from './load.js';
import type { Model } from './model.js';
import type { ByteSource, WasmSource } from './module.js';

export * from './api.js';

export interface LoadOptions {
  /**
   * The module, when it is not `copse-fast.wasm` beside this file. `copse.wasm` is less than half as
   * large on its way and has the same bits, and answers 3 to 13 times slower.
   */
  readonly wasm?: WasmSource | undefined;
}

/**
 * Loads a model file (`*.safetensors`) from bytes, an address, a Response or a File.
 *
 * Throws ForestError: the file is damaged or unsupported, with the sentence that says where. Files
 * of other libraries go through `importModel` of 'copse/import' first.
 */
export function loadModel(source: ByteSource, options: LoadOptions = {}): Promise<Model> {
  const { wasm } = options;
  if (wasm !== undefined) return loadWith(source, wasm, 'copse.wasm');
  return loadWith(source, new URL('./copse-fast.wasm', import.meta.url), 'copse-fast.wasm');
}
