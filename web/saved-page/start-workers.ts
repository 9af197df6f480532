import { openWorker } from 'copse/inline';
import PairWorker from '../src/compare/panel-compare-worker.ts?worker&inline';
import TableWorker from '../src/score/panel-score-worker.ts?worker&inline';
import type { ModelWorker } from '../src/start-workers';

// The workers of the page that is one file: their scripts are inside of it. See src/start-workers.ts.

export function startModelWorker(): Promise<ModelWorker> {
  return openWorker();
}

export function startTableWorker(): Worker {
  return new TableWorker();
}

export function startPairWorker(): Worker {
  return new PairWorker();
}
