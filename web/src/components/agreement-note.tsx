import { numbersOf, type Answer, type ModelCard } from '../model-card';
import { sameBits } from '../same-bits';
import { tokenWanted } from '../server-token';
import { agreement, askAgain, place } from '../state';
import { CheckIcon, CloudOffIcon, CrossIcon } from './icons';
import { TokenForm } from './token-form';

/** Where the answer comes from, and whether both places say the same. */
export function AgreementNote({ card }: { card: ModelCard }) {
  return (
    <div class="agreement">
      <Note card={card} />
    </div>
  );
}

function Note({ card }: { card: ModelCard }) {
  if (place.value === 'browser') {
    return <p class="note">Computed in this page. What you enter stays here.</p>;
  }
  const now = agreement.value;
  switch (now.kind) {
    case 'asking':
      return <p class="note">Asking the server …</p>;
    case 'unreachable':
      return (
        <p class="note note-warn">
          <CloudOffIcon />
          <span>
            The server cannot be reached. This browser goes on by itself.{' '}
            <button type="button" class="link-button" onClick={askAgain}>
              Ask again
            </button>
          </span>
        </p>
      );
    case 'refused':
      if (tokenWanted.value) return <TokenForm onToken={askAgain} />;
      return <p class="note note-warn">The server refuses this row: {now.message}</p>;
    case 'other-model':
      return (
        <p class="note note-warn">
          The server now has another version of this model ({now.version}). Reload the page to get it.
        </p>
      );
    case 'same':
      return (
        <>
          <p class="note note-good">
            <CheckIcon />
            <span>Both agree to the bit: this browser and the server say the same.</span>
          </p>
          <Comparison card={card} here={now.here} there={now.there} />
        </>
      );
    case 'different':
      return (
        <>
          <p class="note note-bad" role="alert">
            <CrossIcon />
            <span>This browser and the server differ. That is a fault of Copse: please report it.</span>
          </p>
          <Comparison card={card} here={now.here} there={now.there} />
        </>
      );
  }
}

/** Both answers with all their digits. */
function Comparison({ card, here, there }: { card: ModelCard; here: Answer; there: Answer }) {
  const mine = numbersOf(here);
  const theirs = numbersOf(there);
  return (
    <details class="comparison">
      <summary>Every digit</summary>
      <table>
        <thead>
          <tr>
            <th scope="col">
              <span class="hidden">Number</span>
            </th>
            <th scope="col">This browser</th>
            <th scope="col">The server</th>
            <th scope="col">Same bits</th>
          </tr>
        </thead>
        <tbody>
          {namesOfNumbers(card).map((name, i) => (
            <tr key={i}>
              <th scope="row">{name}</th>
              <td>{String(mine[i])}</td>
              <td>{String(theirs[i])}</td>
              <td>{sameBits(mine[i] ?? NaN, theirs[i] ?? NaN) ? 'yes' : 'no'}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}

/** Names for `numbersOf`, in its order. */
function namesOfNumbers(card: ModelCard): string[] {
  return card.outputs.flatMap((output) =>
    output.kind === 'class' ? ['class index', ...output.labels] : [output.name],
  );
}
