import { ForestError, errorCode } from './error.js';

/** Where bytes come from: an address, an answer of `fetch`, or the bytes themselves. */
export type ByteSource = URL | string | Response | Blob | ArrayBuffer | ArrayBufferView;

/** Where a module comes from, when it is not the file beside this one. */
export type WasmSource = ByteSource | WebAssembly.Module;

interface NodeFiles {
  readFile(path: URL): Promise<Uint8Array<ArrayBuffer>>;
}
declare const process: { getBuiltinModule?(name: string): unknown } | undefined;

/** Node's `fetch` reads no files. Found without an import, so that bundlers see no node: name. */
function nodeFiles(): NodeFiles | undefined {
  if (typeof process === 'undefined') return undefined;
  return process.getBuiltinModule?.('node:fs/promises') as NodeFiles | undefined;
}

function toUrl(address: URL | string): URL {
  if (address instanceof URL) return address;
  const base = typeof location === 'undefined' ? undefined : location.href;
  if (!URL.canParse(address, base)) {
    throw new ForestError(errorCode.invalidInput, `'${address}' is not an address: expected a URL`);
  }
  return new URL(address, base);
}

async function readFile(files: NodeFiles, url: URL): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return await files.readFile(url);
  } catch (cause) {
    throw new ForestError(errorCode.notFound, `${url.href} cannot be read: ${String(cause)}`);
  }
}

/** The answer of a server, or the file's bytes. */
async function open(address: URL | string): Promise<Response | Uint8Array<ArrayBuffer>> {
  const url = toUrl(address);
  const files = url.protocol === 'file:' ? nodeFiles() : undefined;
  if (files) return readFile(files, url);
  try {
    return await fetch(url);
  } catch (cause) {
    throw new ForestError(errorCode.unavailable, `${url.href} cannot be fetched: ${String(cause)}`);
  }
}

function demandOk(response: Response): void {
  if (response.ok) return;
  const code = response.status < 500 ? errorCode.notFound : errorCode.unavailable;
  throw new ForestError(
    code,
    `${response.url} answered ${String(response.status)}: expected the file`,
  );
}

function isBytes(source: unknown): source is ArrayBuffer | ArrayBufferView {
  return source instanceof ArrayBuffer || ArrayBuffer.isView(source);
}

/** All bytes of `source`. A view of the caller's own bytes is not copied. */
export async function readBytes(source: ByteSource): Promise<Uint8Array> {
  if (source instanceof ArrayBuffer) return new Uint8Array(source);
  if (ArrayBuffer.isView(source)) {
    return new Uint8Array(source.buffer, source.byteOffset, source.byteLength);
  }
  if (source instanceof Response) demandOk(source);
  if (source instanceof Response || source instanceof Blob) {
    return new Uint8Array(await source.arrayBuffer());
  }
  return readBytes(await open(source));
}

/**
 * `source` as a compiled module: while it is still arriving where that is possible, from its
 * bytes where a server calls .wasm by another type than application/wasm.
 */
async function compile(source: WasmSource): Promise<WebAssembly.Module> {
  if (source instanceof WebAssembly.Module) return source;
  const opened = source instanceof URL || typeof source === 'string' ? await open(source) : source;
  // Bytes are looked for first: in Node, to name Response costs more than everything else here.
  if (!isBytes(opened) && opened instanceof Response) {
    demandOk(opened);
    const type = opened.headers.get('content-type') ?? '';
    if (/^application\/wasm\s*(;|$)/i.test(type)) return WebAssembly.compileStreaming(opened);
  }
  return WebAssembly.compile((await readBytes(opened)) as Uint8Array<ArrayBuffer>);
}

const modules = new Map<string, Promise<WebAssembly.Module>>();

/** The module of `source`; one address is compiled once, unless that failed. */
export function moduleOf(source: WasmSource): Promise<WebAssembly.Module> {
  if (!(source instanceof URL || typeof source === 'string')) return compile(source);
  const address = String(source);
  const known = modules.get(address);
  if (known) return known;
  const compiling = compile(source);
  modules.set(address, compiling);
  compiling.catch(() => modules.delete(address));
  return compiling;
}
