// One JavaScript peer, or Copse itself in wasm, on one shape, one thread:
//
//   node node_peers.mjs PEER FOLDER NODE_MODULES BATCH...
//
// Prints one JSON object: version, nanoseconds per row of each batch size, and the largest
// difference to the reference answers or, for a library that only knows models of its own, `trees`
// of the one that it trained. Inputs are prepared before the clock starts, as each library wants
// them. YDF's packages need `node --no-experimental-fetch`.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const runMilliseconds = 80;
const nRuns = 7;
const warmUpMilliseconds = 700;
// A library's inputs may be large objects: so many different ones are prepared, not more.
const preparedMax = 1000;

const [peer, folder, modules, ...batches] = process.argv.slice(2);
const require = createRequire(pathToFileURL(join(modules, 'x.js')));
const info = JSON.parse(readFileSync(join(folder, 'info.json'), 'utf8'));
const rows = readArray(join(folder, 'X.npy'));
const reference = readArray(join(folder, 'reference.npy'));
const width = info.n_features;

/** The numbers of a NumPy file, version 1.0, of float32 or float64. */
function readArray(path) {
  const file = readFileSync(path);
  const begin = 10 + file.readUInt16LE(8);
  const bytes = file.buffer.slice(file.byteOffset + begin, file.byteOffset + file.length);
  const isDouble = file.subarray(0, begin).includes('<f8');
  return isDouble ? new Float64Array(bytes) : new Float32Array(bytes);
}

const block = (at, n) => rows.subarray(at * width, (at + n) * width);
const versionOf = (name) =>
  JSON.parse(readFileSync(join(modules, name, 'package.json'), 'utf8')).version;

function difference(answers) {
  let worst = 0;
  answers.forEach((value, i) => {
    worst = Math.max(worst, Math.abs(value - reference[i]));
  });
  return worst;
}

/** Lists of numbers, as plain JavaScript libraries want rows. */
const lists = (at, n) =>
  Array.from({ length: n }, (_, r) => Array.from(block(at + r, 1)));

/** The answer of the shape's own model as a class or number: what a library can be trained on. */
function target(row) {
  if (info.n_outputs === 1) return reference[row];
  const votes = reference.subarray(row * info.n_outputs, (row + 1) * info.n_outputs);
  return votes.indexOf(Math.max(...votes));
}

async function copse(wasm) {
  const dist = pathToFileURL(join(modules, 'copse/dist/'));
  const { loadModel } = await import(new URL('index.js', dist));
  const model = await loadModel(readFileSync(join(folder, 'model.safetensors')), {
    wasm: new URL(wasm, dist),
  });
  return {
    version: versionOf('copse'),
    difference: difference(model.predict('margin', rows)),
    prepare: block,
    call: (input) => model.predict('margin', input),
  };
}

/** The module without its binding: numbers are in its memory before the clock starts. */
function copseFunction() {
  const dist = join(modules, 'copse/dist');
  const module = new WebAssembly.Module(readFileSync(join(dist, 'copse-fast.wasm')));
  const imports = {};
  for (const { module: from, name } of WebAssembly.Module.imports(module)) {
    (imports[from] ??= {})[name] = () => 0;
  }
  const { exports } = new WebAssembly.Instance(module, imports);
  exports._initialize();
  const put = (array) => {
    const pointer = exports.malloc(array.byteLength);
    new array.constructor(exports.memory.buffer, pointer, array.length).set(array);
    return pointer;
  };
  const file = new Uint8Array(readFileSync(join(folder, 'model.safetensors')));
  const model = exports.copse_load(put(file), file.length);
  const margin = 3;
  const answers = put(new Float64Array(info.n_rows * info.n_outputs));
  const prepare = (at, n) => ({ pointer: put(Float64Array.from(block(at, n))), n });
  const call = ({ pointer, n }) => {
    const code = exports.copse_predict(model, margin, pointer, n, 1, answers);
    if (code !== 0) throw new Error(`copse_predict returned ${code}`);
  };
  call(prepare(0, info.n_rows));
  const all = new Float64Array(exports.memory.buffer, answers, info.n_rows * info.n_outputs);
  return { version: versionOf('copse'), difference: difference(all), prepare, call };
}

async function onnxruntime(name, provider) {
  const runtime = require(name);
  if (provider === 'wasm') runtime.env.wasm.numThreads = 1;
  const session = await runtime.InferenceSession.create(join(folder, 'model.onnx'), {
    executionProviders: [provider],
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
  });
  const prepare = (at, n) => ({ X: new runtime.Tensor('float32', block(at, n), [n, width]) });
  const call = (input) => session.run(input, ['Y']);
  const { Y } = await call(prepare(0, info.n_rows));
  return { version: versionOf(name), difference: difference(Y.data), prepare, call };
}

const quiet = { print() {}, printErr() {} };

/** Trains what `ydf` measures, on the shape's rows and answers, and ends. A process of its own. */
async function trainYdf() {
  globalThis.JSZip = require('jszip');
  const training = await require('ydf-training')(quiet);
  const isBoosted = info.name === 'xgb' || info.name === 'diabetes_gbr';
  const Learner = isBoosted ? training.GradientBoostedTreesLearner : training.RandomForestLearner;
  const model = new Learner('label', isRegression() ? 'REGRESSION' : 'CLASSIFICATION').train(csv());
  const saved = await model.save();
  writeFileSync(join(folder, 'ydf.txt'), model.describe());
  writeFileSync(join(folder, 'ydf.zip'), Buffer.from(await saved.arrayBuffer()));
  process.exit(0);
}

/** Knows models of its own training only. */
async function ydf() {
  globalThis.JSZip = require('jszip');
  const trees = /Number of trees: (\d+)/.exec(readFileSync(join(folder, 'ydf.txt'), 'utf8'));
  const inference = await require('ydf-inference')(quiet);
  const model = await inference.loadModelFromZipBlob(readFileSync(join(folder, 'ydf.zip')));
  const column = (at, n, c) => Array.from({ length: n }, (_, r) => rows[(at + r) * width + c]);
  return {
    version: versionOf('ydf-inference'),
    trees: Number(trees[1]),
    prepare: (at, n) =>
      Object.fromEntries(Array.from({ length: width }, (_, c) => [`f${c}`, column(at, n, c)])),
    call: (input) => model.predict(input),
  };
}

const isRegression = () => info.name.startsWith('diabetes');

function csv() {
  const names = Array.from({ length: width }, (_, c) => `f${c}`);
  // xgb answers one margin of two classes.
  const label = (r) => {
    if (isRegression()) return target(r);
    return info.n_outputs === 1 ? `c${Number(target(r) > 0)}` : `c${target(r)}`;
  };
  const lines = lists(0, info.n_rows).map((row, r) => `${row.join()},${label(r)}`);
  return `${names.join()},label\n${lines.join('\n')}\n`;
}

/** Cannot load anybody's model; trains slowly, so on a part of the rows of the small shapes. */
function mlRandomForest() {
  const library = require('ml-random-forest');
  const nTrain = { iris_rf: 150, diabetes_rf: 442 }[info.name];
  if (nTrain === undefined) throw new Error('its training takes too long for this shape');
  const Forest = isRegression()
    ? library.RandomForestRegression
    : library.RandomForestClassifier;
  const maxFeatures = isRegression() ? width : Math.ceil(Math.sqrt(width));
  const model = new Forest({ seed: 1, nEstimators: 100, maxFeatures, replacement: true });
  model.train(lists(0, nTrain), Array.from({ length: nTrain }, (_, r) => target(r)));
  return {
    version: versionOf('ml-random-forest'),
    trees: 100,
    prepare: lists,
    call: (input) => model.predict(input),
  };
}

const peers = {
  'copse-wasm': () => copse('copse-fast.wasm'),
  'copse-wasm-small': () => copse('copse.wasm'),
  'copse-wasm-c': copseFunction,
  'onnxruntime-node': () => onnxruntime('onnxruntime-node', 'cpu'),
  'onnxruntime-web': () => onnxruntime('onnxruntime-web', 'wasm'),
  'ydf-inference': ydf,
  'ydf-training': trainYdf,
  'ml-random-forest': mlRandomForest,
};

/** Of this process's processor time, so that other processes do not count. */
function milliseconds() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e3;
}

async function run(call, inputs, nCalls) {
  const begin = milliseconds();
  for (let i = 0; i < nCalls; ++i) {
    const answer = call(inputs[i % inputs.length]);
    // Waiting for what is no promise costs more than a small prediction.
    if (answer instanceof Promise) await answer;
  }
  return milliseconds() - begin;
}

/** Median nanoseconds per row of some runs, each over calls of different rows. */
async function nanosecondsPerRow({ prepare, call }, batch) {
  const nInputs = Math.min(Math.floor(info.n_rows / batch), preparedMax);
  const inputs = Array.from({ length: nInputs }, (_, i) => prepare(i * batch, batch));
  // The engine compiles what runs often, and better what runs more often.
  for (let spent = 0; spent < warmUpMilliseconds; ) spent += await run(call, inputs, 1);
  let nCalls = 1;
  while ((await run(call, inputs, nCalls)) < runMilliseconds) nCalls *= 2;
  const times = [];
  for (let i = 0; i < nRuns; ++i) times.push((await run(call, inputs, nCalls)) / (nCalls * batch));
  times.sort((a, b) => a - b);
  return times[Math.floor(nRuns / 2)] * 1e6;
}

const subject = await peers[peer]();
const times = {};
for (const batch of batches.map(Number)) times[batch] = await nanosecondsPerRow(subject, batch);
const { version, difference: worst, trees } = subject;
console.log(JSON.stringify({ version, ns_per_row: times, difference: worst, trees }));
process.exit(0); // the libraries' own threads would keep it alive
