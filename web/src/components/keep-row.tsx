import { useEffect, useState } from 'preact/hooks';
import { linkTo } from '../linked-row';
import type { ModelCard } from '../model-card';
import { row } from '../state';

/** The ways to keep the row in the form, or to give it away. */
export function KeepRow({ card }: { card: ModelCard }) {
  return (
    <div class="keep">
      <ShareButton card={card} />
    </div>
  );
}

type Shared = { readonly kind: 'none' | 'copied' } | { readonly kind: 'shown'; readonly link: string };

/** Copies the link; where the browser does not allow that, shows it to be copied by hand. */
function ShareButton({ card }: { card: ModelCard }) {
  const [shared, setShared] = useState<Shared>({ kind: 'none' });
  // What was copied is another row's as soon as a value changes.
  useEffect(() => { setShared({ kind: 'none' }); }, [row.value]);
  const share = async () => {
    const link = linkTo(card, row.value);
    try {
      await navigator.clipboard.writeText(link);
      setShared({ kind: 'copied' });
    } catch {
      setShared({ kind: 'shown', link });
    }
  };
  return (
    <>
      <button type="button" class="button" onClick={() => void share()}>
        Copy a link to this row
      </button>
      <p class="keep-said" role="status">
        {shared.kind === 'copied' && 'Copied. The values stand behind the #, which no server sees.'}
        {shared.kind === 'shown' && 'Copy it from here:'}
      </p>
      {shared.kind === 'shown' && (
        <input class="number keep-link" readOnly aria-label="Link to this row" value={shared.link} onFocus={(event) => { event.currentTarget.select(); }} />
      )}
    </>
  );
}
