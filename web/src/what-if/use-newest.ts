import { useEffect, useRef, useState } from 'preact/hooks';
import { sentenceOf } from '../predictor';

/** An answer that takes its time: the last one stays until the next is there. */
export interface Newest<A> {
  readonly answer: A | null;
  readonly busy: boolean;
  /** Why there is none, or an empty text. */
  readonly failure: string;
}

type Compute<Q, A> = (question: Q, wanted: () => boolean) => Promise<A | null>;

interface Settings {
  /** Waits until no newer question has come for so long. */
  readonly quietMs?: number;
  /** Whether a newer question ends the work on an older one, which then answers null. */
  readonly dropOlder?: boolean;
}

/** Works on one question at a time, and next on the newest; a null question asks nothing. */
export function useNewest<Q, A>(question: Q | null, key: string, compute: Compute<Q, A>, { quietMs = 0, dropOlder = false }: Settings = {}): Newest<A> {
  const [state, setState] = useState<Newest<A>>({ answer: null, busy: true, failure: '' });
  const work = useRef({ turn: 0, mounted: true, running: Promise.resolve() });
  useEffect(() => {
    const now = work.current;
    now.mounted = true;
    return () => { now.mounted = false; };
  }, []);
  useEffect(() => {
    if (question === null) return;
    const now = work.current;
    const turn = ++now.turn;
    const isNewest = () => now.mounted && now.turn === turn;
    const wanted = () => now.mounted && (!dropOlder || now.turn === turn);
    setState((old) => (old.busy ? old : { ...old, busy: true }));
    const run = async () => {
      if (!isNewest()) return;
      try {
        const answer = await compute(question, wanted);
        if (now.mounted && answer !== null) setState({ answer, busy: !isNewest(), failure: '' });
      } catch (cause) {
        if (now.mounted) setState({ answer: null, busy: !isNewest(), failure: sentenceOf(cause) });
      }
    };
    const timer = setTimeout(() => { now.running = now.running.then(run); }, quietMs);
    return () => { clearTimeout(timer); };
    // The key is all that a question consists of.
  }, [key]);
  return state;
}
