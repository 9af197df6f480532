import { useRef, useState } from 'preact/hooks';
import { countText } from '../components/text';
import type { BrowserPredictor } from '../predictor';
import type { ModelCard } from '../model-card';
import { forgetFile, scoreFile, scoring } from './scoring';

const namesShown = 6;

/** Takes a file of rows, or pasted ones, and shows how far they have come. */
export function FileChooser({ predictor }: { predictor: BrowserPredictor }) {
  const now = scoring.value;
  return (
    <section class="card chooser" aria-labelledby="chooser-title">
      <h2 id="chooser-title">Score a file</h2>
      {now.status === 'busy' ? (
        <Progress name={now.name} nRows={now.nRows} progress={now.progress} />
      ) : (
        <Sources predictor={predictor} />
      )}
      {now.status === 'failed' && (
        <p class="problem" role="alert">
          <strong>{now.name}</strong> cannot be scored: {now.message}.
        </p>
      )}
    </section>
  );
}

function Sources({ predictor }: { predictor: BrowserPredictor }) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <p class="chooser-lead">
        CSV or NDJSON, up to a million rows. It is read and answered in this browser; nothing is sent.
      </p>
      <div class="chooser-drop">
        <button type="button" class="button button-main" onClick={() => input.current?.click()}>
          Choose a file of rows
        </button>
        <span>or drop it anywhere on this page</span>
        <input
          ref={input}
          type="file"
          hidden
          accept=".csv,.tsv,.txt,.ndjson,.jsonl,.json"
          onChange={(event) => {
            const [file] = event.currentTarget.files ?? [];
            if (file !== undefined) void scoreFile(file, file.name, predictor);
            event.currentTarget.value = '';
          }}
        />
      </div>
      <Paste predictor={predictor} />
      <p class="chooser-hint">{columnsHint(predictor.card)}</p>
    </>
  );
}

function columnsHint({ features }: ModelCard): string {
  const names = features.slice(0, namesShown).map(({ name }) => name).join(', ');
  const more = features.length > namesShown ? ` and ${String(features.length - namesShown)} more` : '';
  return (
    `A header names the columns in any order: ${names}${more}. Without a header they stand in this order. ` +
    'Other columns are kept, and one with the true answers shows how good the model is.'
  );
}

function Paste({ predictor }: { predictor: BrowserPredictor }) {
  const [text, setText] = useState('');
  return (
    <div class="chooser-paste">
      <label for="pasted-rows">Or paste rows</label>
      <textarea
        id="pasted-rows"
        rows={4}
        spellcheck={false}
        value={text}
        placeholder={predictor.card.features.slice(0, namesShown).map(({ name }) => name).join(',')}
        onInput={(event) => { setText(event.currentTarget.value); }}
      />
      <button
        type="button"
        class="button"
        disabled={text.trim() === ''}
        onClick={() => void scoreFile(new Blob([text]), 'pasted rows', predictor)}
      >
        Score these rows
      </button>
    </div>
  );
}

function Progress({ name, nRows, progress }: { name: string; nRows: number; progress: number }) {
  return (
    <div class="chooser-progress">
      <label for="score-progress">Scoring {name}</label>
      <progress id="score-progress" max={1} value={progress} />
      <p>{countText(nRows)} rows so far</p>
      <button type="button" class="button" onClick={forgetFile}>
        Cancel
      </button>
    </div>
  );
}
