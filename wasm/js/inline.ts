import { ForestWorker } from './client.js';
import { compressedModule, workerScript } from './embedded.js';
import { loadWith } from './load.js';
import type { Model } from './model.js';
import { readBytes, type ByteSource, type WasmSource } from './module.js';
import { noSupplies } from './no-supplies.js';
import { serveWith } from './serve.js';

export * from './api.js';
export { ForestWorker, type RemoteModel } from './client.js';

async function unpack(): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = Uint8Array.from(atob(compressedModule), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
  return (await readBytes(new Response(stream))) as Uint8Array<ArrayBuffer>;
}

let unpacked: Promise<Uint8Array<ArrayBuffer>> | undefined;
let compiled: Promise<WebAssembly.Module> | undefined;

/** The bytes of copse.wasm out of this script. */
function embeddedBytes(): Promise<Uint8Array<ArrayBuffer>> {
  return (unpacked ??= unpack());
}

function embeddedModule(): Promise<WebAssembly.Module> {
  return (compiled ??= embeddedBytes().then((bytes) => WebAssembly.compile(bytes)));
}

/**
 * `loadModel` of 'copse', with the module that this script carries: nothing is fetched, so it works
 * from a page on disk and under a Content-Security-Policy without connect-src. `wasm` may still name
 * another one.
 */
export function loadModel(
  source: ByteSource,
  options: { readonly wasm?: WasmSource | undefined } = {},
): Promise<Model> {
  return loadWith(source, options.wasm ?? embeddedModule(), 'copse.wasm');
}

/** What answers off a page that has no script of a worker to start, and how to end it. */
export interface InlineWorker {
  /** `client.load(bytes)` loads a model there. */
  readonly client: ForestWorker;
  /** False where this page's own thread computes, because no worker could be started. */
  readonly ownThread: boolean;
  /** Ends it, whatever it does; who waits for it is refused. Again is fine. */
  readonly end: () => void;
}

/**
 * A worker out of this script, from a blob: address, which works from a page on disk too. Its
 * Content-Security-Policy is the page's: `worker-src blob:` and `script-src 'wasm-unsafe-eval'`.
 *
 * Where no worker can be started (no `worker-src blob:`, Trusted Types, Node) this thread answers
 * the same client, one request after another.
 */
export async function openWorker(): Promise<InlineWorker> {
  const worker = await startWorker(await embeddedBytes());
  if (!worker) return serveHere(await embeddedModule());
  const client = new ForestWorker(worker);
  worker.addEventListener('error', (event) => {
    client.close(`the worker failed: ${event.message}`);
  });
  return {
    client,
    ownThread: true,
    end: () => {
      worker.terminate();
      client.close();
    },
  };
}

/** A worker that has compiled the module, if there can be one. */
async function startWorker(module: Uint8Array): Promise<Worker | undefined> {
  if (typeof Worker === 'undefined') return undefined;
  const address = URL.createObjectURL(new Blob([workerScript], { type: 'text/javascript' }));
  try {
    const worker = new Worker(address);
    const isReady = await new Promise<boolean>((resolve) => {
      worker.addEventListener('message', () => { resolve(true); }, { once: true });
      worker.addEventListener('error', () => { resolve(false); }, { once: true });
      // As bytes: not every port takes a compiled module to where its page is no site's.
      worker.postMessage(module);
    });
    if (isReady) return worker;
    worker.terminate();
  } catch {
    // Trusted Types throw where a policy would send the event.
  } finally {
    URL.revokeObjectURL(address);
  }
  return undefined;
}

function serveHere(small: WebAssembly.Module): InlineWorker {
  const { port1, port2 } = new MessageChannel();
  serveWith(port2, { ...noSupplies, small });
  const client = new ForestWorker(port1);
  return {
    client,
    ownThread: false,
    end: () => {
      port1.close();
      client.close();
    },
  };
}
