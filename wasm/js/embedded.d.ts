// dist/embedded.js is written by tools/embed.mjs after the modules are linked.

/** copse.wasm, compressed by gzip, as base64. */
export const compressedModule: string;
/** A classic script: what `inline-worker.ts` is with everything that it imports. */
export const workerScript: string;
