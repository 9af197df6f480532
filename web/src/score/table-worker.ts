import { startTableWorker } from '../start-workers';
import { AskWorker } from './ask-worker';
import type { Ask, Replies } from './messages';

/** The worker that holds a file of rows. One file each; ending it is how reading is cancelled. */
export class TableWorker extends AskWorker<Ask, Replies> {
  constructor() {
    super(startTableWorker());
  }
}
