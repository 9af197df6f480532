// tests/vectors: models, rows and what the engines answered.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { readNpy } from './npy.mjs';

export const root = fileURLToPath(new URL('../../..', import.meta.url));
export const vectors = join(root, 'tests/vectors');

export function readJson(path) {
  return JSON.parse(readFileSync(path, 'utf8'));
}

/** Names of all cases; an index without any would prove nothing. */
export function caseNames() {
  const names = readJson(join(vectors, 'index.json'));
  if (!Array.isArray(names) || names.length < 26) {
    throw new Error('tests/vectors/index.json names too few cases');
  }
  return names;
}

export function readCase(name) {
  const folder = join(vectors, name);
  const description = readJson(join(folder, 'case.json'));
  return {
    ...description,
    folder,
    modelPath: join(folder, 'model.safetensors'),
    rowsPath: join(folder, description.rows),
    model: readFileSync(join(folder, 'model.safetensors')),
    rows: readNpy(join(folder, description.rows)),
  };
}

export const iris = join(root, 'models/iris.safetensors');

/** The module that the binding takes by itself, and the small one: [name, `wasm` of loadModel]. */
export const wasmModules = [
  ['fast', undefined],
  ['small', new URL(import.meta.resolve('copse/copse.wasm'))],
];
