import type { Answer } from './answer.js';
import { ForestError, errorCode } from './error.js';
import { loadModel, type Model } from './index.js';
import type { Port, Refusal, Reply, Request, Value } from './messages.js';

function refusalOf(cause: unknown): Refusal {
  return cause instanceof ForestError
    ? { code: cause.code, message: cause.message, detail: cause.detail }
    : { code: errorCode.internal, message: String(cause), detail: {} };
}

function columnsOf(model: Model): Partial<Record<Answer, number>> {
  return Object.fromEntries(
    model.description.answers.map((answer) => [answer, model.columns(answer)]),
  );
}

/** Not part of the worker's own script: most never import. */
async function fetchImporter(): Promise<typeof import('./import.js')> {
  try {
    return await import('./import.js');
  } catch (cause) {
    throw new ForestError(
      errorCode.unavailable,
      `the importer cannot be fetched: ${String(cause)}`,
    );
  }
}

/** The memory of a reply that goes over to the client. */
function toGiveAway(value: Value): Transferable[] {
  if (value instanceof Float64Array) return [value.buffer];
  return value !== null && 'bytes' in value ? [value.bytes.buffer] : [];
}

/** Answers the requests of one client that arrive at `port`, in their order of arrival. */
export function serve(port: Port): void {
  const models = new Map<number, Model>();
  let last = 0;

  const find = (number: number): Model => {
    const model = models.get(number);
    if (model) return model;
    throw new ForestError(
      errorCode.invalidInput,
      `model ${String(number)} of this worker was asked after free: load it again`,
    );
  };

  const answer = async (request: Request): Promise<Value> => {
    switch (request.ask) {
      case 'load': {
        const model = await loadModel(request.bytes, { wasm: request.wasm });
        models.set(++last, model);
        return { model: last, description: model.description, columns: columnsOf(model) };
      }
      case 'import': {
        const { importModel } = await fetchImporter();
        return importModel(request.bytes, request);
      }
      case 'predict':
        return find(request.model).predict(request.answer, request.rows);
      case 'predictOutputs':
        return find(request.model).predictOutputs(request.row);
      case 'free':
        models.get(request.model)?.free();
        models.delete(request.model);
        return null;
    }
  };

  const reply = async (request: Request): Promise<void> => {
    let message: Reply;
    try {
      message = { id: request.id, value: await answer(request) };
    } catch (cause) {
      message = { id: request.id, refusal: refusalOf(cause) };
    }
    port.postMessage(message, 'value' in message ? toGiveAway(message.value) : []);
  };

  port.addEventListener('message', (event) => {
    void reply(event.data as Request);
  });
  port.start?.();
}

// As the script of a browser's Worker it serves the page that started it.
declare const WorkerGlobalScope: (new () => object) | undefined;
if (typeof WorkerGlobalScope !== 'undefined' && globalThis instanceof WorkerGlobalScope) {
  serve(globalThis as unknown as Port);
}
