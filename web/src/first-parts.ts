import { effect, signal } from '@preact/signals';
import { loading } from './state';

// The page is drawn in parts when the first model is there, from the top down and each in a task of its
// own: tasks are shorter then, and nothing that is shown already has to move.

/** The parts that come one after the other; the model's name comes before them. */
export type Part = 'tabs' | 'form' | 'fields' | 'answer' | 'footer';

const order: readonly Part[] = ['tabs', 'form', 'fields', 'answer', 'footer'];
const drawn = signal(0);

/** Whether a part has its turn by now; afterwards, always. */
export function isDrawn(part: Part): boolean {
  return drawn.value > order.indexOf(part);
}

/** Draws the parts once there is a model; all at once where there is none to be had. */
export function drawParts(): void {
  const stop = effect(() => {
    const { status } = loading.value;
    if (status === 'loading') return;
    setTimeout(() => {
      stop();
      if (status === 'failed') drawn.value = order.length;
      else drawNext();
    });
  });
}

function drawNext(): void {
  if (drawn.peek() === order.length) return;
  drawn.value += 1;
  setTimeout(drawNext);
}
