import { ForestError, errorCode } from './error.js';
import type { Compression, ImportDoor } from './import-door.js';

/** What a browser can unpack by itself, by its names. */
const formats: Partial<Record<Compression, CompressionFormat>> = { gzip: 'gzip', zlib: 'deflate' };

/** Bytes that go in at a time: what comes out is counted against what went in. */
const stepBytes = 2 ** 16;
/** Bytes from which it is seen whether a file is worth unpacking, as the command line does. */
const headBytes = 2 ** 16;

/** A compressed file on its way in. */
class Feed {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  fed = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes as Uint8Array<ArrayBuffer>;
  }

  stream(): ReadableStream<Uint8Array<ArrayBuffer>> {
    const pull = (controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>): void => {
      const step = this.#bytes.subarray(this.fed, this.fed + stepBytes);
      this.fed += step.byteLength;
      if (step.byteLength > 0) controller.enqueue(step);
      if (this.fed === this.#bytes.byteLength) controller.close();
    };
    return new ReadableStream({ pull }, { highWaterMark: 0 });
  }
}

/**
 * The bytes of the compressed file in `door`, in chunks as they come.
 *
 * Stops at the first beyond what so many compressed bytes may become, and at a beginning that is no
 * model: a bomb costs little, however large it is.
 */
export async function decompress(bytes: Uint8Array, door: ImportDoor): Promise<readonly Uint8Array[]> {
  const { compression } = door;
  const format = formats[compression];
  if (format === undefined) throw cannotUnpack(compression);
  const feed = new Feed(bytes);
  const reader = feed.stream().pipeThrough(new DecompressionStream(format)).getReader();
  const chunks: Uint8Array[] = [];
  let total = 0;
  let checked = false;
  try {
    for (;;) {
      const { done, value } = await reader.read().catch((cause: unknown) => {
        throw damaged(compression, total, cause);
      });
      if (!done) {
        total += value.byteLength;
        chunks.push(value);
      }
      if (!checked && (done || total >= headBytes)) {
        door.checkHead(headOf(chunks), done);
        checked = true;
      }
      if (done) return chunks;
      if (total > door.decompressedBytesMax(feed.fed)) throw tooLarge(compression, bytes.byteLength);
    }
  } finally {
    // Not awaited: nobody waits for the rest of a bomb.
    void reader.cancel().catch(() => undefined);
  }
}

function headOf(chunks: readonly Uint8Array[]): Uint8Array {
  const head = new Uint8Array(headBytes);
  let size = 0;
  for (const chunk of chunks) {
    const part = chunk.subarray(0, headBytes - size);
    head.set(part, size);
    size += part.byteLength;
  }
  return head.subarray(0, size);
}

function cannotUnpack(compression: Compression): ForestError {
  return new ForestError(
    errorCode.unsupportedModel,
    `this ${compression} file cannot be decompressed here: save it with ` +
      'joblib.dump(model, "model.joblib", compress=3), or import it with the command `copse import`',
  );
}

function damaged(compression: Compression, total: number, cause: unknown): ForestError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new ForestError(
    errorCode.invalidModel,
    `this ${compression} file is damaged after ${String(total)} bytes of content (${why})`,
  );
}

function tooLarge(compression: Compression, nBytes: number): ForestError {
  return new ForestError(
    errorCode.tooLarge,
    `this ${compression} file of ${String(nBytes)} bytes becomes larger than the limit for it; ` +
      'if that is no mistake, decompress it first, and give the result',
  );
}
