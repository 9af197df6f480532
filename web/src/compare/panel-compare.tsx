import { useEffect, useRef, useState } from 'preact/hooks';
import './panel-compare.css';
import type { PanelProps } from '../components/lazy-panel';
import { rowsFile } from '../components/open-file';
import { hostedModel } from '../host';
import { isSaved } from '../is-saved';
import { fetchFromServer } from '../server-token';
import { dropTaker } from '../state';
import { namesOf } from './match';
import { PairCard } from './pair-card';
import { RowCard } from './row-card';
import { closeSecond, openSecond, openServed, pairFile, second } from './second';

/** The model on screen, and another beside it. */
export function ComparePanel({ predictor }: PanelProps) {
  const now = second.value;
  useEffect(() => {
    dropTaker.value = (file) => {
      const other = second.value;
      if (other.status === 'ready' && rowsFile.test(file.name)) void pairFile(file, file.name, predictor, other.predictor);
      else void openSecond(file);
    };
    return () => { dropTaker.value = null; };
  }, [predictor]);
  if (now.status !== 'ready') return <Chooser />;
  const [one, two] = namesOf(predictor, now.predictor);
  return (
    <div class="compare">
      <section class="card compare-head" aria-labelledby="compare-title">
        <h2 id="compare-title">{one} beside {two}</h2>
        <button type="button" class="button" onClick={closeSecond}>Close {two}</button>
      </section>
      <RowCard first={predictor} second={now.predictor} />
      <PairCard first={predictor} second={now.predictor} />
    </div>
  );
}

function Chooser() {
  const now = second.value;
  const input = useRef<HTMLInputElement>(null);
  const served = useServed();
  return (
    <section class="card compare-choose" aria-labelledby="choose-title">
      <h2 id="choose-title">Compare with another model</h2>
      <p class="compare-soft">It is opened in this browser beside the one above: same row, both answers; or a file of rows through both.</p>
      {now.status === 'busy' ? (
        <p role="status">Opening {now.name} … <button type="button" class="button" onClick={closeSecond}>Cancel</button></p>
      ) : (
        <div class="compare-ways">
          <button type="button" class="button button-main" onClick={() => input.current?.click()}>Choose the second model</button>
          <span class="compare-soft">or drop it anywhere on this page</span>
          {served.map((name) => <button key={name} type="button" class="chip" onClick={() => void openServed(name)}>{name} of this server</button>)}
        </div>
      )}
      <input
        ref={input}
        type="file"
        hidden
        onChange={(event) => {
          const [file] = event.currentTarget.files ?? [];
          if (file !== undefined) void openSecond(file);
          event.currentTarget.value = '';
        }}
      />
      {now.status === 'failed' && <p class="problem" role="alert"><strong>{now.name}</strong> cannot be opened: {now.message}.</p>}
    </section>
  );
}

/** Names of the server's models; none on a host that has no list. */
function useServed(): readonly string[] {
  const [names, setNames] = useState<readonly string[]>([]);
  useEffect(() => {
    if (isSaved || hostedModel !== null) return undefined;
    const leaving = new AbortController();
    const ask = async () => {
      const response = await fetchFromServer('models', { headers: { Accept: 'application/json' }, signal: leaving.signal });
      const { models = [] } = (await response.json()) as { models?: { name?: unknown }[] };
      setNames(models.flatMap(({ name }) => (typeof name === 'string' ? [name] : [])));
    };
    ask().catch(() => undefined);
    return () => { leaving.abort(); };
  }, []);
  return names;
}
