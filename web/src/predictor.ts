import type { ExplainMethod, Importances, Tree, TreePath } from 'copse';
import type { RemoteModel } from 'copse/client';
import type { Answer, ModelCard, OpenedFile, OutputAnswer } from './model-card';
import { cardOf } from './read-card';
import { readPrediction } from './server-answer';
import { fetchFromServer } from './server-token';
import { startModelWorker, type ModelWorker } from './start-workers';

/** What came of asking for one row. */
export type Outcome =
  | { readonly kind: 'answered'; readonly answer: Answer; readonly version: string }
  /** The row or the model is at fault; the message says what. */
  | { readonly kind: 'refused'; readonly row: readonly number[]; readonly message: string }
  /** Nobody is there to ask. */
  | { readonly kind: 'unreachable'; readonly row: readonly number[] };

/** One that answers rows: this browser, or the server. The same row gets the same answer. */
export interface Predictor {
  /** Never rejects. A missing value is NaN. */
  ask(row: readonly number[]): Promise<Outcome>;
}

/** The model inside a worker of this page. */
export class BrowserPredictor implements Predictor {
  readonly #worker: ModelWorker;
  readonly #model: RemoteModel;
  readonly card: ModelCard;
  /** The model file, as it was given. */
  readonly file: Blob;

  private constructor(worker: ModelWorker, model: RemoteModel, card: ModelCard, file: Blob) {
    this.#worker = worker;
    this.#model = model;
    this.card = card;
    this.file = file;
  }

  /** Gives the worker the model file. Rejects with the sentence that says why, and ends it. */
  static async load(file: ModelFile, given?: ModelWorker): Promise<BrowserPredictor> {
    const fileBytes = file.bytes.byteLength;
    const worker = given ?? (await startModelWorker());
    try {
      const model = await worker.client.load(file.bytes, { transfer: true });
      return new BrowserPredictor(worker, model, cardOf(model.description, { ...file, fileBytes }), file.blob);
    } catch (cause) {
      worker.end();
      throw cause;
    }
  }

  /** Ends the worker, and with it the model. */
  close(): void {
    this.#worker.end();
  }

  async ask(row: readonly number[]): Promise<Outcome> {
    try {
      const predictions = await this.#model.predictOutputs(row);
      const outputs = predictions.map((prediction, k): OutputAnswer => {
        if (prediction.kind !== 'class') return { kind: 'value', value: prediction.value };
        const { index, label } = prediction;
        const labels = this.card.outputs[k]?.labels ?? [];
        const probabilities = labels.map((name) => prediction.probabilities[name] ?? NaN);
        return { kind: 'class', index, label: String(label), probabilities };
      });
      return { kind: 'answered', answer: { row, outputs }, version: this.card.version };
    } catch (cause) {
      return { kind: 'refused', row, message: sentenceOf(cause) };
    }
  }

  /** What is said about many rows at once, row-major. Rejects with the sentence that names the row. */
  async answerRows(rows: Float64Array<ArrayBuffer>): Promise<BlockAnswer> {
    const classes = this.card.outputs.some((output) => output.kind === 'class');
    const [decisions, probabilities] = await Promise.all([
      this.#model.predict('predict', rows),
      classes ? this.#model.predict('proba', rows) : new Float64Array(),
    ]);
    return { decisions, probabilities };
  }

  /** [margins] before the link. Like the following, rejects with the sentence that says why. */
  async margins(row: readonly number[]): Promise<Float64Array> {
    return this.#model.predict('margin', Float64Array.from(row));
  }

  /** Contributions [margins, features + 1] to the margins of a row; last the base. */
  async explain(row: readonly number[], method: ExplainMethod): Promise<Float64Array> {
    return this.#model.explain(Float64Array.from(row), { method });
  }

  /** The way of a row through the trees [from, to). */
  async paths(row: readonly number[], from: number, to: number): Promise<readonly TreePath[]> {
    return this.#model.decisionPath(row, { from, to });
  }

  async tree(t: number): Promise<Tree> {
    return this.#model.tree(t);
  }

  async importances(): Promise<Importances> {
    return this.#model.importances();
  }

  /** Values of many rows at once, [rows, columns]: probabilities of a classifier, else numbers. */
  async survey(rows: Float64Array<ArrayBuffer>): Promise<Float64Array> {
    const answer = this.card.outputs.every((output) => output.kind === 'class') ? 'proba' : 'predict';
    return this.#model.predict(answer, rows);
  }
}

/** Answers to a block of rows. */
export interface BlockAnswer {
  /** [rows, outputs]: the class index of each class output, the value of each number. */
  readonly decisions: Float64Array;
  /** [rows, classes]: those of all class outputs side by side; empty where there are none. */
  readonly probabilities: Float64Array;
}

/** A model file, and where it came from. */
export interface ModelFile {
  readonly name: string;
  readonly url: string;
  readonly version: string;
  /** Given away to the worker. */
  readonly bytes: ArrayBuffer;
  /** The same bytes, to keep. */
  readonly blob: Blob;
  readonly opened: OpenedFile | null;
}

/** The server that this page came from: `POST predict`. */
export class ServerPredictor implements Predictor {
  readonly #card: ModelCard;

  constructor(card: ModelCard) {
    this.#card = card;
  }

  async ask(row: readonly number[]): Promise<Outcome> {
    let response: Response;
    try {
      response = await fetchFromServer('predict', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', Accept: 'application/json' },
        body: JSON.stringify(this.#named(row)),
        signal: AbortSignal.timeout(5_000),
      });
    } catch {
      return { kind: 'unreachable', row };
    }
    return this.#read(row, response);
  }

  /** The row as the server wants it: names, and null where a value is missing. */
  #named(row: readonly number[]): Record<string, number | null> {
    return Object.fromEntries(
      this.#card.features.map((feature, i) => {
        const x = row[i] ?? NaN;
        return [feature.name, Number.isNaN(x) ? null : x];
      }),
    );
  }

  async #read(row: readonly number[], response: Response): Promise<Outcome> {
    const body: unknown = await response.json().catch(() => null);
    if (!response.ok) return refusalOf(row, response.status, body);
    const prediction = readPrediction(body, this.#card);
    if (prediction === null) {
      // A static host has no /predict and may answer with a page.
      return { kind: 'unreachable', row };
    }
    const { outputs, version } = prediction;
    return { kind: 'answered', answer: { row, outputs }, version };
  }
}

/** Statuses that mean that no service of ours stands there: a static host, or a proxy alone. */
const nobodyThere: ReadonlySet<number> = new Set([404, 405, 501, 502, 503, 504]);

function refusalOf(row: readonly number[], status: number, body: unknown): Outcome {
  const detail = (body as { detail?: unknown } | null)?.detail;
  if (typeof detail === 'string') return { kind: 'refused', row, message: detail };
  if (nobodyThere.has(status)) return { kind: 'unreachable', row };
  return { kind: 'refused', row, message: `it answered with status ${String(status)} and no reason` };
}

export function sentenceOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
