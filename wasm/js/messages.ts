import type { Answer } from './answer.js';
import type { ModelDescription } from './description.js';
import type { ErrorDetail } from './error.js';
import type { ExplainMethod, Importances, Tree, TreePath } from './explanation.js';
import type { ImportedModel } from './import.js';
import type { Prediction } from './prediction.js';
import type { Row, Rows } from './rows.js';

/** What the client asks. `id` comes back with the reply; `model` is the worker's number for it. */
export type Request = { readonly id: number } & Ask;

export type Ask =
  | {
      readonly ask: 'load';
      readonly bytes: Uint8Array;
      readonly wasm?: WasmReference | undefined;
    }
  | {
      readonly ask: 'import';
      readonly bytes: Uint8Array;
      readonly iterations?: 'best' | 'all' | undefined;
      readonly leafIds?: boolean | undefined;
      readonly wasm?: WasmReference | undefined;
      readonly onnxWasm?: WasmReference | undefined;
    }
  | {
      readonly ask: 'predict';
      readonly model: number;
      readonly answer: Answer;
      readonly rows: Rows;
    }
  | { readonly ask: 'predictOutputs'; readonly model: number; readonly row: Row }
  | {
      readonly ask: 'explain';
      readonly model: number;
      readonly rows: Rows;
      readonly method?: ExplainMethod | undefined;
    }
  | {
      readonly ask: 'decisionPath';
      readonly model: number;
      readonly row: Row;
      readonly from?: number | undefined;
      readonly to?: number | undefined;
    }
  | { readonly ask: 'tree'; readonly model: number; readonly tree: number }
  | {
      readonly ask: 'importances';
      readonly model: number;
      readonly rows?: Rows | undefined;
      readonly method?: ExplainMethod | undefined;
    }
  | { readonly ask: 'free'; readonly model: number };

/** What of a WasmSource can be sent to a worker. */
export type WasmReference = string | WebAssembly.Module;

/** An error as plain data: not every browser clones Error objects with their own fields. */
export interface Refusal {
  readonly code: number;
  readonly message: string;
  readonly detail: ErrorDetail;
}

export interface Loaded {
  readonly model: number;
  readonly description: ModelDescription;
  readonly columns: Readonly<Partial<Record<Answer, number>>>;
}

export type Value =
  | Loaded
  | ImportedModel
  | Float64Array<ArrayBuffer>
  | readonly Prediction[]
  | readonly TreePath[]
  | Tree
  | Importances
  | null;

export type Reply =
  | { readonly id: number; readonly value: Value }
  | { readonly id: number; readonly refusal: Refusal };

/** The part of Worker, DedicatedWorkerGlobalScope and MessagePort that is used. */
export interface Port {
  postMessage(message: unknown, transfer: Transferable[]): void;
  addEventListener(type: 'message', listener: (event: MessageEvent) => void): void;
  /** MessagePort only: begins delivery. */
  start?(): void;
}
