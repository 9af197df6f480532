import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { BrowserPredictor } from '../predictor';
import { sentenceOf } from '../predictor';

export interface PanelProps {
  readonly predictor: BrowserPredictor;
}

type Fetched =
  | { readonly status: 'fetching' }
  | { readonly status: 'here'; readonly Panel: ComponentType<PanelProps> }
  | { readonly status: 'failed'; readonly message: string };

interface LazyPanelProps extends PanelProps {
  /** Fetches the script of the panel. */
  readonly load: () => Promise<ComponentType<PanelProps>>;
}

/** A panel whose script is fetched when it is first shown. */
export function LazyPanel({ load, predictor }: LazyPanelProps) {
  const [fetched, setFetched] = useState<Fetched>({ status: 'fetching' });
  const [tries, setTries] = useState(0);
  useEffect(() => {
    let wanted = true;
    load().then(
      (Panel) => { if (wanted) setFetched({ status: 'here', Panel }); },
      (cause: unknown) => { if (wanted) setFetched({ status: 'failed', message: sentenceOf(cause) }); },
    );
    return () => { wanted = false; };
  }, [load, tries]);
  switch (fetched.status) {
    case 'fetching':
      return <p class="notice" role="status">Loading …</p>;
    case 'failed':
      return (
        <div class="notice notice-bad" role="alert">
          <p>This part of the page cannot be fetched: {fetched.message}.</p>
          <button type="button" class="button" onClick={() => { setTries(tries + 1); }}>
            Try again
          </button>
        </div>
      );
    case 'here':
      return <fetched.Panel predictor={predictor} />;
  }
}
