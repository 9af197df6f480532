import type { Answer } from './answer.js';
import { Door } from './door.js';
import { ForestError, errorCode } from './error.js';
import type { importModel } from './import.js';
import { loadWith } from './load.js';
import type { Port, Refusal, Reply, Request, Value } from './messages.js';
import { Model } from './model.js';
import { moduleOf, type WasmSource } from './module.js';
import type { Rows } from './rows.js';

/** Where a worker finds what it computes with, unless its client says. */
export interface Supplies {
  /** The module that answers first; without it the client has to send one. */
  readonly small?: WasmSource;
  /** The one for many rows. */
  readonly fast?: WasmSource;
  readonly importer: () => Promise<typeof importModel>;
}

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

/**
 * Rows times trees times their depth that the small module answers in about 50 milliseconds; above,
 * the fast one is worth its way here.
 */
const smallStepsMax = 5e6;

/** A model of this worker, by the small module first: a page is there sooner, and asks one row. */
class Held {
  #model: Model;
  /** The file, until the fast module has read it. */
  #bytes: Uint8Array | undefined;
  readonly #fast: WasmSource | undefined;

  private constructor(model: Model, bytes: Uint8Array | undefined, fast: WasmSource | undefined) {
    this.#model = model;
    this.#bytes = bytes;
    this.#fast = fast;
  }

  static async load(bytes: Uint8Array, wasm: WasmSource | undefined, supplies: Supplies): Promise<Held> {
    const { small, fast } = supplies;
    const name = 'copse.wasm';
    if (wasm !== undefined) return new Held(await loadWith(bytes, wasm, name), undefined, undefined);
    if (small !== undefined) return new Held(await loadWith(bytes, small, name), bytes, fast);
    throw new ForestError(
      errorCode.unavailable,
      'this worker carries no copse.wasm: expected one in the option `wasm`',
    );
  }

  get model(): Model {
    return this.#model;
  }

  /** The model for so many rows. */
  async modelFor(rows: Rows): Promise<Model> {
    const { n_features: width, n_trees: trees, max_depth: depth } = this.#model.description;
    let nRows = 0; // what are no rows is refused by the model
    if (ArrayBuffer.isView(rows)) nRows = rows.length / width;
    if (Array.isArray(rows)) nRows = rows.length;
    if (nRows * trees * depth > smallStepsMax) await this.#becomeFast();
    return this.#model;
  }

  free(): void {
    this.#model.free();
  }

  async #becomeFast(): Promise<void> {
    const bytes = this.#bytes;
    if (!bytes || this.#fast === undefined) return;
    let fast: Model;
    try {
      const module = await moduleOf(this.#fast);
      // An instance of its own: if the model is too large for it, no other model ends with it.
      const door = new Door(module, 'copse-fast.wasm');
      fast = new Model(door, door.load(bytes));
    } catch (cause) {
      // The small module knows the answers too. What failed for lack of a network is tried again.
      const isAway = cause instanceof ForestError && cause.code === errorCode.unavailable;
      if (!isAway) this.#bytes = undefined;
      return;
    }
    this.#bytes = undefined;
    this.#model.free();
    this.#model = fast;
  }
}

/** The memory of a reply that goes over to the client. */
function toGiveAway(value: Value): Transferable[] {
  if (value instanceof Float64Array) return [value.buffer];
  return value !== null && 'bytes' in value ? [value.bytes.buffer] : [];
}

/** Answers the requests of one client that arrive at `port`, one after another. */
export function serveWith(port: Port, supplies: Supplies): void {
  const models = new Map<number, Held>();
  let last = 0;

  const find = (number: number): Held => {
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
        const held = await Held.load(request.bytes, request.wasm, supplies);
        models.set(++last, held);
        const { model } = held;
        return { model: last, description: model.description, columns: columnsOf(model) };
      }
      case 'import': {
        const importer = await supplies.importer();
        return importer(request.bytes, request);
      }
      case 'predict':
        return (await find(request.model).modelFor(request.rows)).predict(
          request.answer,
          request.rows,
        );
      case 'predictOutputs':
        return find(request.model).model.predictOutputs(request.row);
      case 'explain':
        return find(request.model).model.explain(request.rows, request);
      case 'decisionPath':
        return find(request.model).model.decisionPath(request.row, request);
      case 'tree':
        return find(request.model).model.tree(request.tree);
      case 'importances':
        return find(request.model).model.importances(request.rows, request);
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

  let queue = Promise.resolve();
  port.addEventListener('message', (event) => {
    const next = () => reply(event.data as Request);
    queue = queue.then(next, next);
  });
  port.start?.();
}
