import { signal } from '@preact/signals';
import type { Reply } from './ask';
import { askMetrics, askModels, askPredictions, askReady, askStatistics, type ModelStatistics, type RecordedRow, type ServedModel } from './questions';

// What the server said last. It is asked when the panel is shown, and when a person asks again.

export interface Watched {
  readonly ready: Reply<true>;
  readonly models: Reply<readonly ServedModel[]>;
  readonly metrics: Reply<ReadonlyMap<string, number>>;
  readonly statistics: Reply<ModelStatistics>;
  readonly predictions: Reply<readonly RecordedRow[]>;
  /** The model that the statistics are of. */
  readonly model: string;
  readonly at: Date;
}

/** As many rows as are asked for at first, and as the server gives at most. */
export const rowsAtFirst = 100;
export const rowsAtMost = 1_000;

export const watched = signal<Watched | null>(null);
export const asking = signal(false);

let newest = 0;

/** Asks the server everything about `model`, or about the model in its place. */
export async function look(model: string, nRows = rowsAtFirst): Promise<void> {
  const mine = ++newest;
  asking.value = true;
  const [ready, models, metrics, predictions] = await Promise.all([askReady(), askModels(), askMetrics(), askPredictions(nRows)]);
  const shown = modelIn(models, model);
  const statistics = await askStatistics(shown);
  if (mine !== newest) return;
  watched.value = { ready, models, metrics, statistics, predictions, model: shown, at: new Date() };
  asking.value = false;
}

/** `model` where the server has it, else the first one that it has. */
function modelIn(models: Reply<readonly ServedModel[]>, model: string): string {
  if (models.kind !== 'here' || models.value.some(({ name }) => name === model)) return model;
  return models.value.find(({ isReady }) => isReady)?.name ?? model;
}
