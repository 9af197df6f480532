// Contributions by one of the package's modules, one thread:
//
//   node explain_peers.mjs FOLDER NODE_MODULES MODULE N_ROWS
//
// Prints `{ ms_per_row }`: the median of five calls with the first N_ROWS rows of X.npy.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [folder, modules, name, nRows] = process.argv.slice(2);
const dist = pathToFileURL(join(modules, 'copse/dist/'));
const { loadModel } = await import(new URL('index.js', dist));
const model = await loadModel(readFileSync(join(folder, 'model.safetensors')), {
  wasm: new URL(name, dist),
});
const file = readFileSync(join(folder, 'X.npy'));
const begin = 10 + file.readUInt16LE(8);
const numbers = new Float32Array(file.buffer.slice(file.byteOffset + begin, file.byteOffset + file.length));
const rows = numbers.subarray(0, Number(nRows) * model.nFeatures);

const times = [];
model.explain(rows); // until the engine has optimized it
for (let i = 0; i < 5; ++i) {
  const from = performance.now();
  model.explain(rows);
  times.push((performance.now() - from) / Number(nRows));
}
times.sort((a, b) => a - b);
console.log(JSON.stringify({ ms_per_row: times[2] }));
