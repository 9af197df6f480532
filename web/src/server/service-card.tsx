import { CheckIcon, CrossIcon } from '../components/icons';
import { bytesText, countText } from '../components/text';
import type { ModelCard } from '../model-card';
import type { Watched } from './watching';

/** Whether the service can be asked, what it serves, and what becomes of its log. */
export function ServiceCard({ now, card }: { readonly now: Watched; readonly card: ModelCard }) {
  const { ready, models } = now;
  return (
    <section class="card" aria-labelledby="service-title">
      <div class="server-title">
        <h2 id="service-title">Service</h2>
        <p class={ready.kind === 'here' ? 'server-state server-good' : 'server-state server-bad'}>
          {ready.kind === 'here' ? <CheckIcon /> : <CrossIcon />}
          {ready.kind === 'here' ? 'Ready' : 'Not ready'}
        </p>
      </div>
      {ready.kind !== 'here' && <p class="note note-warn">{ready.message}</p>}
      <LogFacts now={now} />
      {models.kind !== 'here' ? (
        <p class="note note-warn">{models.message}</p>
      ) : (
        <div class="table-box" role="region" aria-label="Models" tabIndex={0}>
          <table class="server-table">
            <thead>
              <tr>
                <th scope="col">Model</th>
                <th scope="col">Version</th>
                <th scope="col">State</th>
              </tr>
            </thead>
            <tbody>
              {models.value.map(({ name, version, isReady, reason }) => (
                <tr key={`${name} ${version}`}>
                  <th scope="row">{name}</th>
                  <td>
                    <code>{version}</code>
                    {card.opened === null && name === card.name && version === card.version && <span class="server-here"> on this page</span>}
                  </td>
                  <td class={isReady ? '' : 'server-bad'}>{isReady ? 'ready' : `unavailable${reason === '' ? '' : `: ${reason}`}`}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

function LogFacts({ now }: { readonly now: Watched }) {
  if (now.metrics.kind !== 'here') return <p class="note note-warn">{now.metrics.message}</p>;
  const facts = logFacts(now.metrics.value);
  return (
    <dl class="facts server-facts">
      {facts.map(([name, value, isBad]) => (
        <div key={name} class="fact">
          <dt>{name}</dt>
          <dd class={isBad ? 'server-bad' : ''}>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

type Fact = readonly [name: string, value: string, isBad: boolean];

/** The log of predictions as its metrics tell it. */
function logFacts(metrics: ReadonlyMap<string, number>): Fact[] {
  const value = (name: string) => metrics.get(name) ?? NaN;
  const count = (name: string) => countText(value(name));
  if (!metrics.has('prediction_log_up')) return [['Log', 'nothing is recorded', false]];
  const up = value('prediction_log_up') === 1;
  const facts: Fact[] = [
    ['Log', up ? 'is written' : 'cannot be written', !up],
    ['Recorded', count('prediction_log_written_total'), false],
    ['In the queue', count('prediction_log_queued'), false],
    ['Lost', count('prediction_log_dropped_total'), value('prediction_log_dropped_total') > 0],
  ];
  if (metrics.has('prediction_log_bytes')) facts.push(['Its file', bytesText(value('prediction_log_bytes')), false]);
  if (!metrics.has('redis_up')) return facts;
  const redis = value('redis_up') === 1;
  const lag = value('prediction_log_lag_seconds');
  return [
    ...facts,
    ['Redis', redis ? 'is there' : 'cannot be reached', !redis],
    ['Wait for Redis', `${count('prediction_log_unshipped_rows')} rows${lag > 0 ? `, ${lag.toFixed(0)} s` : ''}`, !redis],
  ];
}
