import { defineConfig } from 'vite';

// The page and its service worker. `tools/build.mjs` runs this and finishes what it leaves.
export default defineConfig({
  // Relative addresses: the page also works in a folder of a static host.
  base: './',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  worker: { format: 'es' },
  build: {
    target: 'es2022',
    outDir: '../build/web',
    emptyOutDir: true,
    // Inlined assets would be data: addresses, which the CSP forbids to fetch.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: { page: 'index.html', sw: 'service-worker/sw.ts' },
      output: {
        // The service worker's address must not change between versions.
        entryFileNames: (chunk) => (chunk.name === 'sw' ? 'sw.js' : 'assets/[name]-[hash].js'),
      },
    },
  },
});
