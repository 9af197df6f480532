import { answerAndRows, type Answer } from './answer.js';
import type { ModelDescription } from './description.js';
import { ForestError, errorCode } from './error.js';
import type { ExplainOptions, Importances, PathOptions, Tree, TreePath } from './explanation.js';
import type { ImportedModel, ImportOptions } from './import.js';
import type { Ask, Loaded, Port, Reply, Value, WasmReference } from './messages.js';
import { firstOf, type Prediction } from './prediction.js';
import type { Row, Rows } from './rows.js';

export { isModelFile } from './foreign.js';
export type { ImportedModel } from './import.js';
export type { Port } from './messages.js';

type FileBytes = ArrayBuffer | Uint8Array<ArrayBuffer>;

type SentWasm = string | URL | WebAssembly.Module;

interface SendOptions {
  /** Where the worker finds the module, when not beside its script. */
  readonly wasm?: SentWasm;
  /** Gives the bytes away instead of copying them. */
  readonly transfer?: boolean | undefined;
}

function viewOf(bytes: FileBytes): Uint8Array<ArrayBuffer> {
  return bytes instanceof ArrayBuffer ? new Uint8Array(bytes) : bytes;
}

/** What can be sent of it. */
function referenceTo(wasm: SentWasm | undefined): WasmReference | undefined {
  return wasm instanceof URL ? wasm.href : wasm;
}

interface Waiting {
  readonly resolve: (value: Value) => void;
  readonly reject: (cause: unknown) => void;
}

/**
 * The page's side of a worker whose script is `copse/worker`:
 *
 *     const worker = new Worker(new URL('copse/worker', import.meta.url), { type: 'module' });
 *     const model = await new ForestWorker(worker).load(bytes);
 *     const probabilities = await model.predict('proba', rows);
 */
export class ForestWorker {
  readonly #port: Port;
  readonly #waiting = new Map<number, Waiting>();
  #last = 0;
  #closed: ForestError | undefined;

  constructor(port: Port) {
    this.#port = port;
    port.addEventListener('message', (event) => {
      this.#settle(event.data as Reply);
    });
    port.start?.();
  }

  /** Loads a model file there. */
  async load(bytes: FileBytes, options: SendOptions = {}): Promise<RemoteModel> {
    const view = viewOf(bytes);
    const request = { ask: 'load', bytes: view, wasm: referenceTo(options.wasm) } as const;
    const loaded = await this.ask(request, options.transfer === true ? [view.buffer] : []);
    return new RemoteModel(this, loaded as Loaded);
  }

  /**
   * Imports a file of another library there, which never holds up the page; `load` takes the
   * result's bytes. The options are those of `importModel`.
   */
  async import(
    bytes: FileBytes,
    options: SendOptions &
      Pick<ImportOptions, 'iterations' | 'leafIds'> & { readonly onnxWasm?: SentWasm } = {},
  ): Promise<ImportedModel> {
    const view = viewOf(bytes);
    const request = {
      ask: 'import',
      bytes: view,
      iterations: options.iterations,
      leafIds: options.leafIds,
      wasm: referenceTo(options.wasm),
      onnxWasm: referenceTo(options.onnxWasm),
    } as const;
    const imported = await this.ask(request, options.transfer === true ? [view.buffer] : []);
    return imported as ImportedModel;
  }

  /** Refuses what still waits, and what comes after. The worker itself is its owner's to end. */
  close(reason = 'the worker was closed'): void {
    this.#closed = new ForestError(errorCode.unavailable, reason);
    for (const { reject } of this.#waiting.values()) reject(this.#closed);
    this.#waiting.clear();
  }

  /** One request and its reply. */
  ask(request: Ask, transfer: Transferable[] = []): Promise<Value> {
    return new Promise((resolve, reject) => {
      if (this.#closed) throw this.#closed;
      const id = ++this.#last;
      this.#port.postMessage({ id, ...request }, transfer);
      this.#waiting.set(id, { resolve, reject });
    });
  }

  #settle(reply: Reply): void {
    const waiting = this.#waiting.get(reply.id);
    if (!waiting) return;
    this.#waiting.delete(reply.id);
    if ('value' in reply) {
      waiting.resolve(reply.value);
    } else {
      const { code, message, detail } = reply.refusal;
      waiting.reject(new ForestError(code, message, detail));
    }
  }
}

/** A model inside a worker: as `Model`, but every answer is a promise. */
export class RemoteModel {
  readonly description: ModelDescription;
  readonly #worker: ForestWorker;
  readonly #loaded: Loaded;

  /** Use `ForestWorker.load`. */
  constructor(worker: ForestWorker, loaded: Loaded) {
    this.#worker = worker;
    this.#loaded = loaded;
    this.description = loaded.description;
  }

  /** Numbers a row of `answer` has; undefined where this model has no such answer. */
  columns(answer: Answer): number | undefined {
    return this.#loaded.columns[answer];
  }

  /** The answer 'predict': the index of each output's class, or its value. */
  predict(rows: Rows): Promise<Float64Array<ArrayBuffer>>;
  /** `answer` for `rows`, row-major. `transfer` gives a typed array away instead of copying it. */
  predict(
    answer: Answer,
    rows: Rows,
    options?: { readonly transfer?: boolean },
  ): Promise<Float64Array<ArrayBuffer>>;
  async predict(
    first: Answer | Rows,
    second?: Rows,
    options: { readonly transfer?: boolean } = {},
  ): Promise<Float64Array<ArrayBuffer>> {
    const [answer, rows] = answerAndRows(first, second);
    const given = options.transfer === true && ArrayBuffer.isView(rows);
    const value = await this.#worker.ask(
      { ask: 'predict', model: this.#loaded.model, answer, rows },
      given ? [rows.buffer as ArrayBuffer] : [],
    );
    return value as Float64Array<ArrayBuffer>;
  }

  /** Probabilities [nRows, classes]. */
  predictProba(rows: Rows): Promise<Float64Array<ArrayBuffer>> {
    return this.predict('proba', rows);
  }

  /** Raw scores [nRows, columns('margin')]. */
  margins(rows: Rows): Promise<Float64Array<ArrayBuffer>> {
    return this.predict('margin', rows);
  }

  async predictRow(row: Row): Promise<Prediction> {
    return firstOf(await this.predictOutputs(row));
  }

  async predictOutputs(row: Row): Promise<readonly Prediction[]> {
    const request = { ask: 'predictOutputs', model: this.#loaded.model, row } as const;
    return (await this.#worker.ask(request)) as readonly Prediction[];
  }

  /** Contributions [nRows, columns('margin'), nFeatures + 1]: see `Model.explain`. */
  async explain(rows: Rows, options: ExplainOptions = {}): Promise<Float64Array<ArrayBuffer>> {
    const { method } = options;
    const request = { ask: 'explain', model: this.#loaded.model, rows, method } as const;
    return (await this.#worker.ask(request)) as Float64Array<ArrayBuffer>;
  }

  /** The way of one row through every tree, or some of them: thousands are better asked in parts. */
  async decisionPath(row: Row, options: PathOptions = {}): Promise<readonly TreePath[]> {
    const { from, to } = options;
    const request = { ask: 'decisionPath', model: this.#loaded.model, row, from, to } as const;
    return (await this.#worker.ask(request)) as readonly TreePath[];
  }

  /** Tree number `tree`, from 0, as a drawing needs it. */
  async tree(tree: number): Promise<Tree> {
    const request = { ask: 'tree', model: this.#loaded.model, tree } as const;
    return (await this.#worker.ask(request)) as Tree;
  }

  /** How much the trees use each feature: see `Model.importances`. */
  async importances(rows?: Rows, options: ExplainOptions = {}): Promise<Importances> {
    const { method } = options;
    const request = { ask: 'importances', model: this.#loaded.model, rows, method } as const;
    return (await this.#worker.ask(request)) as Importances;
  }

  /** Gives the memory back. Again is fine. */
  async free(): Promise<void> {
    await this.#worker.ask({ ask: 'free', model: this.#loaded.model });
  }
}
