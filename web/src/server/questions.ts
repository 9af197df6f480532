import { ask, fieldsOf, jsonOf, listOf, numberOf, textOf, type Reply } from './ask';

// What the panel wants to know, and the routes that tell (docs/inference.md, docs/operations.md).

export interface ServedModel {
  readonly name: string;
  readonly version: string;
  readonly isReady: boolean;
  /** Why it cannot be asked; empty where it can. */
  readonly reason: string;
}

/** One feature of the live rows beside the training data. */
export interface FeatureDrift {
  readonly name: string;
  /** Population stability index; NaN where the training data is not known. */
  readonly psi: number;
  /** Counts of values outside of the training range, and of rows without one. */
  readonly below: number;
  readonly above: number;
  readonly missing: number;
}

export interface ModelStatistics {
  readonly version: string;
  readonly nAnswered: number;
  readonly nRefused: number;
  /** Of an answered request, from its body to its answer; NaN before the first. */
  readonly meanMs: number;
  readonly drift: {
    readonly baseline: string;
    readonly nRows: number;
    readonly nWindowRows: number;
    readonly features: readonly FeatureDrift[];
  } | null;
}

/** A row that was recorded. */
export interface RecordedRow {
  readonly seq: number;
  readonly time: string;
  readonly model: string;
  readonly version: string;
  /** As JSON has them: numbers, null, text of categories. */
  readonly input: readonly unknown[];
  /** A label where the model has classes, else its numbers. */
  readonly answer: string;
}

/** Whether the server may be asked; a refusal with 503 is an answer too. */
export function askReady(): Promise<Reply<true>> {
  return ask('readyz', async (response) => {
    if (textOf(fieldsOf(await jsonOf(response))['status']) === '') throw new Error('it does not say whether it is ready');
    return true as const;
  });
}

export function askModels(): Promise<Reply<readonly ServedModel[]>> {
  return ask('v2/repository/index', async (response) =>
    listOf(await jsonOf(response)).map((entry) => {
      const { name, version, state, reason } = fieldsOf(entry);
      return { name: textOf(name), version: textOf(version), isReady: state === 'READY', reason: textOf(reason) };
    }), { method: 'POST' });
}

export function askStatistics(name: string): Promise<Reply<ModelStatistics>> {
  return ask(`v2/models/${encodeURIComponent(name)}/stats`, async (response) => {
    // Of several versions the first one answers.
    const [first] = listOf(fieldsOf(await jsonOf(response))['model_stats']);
    const { version, inference_stats: stats, drift } = fieldsOf(first);
    const [success, fail] = ['success', 'fail'].map((name) => fieldsOf(fieldsOf(stats)[name]));
    const nAnswered = numberOf(success?.['count']);
    return {
      version: textOf(version),
      nAnswered,
      nRefused: numberOf(fail?.['count']),
      meanMs: numberOf(success?.['ns']) / nAnswered / 1e6,
      drift: drift === undefined ? null : readDrift(drift),
    };
  });
}

function readDrift(drift: unknown): NonNullable<ModelStatistics['drift']> {
  const { baseline, rows, window_rows: window, features } = fieldsOf(drift);
  return {
    baseline: textOf(baseline),
    nRows: numberOf(rows),
    nWindowRows: numberOf(window),
    features: listOf(features).map((feature) => {
      const { name, psi, below, above, missing } = fieldsOf(feature);
      return { name: textOf(name), psi: numberOf(psi), below: numberOf(below), above: numberOf(above), missing: numberOf(missing) };
    }),
  };
}

export function askPredictions(limit: number): Promise<Reply<readonly RecordedRow[]>> {
  return ask(`predictions?limit=${String(limit)}`, async (response) =>
    listOf(fieldsOf(await jsonOf(response))['predictions']).map((entry) => {
      const { seq, time, model, version, input, output, label } = fieldsOf(entry);
      return {
        seq: numberOf(seq),
        time: textOf(time),
        model: textOf(model),
        version: textOf(version),
        input: Array.isArray(input) ? (input as unknown[]) : [input],
        answer: textOf(label) === '' ? textOf(output).replace(/^\[(.*)\]$/, '$1') : textOf(label),
      };
    }));
}

/** Metrics of the service that have one value each, by name. */
export function askMetrics(): Promise<Reply<ReadonlyMap<string, number>>> {
  return ask('metrics', async (response) => {
    const values = new Map<string, number>();
    for (const line of (await response.text()).split('\n')) {
      const [, name, value] = /^((?:prediction_log|redis)_\w+)(?:\{[^}]*\})? (\S+)$/.exec(line) ?? [];
      if (name !== undefined) values.set(name, Number(value));
    }
    return values;
  });
}
