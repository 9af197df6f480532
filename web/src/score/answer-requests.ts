import type { Reply } from './messages';

// A worker's side of AskWorker.

/** What is used of a DedicatedWorkerGlobalScope, which the page's own types do not have. */
declare const self: {
  postMessage(message: Reply): void;
  addEventListener(type: 'message', listener: (event: MessageEvent<{ readonly id: number }>) => void): void;
};

/** Answers the page's requests one after another from now on; what `answer` throws goes back as words. */
export function answerRequests(answer: (request: never) => Promise<unknown>): void {
  const reply = async (request: { readonly id: number }) => {
    let message: Reply;
    try {
      message = { id: request.id, value: await answer(request as never) };
    } catch (cause) {
      message = { id: request.id, why: cause instanceof Error ? cause.message : String(cause) };
    }
    self.postMessage(message);
  };
  let queue = Promise.resolve();
  self.addEventListener('message', (event) => {
    const next = () => reply(event.data);
    queue = queue.then(next, next);
  });
}
