import { useEffect } from 'preact/hooks';
import './panel-server.css';
import { Button } from '../components/button';
import type { PanelProps } from '../components/lazy-panel';
import { TokenForm } from '../components/token-form';
import { setToken, token } from '../server-token';
import { DriftCard } from './drift-card';
import { PredictionsCard } from './predictions-card';
import { ServiceCard } from './service-card';
import { asking, look, watched, type Watched } from './watching';

/** The server that the page came from: how it is, what it was asked, and whether that is as in training. */
export function ServerPanel({ predictor }: PanelProps) {
  const { name } = predictor.card;
  useEffect(() => void look(name), [name]);
  const now = watched.value;
  const again = () => void look(now?.model ?? name);
  return (
    <div class="server">
      <div class="server-head">
        <Button off={asking.value} onClick={again}>
          Refresh
        </Button>
        <p class="server-time" role="status">
          {asking.value ? 'Asking the server …' : now !== null && `As of ${now.at.toLocaleTimeString('en-GB')}`}
        </p>
        {token.value !== '' && (
          <button type="button" class="button button-quiet" onClick={() => { setToken('', false); again(); }}>
            Forget the token
          </button>
        )}
      </div>
      {now !== null && <Answers now={now} card={predictor.card} again={again} />}
    </div>
  );
}

function Answers({ now, card, again }: { readonly now: Watched; readonly card: PanelProps['predictor']['card']; readonly again: () => void }) {
  const { ready } = now;
  if (ready.kind === 'unreachable' || ready.kind === 'no-server') {
    return (
      <section class="card">
        <h2>{ready.kind === 'unreachable' ? 'No server to ask' : 'There is no Copse server here'}</h2>
        <p class="server-lead">{ready.message} This browser goes on predicting by itself.</p>
      </section>
    );
  }
  const wantsToken = [now.predictions, now.statistics, now.models].some(({ kind }) => kind === 'token');
  return (
    <>
      {wantsToken && (
        <section class="card" aria-label="Who may ask">
          <TokenForm onToken={again} />
        </section>
      )}
      <ServiceCard now={now} card={card} />
      <DriftCard now={now} />
      <PredictionsCard now={now} card={card} />
    </>
  );
}
