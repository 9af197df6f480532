// A thread that serves the port it is given: what a browser's Worker is to its page.
import { workerData } from 'node:worker_threads';

import { serve } from 'copse/worker';

serve(workerData.port);
