// From nothing to the first answer in a process of its own, model file and all:
//
//   node start_peers.mjs PEER FOLDER NODE_MODULES
//
// Prints `{ ms, rss_bytes }`: the time from the first line of this script to the first row's answer.
// YDF's packages need `node --no-experimental-fetch`.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const begin = performance.now();
const [peer, folder, modules, width] = process.argv.slice(2);
const require = createRequire(pathToFileURL(join(modules, 'x.js')));
const row = Float32Array.from({ length: Number(width) }, (_, i) => i % 3);

async function copse(wasm) {
  const { loadModel } = await import(pathToFileURL(join(modules, 'copse/dist/index.js')));
  const model = await loadModel(readFileSync(join(folder, 'model.safetensors')), { wasm });
  return model.predict('margin', row);
}

async function onnxruntime() {
  const runtime = require('onnxruntime-web');
  runtime.env.wasm.numThreads = 1;
  const session = await runtime.InferenceSession.create(join(folder, 'model.onnx'), {
    executionProviders: ['wasm'],
  });
  const X = new runtime.Tensor('float32', row, [1, row.length]);
  return (await session.run({ X }, ['Y'])).Y.data;
}

async function ydf() {
  globalThis.JSZip = require('jszip');
  const inference = await require('ydf-inference')({ print() {}, printErr() {} });
  const model = await inference.loadModelFromZipBlob(readFileSync(join(folder, 'ydf.zip')));
  return model.predict(Object.fromEntries(Array.from(row, (x, c) => [`f${c}`, [x]])));
}

const peers = {
  copse: () => copse(),
  'copse, small module': () => copse(pathToFileURL(join(modules, 'copse/dist/copse.wasm'))),
  'onnxruntime-web': onnxruntime,
  'ydf-inference': ydf,
};

const answer = await peers[peer]();
if (!(answer.length > 0)) throw new Error('there is no answer');
const ms = performance.now() - begin;
console.log(JSON.stringify({ ms, rss_bytes: process.memoryUsage.rss() }));
process.exit(0); // the libraries' own threads would keep it alive
