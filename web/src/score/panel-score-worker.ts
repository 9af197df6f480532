import { FileError, openRecords } from './records';
import { ScoredTable } from './scored-table';
import type { Ask, Batch, Reply } from './messages';

// The script of the worker that reads a file of rows and holds its table: the page stays free.

type Request = Ask & { readonly id: number };

/** What is used of a DedicatedWorkerGlobalScope, which the page's own types do not have. */
declare const self: {
  postMessage(message: Reply): void;
  addEventListener(type: 'message', listener: (event: MessageEvent<Request>) => void): void;
};

let table: ScoredTable | null = null;
let batch: Batch | null = null;

async function answer(request: Ask): Promise<unknown> {
  if (request.ask === 'open') {
    table = new ScoredTable(await openRecords(request.file), request.rules, request.outputs);
    return null;
  }
  if (table === null) throw new FileError('no file is open');
  switch (request.ask) {
    case 'next':
      batch = await table.next();
      return batch;
    case 'keep':
      table.keep(batch?.values ?? new Float64Array(), request.answers);
      return null;
    case 'summary':
      return table.summary();
    case 'measure':
      return table.measure(request.question);
    case 'page':
      return table.page(request.question, request.view, request.from, request.count);
    case 'save':
      return table.save(request.question);
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
