import { ForestWorker } from 'copse/client';

// The workers of the page as a site has them: scripts of their own. saved-page/start-workers.ts
// takes the place of this file where everything is one file.

/** A worker that computes, and the package's side of it. */
export interface ModelWorker {
  readonly client: ForestWorker;
  /** Ends it, whatever it does; who waits for it is refused. */
  readonly end: () => void;
}

export function startModelWorker(): Promise<ModelWorker> {
  const worker = new Worker(new URL('./model-worker.ts', import.meta.url), { type: 'module' });
  const client = new ForestWorker(worker);
  worker.addEventListener('error', () => {
    client.close('the part of this page that computes could not start');
  });
  const end = () => {
    worker.terminate();
    client.close();
  };
  return Promise.resolve({ client, end });
}

/** The worker that reads files of rows: score/panel-score-worker.ts. */
export function startTableWorker(): Worker {
  return new Worker(new URL('./score/panel-score-worker.ts', import.meta.url), { type: 'module' });
}

/** The worker that reads them for two models: compare/panel-compare-worker.ts. */
export function startPairWorker(): Worker {
  return new Worker(new URL('./compare/panel-compare-worker.ts', import.meta.url), { type: 'module' });
}
