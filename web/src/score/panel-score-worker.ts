import { answerRequests } from './answer-requests';
import { FileError, openRecords } from './records';
import { ScoredTable } from './scored-table';
import type { Ask, Batch } from './messages';

// The script of the worker that reads a file of rows and holds its table: the page stays free.

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

answerRequests(answer);
