import { fileURLToPath } from 'node:url';
import { defineConfig, type Plugin } from 'vite';

/** Puts this folder's workers in the place of the site's. */
function inlineWorkers(): Plugin {
  return {
    name: 'inline-workers',
    enforce: 'pre',
    resolveId(source) {
      return /^\.\.?\/start-workers$/.test(source) ? fileURLToPath(new URL('start-workers.ts', import.meta.url)) : null;
    },
  };
}

// The page with all its panels as one script and one style sheet. `tools/saved-page.mjs` runs this
// and makes one file of them, into which the page puts a model and a row (src/save/).
export default defineConfig({
  mode: 'saved',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  // A module needs an address to import from; a worker from a blob: has none.
  worker: { format: 'iife' },
  plugins: [inlineWorkers()],
  build: {
    target: 'es2022',
    write: false,
    cssCodeSplit: false,
    modulePreload: false,
    rolldownOptions: {
      input: fileURLToPath(new URL('main.ts', import.meta.url)),
      output: { codeSplitting: false },
    },
  },
});
