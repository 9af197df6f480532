// When questions are asked and work is done, so that the page answers whoever moves something on it.

/**
 * Asks one question at a time; of those that come meanwhile only the newest is asked next.
 *
 * So a slider that moves faster than a model answers never makes a queue, and answers come back
 * in the order of the questions. `ask` must not reject.
 */
export function newestOnly<Q>(ask: (question: Q) => Promise<void>): (question: Q) => void {
  let waiting: { readonly question: Q } | null = null;
  let busy = false;

  async function work(): Promise<void> {
    busy = true;
    while (waiting !== null) {
      const { question } = waiting;
      waiting = null;
      await ask(question);
    }
    busy = false;
  }

  return (question) => {
    waiting = { question };
    if (!busy) void work();
  };
}

/** Calls `act` with the newest value once none has come for `quietMs`. */
export function whenQuiet<Q>(quietMs: number, act: (question: Q) => void): (question: Q) => void {
  let timer = 0;
  return (question) => {
    clearTimeout(timer);
    timer = window.setTimeout(() => { act(question); }, quietMs);
  };
}

/** Lets the browser do what waits, such as drawing, before going on. */
export function nextTask(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}
