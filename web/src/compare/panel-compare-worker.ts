import { answerRequests } from '../score/answer-requests';
import { FileError, openRecords } from '../score/records';
import type { PairAsk } from './messages';
import { PairTable } from './pair-table';

// The script of the worker that reads a file of rows for two models.

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

answerRequests(answer);
