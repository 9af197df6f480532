import { ForestError, errorCode } from './error.js';
import type { Port } from './messages.js';
import { serveWith, type Supplies } from './serve.js';

/** Files beside this one, fetched when they are needed: most workers never import. */
const files: Supplies = {
  small: new URL('./copse.wasm', import.meta.url),
  fast: new URL('./copse-fast.wasm', import.meta.url),
  importer: async () => {
    try {
      return (await import('./import.js')).importModel;
    } catch (cause) {
      throw new ForestError(
        errorCode.unavailable,
        `the importer cannot be fetched: ${String(cause)}`,
      );
    }
  },
};

/** Answers the requests of one client that arrive at `port`, one after another. */
export function serve(port: Port): void {
  serveWith(port, files);
}

// As the script of a browser's Worker it serves the page that started it.
declare const WorkerGlobalScope: (new () => object) | undefined;
if (typeof WorkerGlobalScope !== 'undefined' && globalThis instanceof WorkerGlobalScope) {
  serve(globalThis as unknown as Port);
}
