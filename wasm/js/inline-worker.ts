// The script that `openWorker` of inline.ts starts from a blob: address. It carries no module: the
// first message is copse.wasm, whose arrival and compiling it confirms, and then it serves.
import type { Port } from './messages.js';
import { noSupplies } from './no-supplies.js';
import { serveWith } from './serve.js';

globalThis.addEventListener(
  'message',
  (event) => {
    const small = new WebAssembly.Module((event as MessageEvent<Uint8Array<ArrayBuffer>>).data);
    const port = globalThis as unknown as Port;
    serveWith(port, { ...noSupplies, small });
    port.postMessage('ready', []);
  },
  { once: true },
);
