import type { Reply } from './messages';

interface Waiting {
  readonly resolve: (value: never) => void;
  readonly reject: (cause: Error) => void;
}

/** A worker that answers requests one after another; ending it refuses what still waits. */
export class AskWorker<Ask extends { readonly ask: string }, Replies extends Record<Ask['ask'], unknown>> {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #last = 0;

  constructor(worker: Worker) {
    this.#worker = worker;
    worker.addEventListener('message', (event: MessageEvent<Reply>) => {
      const reply = event.data;
      const waiting = this.#waiting.get(reply.id);
      this.#waiting.delete(reply.id);
      if ('why' in reply) waiting?.reject(new Error(reply.why));
      else waiting?.resolve(reply.value as never);
    });
    worker.addEventListener('error', () => { this.#refuseAll('the part of this page that reads files could not start'); });
  }

  ask<A extends Ask>(request: A): Promise<Replies[A['ask']]> {
    return new Promise((resolve, reject) => {
      const id = ++this.#last;
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ id, ...request });
    });
  }

  end(): void {
    this.#worker.terminate();
    this.#refuseAll('it was cancelled');
  }

  #refuseAll(why: string): void {
    for (const { reject } of this.#waiting.values()) reject(new Error(why));
    this.#waiting.clear();
  }
}
