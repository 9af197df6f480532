import { isModelFile } from 'copse/client';
import { versionOf } from './model-file';
import { BrowserPredictor } from './predictor';
import { startModelWorker, type ModelWorker } from './start-workers';

/** Which rounds of a model that was stopped early are kept. */
export type Iterations = 'best' | 'all';

/** A file that is being opened: what comes of it, and how to give up waiting. */
export interface Opening {
  /** Rejects with the sentence that says why. */
  readonly predictor: Promise<BrowserPredictor>;
  readonly cancel: () => void;
}

/**
 * Opens a model file of ours or of another library in a worker of its own: a file that takes long
 * holds up nothing, and what it broke ends with the worker.
 */
export function openFile(file: File, iterations?: Iterations): Opening {
  const starting = startModelWorker();
  const cancel = () => void starting.then((worker) => { worker.end(); });
  const predictor = starting.then((worker) => open(file, worker, iterations)).catch((cause: unknown) => {
    cancel();
    throw cause;
  });
  return { predictor, cancel };
}

async function open(file: File, worker: ModelWorker, iterations?: Iterations): Promise<BrowserPredictor> {
  const theirs = await bytesOf(file);
  const imported = !isModelFile(theirs);
  const size = theirs.byteLength;
  const options = { transfer: true, iterations };
  const { bytes } = imported ? await worker.client.import(theirs, options) : { bytes: theirs };
  const blob = new Blob([bytes], { type: 'application/octet-stream' });
  const url = URL.createObjectURL(blob);
  try {
    return await BrowserPredictor.load({
      name: stemOf(file.name),
      url,
      version: await versionOf(bytes.buffer),
      bytes: bytes.buffer,
      blob,
      opened: { name: file.name, bytes: size, imported },
    }, worker);
  } catch (cause) {
    URL.revokeObjectURL(url);
    throw cause;
  }
}

async function bytesOf(file: File): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return new Uint8Array(await file.arrayBuffer());
  } catch {
    // A folder, or a file that is gone or not for this browser's eyes.
    throw new Error('it cannot be read: expected one file that this browser may open');
  }
}

/** "forest" of "forest.pkl.gz": the name of the model, as the server names it. */
function stemOf(name: string): string {
  const models = /\.(safetensors|pkl|pickle|joblib|json|ubj|txt|onnx|model)(?=\.(gz|z|zlib)$)/;
  return name.replace(models, '').replace(/(?<=.)\.[^.]*$/, '');
}
