import { Door } from './door.js';
import { ForestError, errorCode } from './error.js';
import { foreignRefusal } from './foreign.js';
import { Model } from './model.js';
import { moduleOf, readBytes, type ByteSource, type WasmSource } from './module.js';

const doors = new WeakMap<WebAssembly.Module, Door>();

/** The instance that models of `module` share: a new one when a trap has ended the last. */
function doorOf(module: WebAssembly.Module, name: string): Door {
  const known = doors.get(module);
  if (known && !known.ended) return known;
  const door = new Door(module, name);
  doors.set(module, door);
  return door;
}

/** `loadModel` with the module of `wasm`, which errors call `name`. */
export async function loadWith(
  source: ByteSource,
  wasm: WasmSource | Promise<WebAssembly.Module>,
  name: string,
): Promise<Model> {
  const compiling = wasm instanceof Promise ? wasm : moduleOf(wasm);
  const [module, bytes] = await Promise.all([compiling, readBytes(source)]);
  const door = doorOf(module, name);
  try {
    return new Model(door, door.load(bytes));
  } catch (cause) {
    const ofTheFile = cause instanceof ForestError && cause.code <= errorCode.tooLarge;
    throw (ofTheFile ? foreignRefusal(bytes) : undefined) ?? cause;
  }
}
