import { useEffect, useState } from 'preact/hooks';
import { isSaved } from '../is-saved';
import { linkTo } from '../linked-row';
import type { ModelCard } from '../model-card';
import { sentenceOf } from '../predictor';
import { loading, row } from '../state';
import { Button } from './button';
import { bytesText } from './text';

/** The ways to keep the row in the form, or to give it away. */
export function KeepRow({ card }: { card: ModelCard }) {
  return (
    <div class="keep">
      <ShareButton card={card} />
      {!isSaved && <SaveButton />}
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

type Saving =
  | { readonly kind: 'none' | 'busy' }
  | { readonly kind: 'saved' | 'failed'; readonly text: string };

/** Saves the page with the model on screen and this row, as one file. */
function SaveButton() {
  const [saving, setSaving] = useState<Saving>({ kind: 'none' });
  const save = async () => {
    if (loading.value.status !== 'ready') return;
    setSaving({ kind: 'busy' });
    try {
      const { savePage } = await import('../save/panel-save');
      const { name, bytes } = await savePage(loading.value.predictor, row.value);
      setSaving({ kind: 'saved', text: `${name}, ${bytesText(bytes)}: model and page in one file, for any browser, without a network.` });
    } catch (cause) {
      setSaving({ kind: 'failed', text: `The page cannot be saved: ${sentenceOf(cause)}.` });
    }
  };
  return (
    <>
      <Button off={saving.kind === 'busy'} onClick={() => void save()}>
        Save as one HTML file
      </Button>
      <p class={saving.kind === 'failed' ? 'keep-said keep-said-bad' : 'keep-said'} role="status">
        {saving.kind === 'busy' && 'Putting the page together …'}
        {'text' in saving && saving.text}
      </p>
    </>
  );
}
