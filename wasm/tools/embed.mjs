// Writes dist/embedded.js: copse.wasm and the script of the inline worker, as text that a script can
// carry. The same inputs give the same bytes.
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

import { build } from 'vite';

const dist = join(dirname(fileURLToPath(import.meta.url)), '../dist');

/** dist/inline-worker.js and what it imports, as one classic script. */
async function workerScript() {
  const [{ output }] = await build({
    configFile: false,
    logLevel: 'warn',
    build: {
      write: false,
      target: 'es2022',
      lib: { entry: join(dist, 'inline-worker.js'), formats: ['iife'], name: 'copse' },
    },
  });
  if (output.length !== 1) throw new Error('the inline worker is not one script');
  return output[0].code.trim();
}

const module = await readFile(join(dist, 'copse.wasm'));
const constants = {
  compressedModule: gzipSync(module, { level: 9 }).toString('base64'),
  workerScript: await workerScript(),
};
const lines = Object.entries(constants).map(
  ([name, text]) => `export const ${name} = ${JSON.stringify(text)};\n`,
);
await writeFile(join(dist, 'embedded.js'), lines.join(''));
