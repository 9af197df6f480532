// What a browser downloads of each peer before it has a model, compressed by brotli -11:
//
//   node download_sizes.mjs NODE_MODULES
//
// Ours is bundled and minified by Vite; the others ship files that are minified already.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants } from 'node:zlib';

import { build } from 'vite';

const [modules] = process.argv.slice(2);
const dist = fileURLToPath(new URL('../../../wasm/dist/', import.meta.url));

function sizeOf(bytes) {
  const params = {
    [constants.BROTLI_PARAM_QUALITY]: 11,
    [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
  };
  return { bytes: bytes.length, brotli: brotliCompressSync(bytes, { params }).length };
}

const sum = (sizes) => ({
  bytes: sizes.reduce((total, size) => total + size.bytes, 0),
  brotli: sizes.reduce((total, size) => total + size.brotli, 0),
});
const filesOf = (...paths) => sum(paths.map((path) => sizeOf(readFileSync(path))));

/** The script of a page that loads models by `entry` of dist, bundled. */
async function scriptOf(entry) {
  const folder = mkdtempSync(join(tmpdir(), 'copse-size-'));
  try {
    const main = join(folder, 'main.js');
    writeFileSync(main, `import { loadModel } from '${join(dist, entry)}';\nglobalThis.loadModel = loadModel;\n`);
    const [{ output }] = await build({
      ...{ configFile: false, logLevel: 'error', root: folder },
      build: { write: false, target: 'es2022', assetsInlineLimit: 0, rolldownOptions: { input: main } },
    }).then((built) => [built].flat());
    return sizeOf(Buffer.from(output.find((chunk) => chunk.type === 'chunk').code));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const script = await scriptOf('index.js');
const ort = join(modules, 'onnxruntime-web/dist');
const ydf = join(modules, 'ydf-inference/dist');
console.log(
  JSON.stringify({
    'copse, small module': sum([script, filesOf(join(dist, 'copse.wasm'))]),
    copse: sum([script, filesOf(join(dist, 'copse-fast.wasm'))]),
    'copse/inline, one script': await scriptOf('inline.js'),
    'onnxruntime-web, wasm only': filesOf(
      join(ort, 'ort.wasm.min.mjs'),
      join(ort, 'ort-wasm-simd-threaded.mjs'),
      join(ort, 'ort-wasm-simd-threaded.wasm'),
    ),
    'ydf-inference': filesOf(
      join(ydf, 'inference.js'),
      join(ydf, 'inference.wasm'),
      join(modules, 'jszip/dist/jszip.min.js'),
    ),
  }),
);
