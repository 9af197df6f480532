import type { Reply } from '../score/messages';
import { FileError, openRecords } from '../score/records';
import type { PairAsk } from './messages';
import { PairTable } from './pair-table';

// The script of the worker that reads a file of rows for two models.

type Request = PairAsk & { readonly id: number };

/** What is used of a DedicatedWorkerGlobalScope, which the page's own types do not have. */
declare const self: {
  postMessage(message: Reply): void;
  addEventListener(type: 'message', listener: (event: MessageEvent<Request>) => void): void;
};

let table: PairTable | null = null;

async function answer(request: PairAsk): Promise<unknown> {
  if (request.ask === 'open') {
    table = new PairTable(await openRecords(request.file), request.rules, request.outputs);
    return null;
  }
  if (table === null) throw new FileError('no file is open');
  switch (request.ask) {
    case 'next':
      return table.next();
    case 'keep':
      table.keep(request.answers);
      return null;
    case 'compare':
      return table.compare(request.output, request.truth);
  }
}

async function reply(request: Request): Promise<void> {
  let message: Reply;
  try {
    message = { id: request.id, value: await answer(request) };
  } catch (cause) {
    message = { id: request.id, why: cause instanceof Error ? cause.message : String(cause) };
  }
  self.postMessage(message);
}

let queue = Promise.resolve();
self.addEventListener('message', (event) => {
  const next = () => reply(event.data);
  queue = queue.then(next, next);
});
