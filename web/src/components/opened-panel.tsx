import type { ModelCard, OpenedFile } from '../model-card';
import type { Iterations } from '../open-file';
import { chooseIterations, goBack, servedName } from '../state';
import { bytesText } from './text';

/** What became of the file that a person opened, and the ways on. */
export function OpenedPanel({ card, opened }: { card: ModelCard; opened: OpenedFile }) {
  const other = otherIterations(card.warnings);
  return (
    <section class="card opened" aria-labelledby="opened-title">
      <h2 id="opened-title">
        {opened.imported ? 'Imported from' : 'Opened'} <span class="opened-name">{opened.name}</span>
      </h2>
      {opened.imported && (
        <p>
          {bytesText(opened.bytes)} became a model file of {bytesText(card.fileBytes)}.
        </p>
      )}
      {card.warnings.length > 0 && (
        <ul class="opened-warnings" aria-label="Warnings">
          {card.warnings.map((warning) => (
            <li key={warning} class="note note-warn">
              {warning}
            </li>
          ))}
        </ul>
      )}
      <div class="opened-ways">
        {other !== null && (
          <button type="button" class="button" onClick={() => void chooseIterations(other)}>
            {other === 'best' ? 'Keep the best rounds only' : 'Use all rounds'}
          </button>
        )}
        <a class="button button-link" href={card.url} download={`${card.name}.safetensors`}>
          Download {card.name}.safetensors
        </a>
        <button type="button" class="button" onClick={() => void goBack()}>
          {servedName.value === null ? 'Close this model' : `Back to ${servedName.value}`}
        </button>
      </div>
    </section>
  );
}

/** The choice that the importer did not make: a warning names it as the command line's option. */
function otherIterations(warnings: readonly string[]): Iterations | null {
  const [, choice] = /--iterations (best|all)\b/.exec(warnings.join(' ')) ?? [];
  return choice === 'best' || choice === 'all' ? choice : null;
}
