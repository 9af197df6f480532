import { useState } from 'preact/hooks';
import { countText, numberText } from '../components/text';
import type { FeatureDrift, ModelStatistics } from './questions';
import { look, type Watched } from './watching';

/** By custom a shift, and a large one. Source: docs/operations.md, "Drift". */
const shifted = 0.1;
const farShifted = 0.25;
/** What a bar has room for. */
const psiShown = 0.5;
/** Of fewer rows a PSI says little. */
const rowsEnough = 100;
const featuresAtFirst = 30;

/** Whether the rows that the server is asked are like those of the training. */
export function DriftCard({ now }: { readonly now: Watched }) {
  const { statistics, models } = now;
  const names = models.kind === 'here' ? [...new Set(models.value.filter(({ isReady }) => isReady).map(({ name }) => name))] : [];
  return (
    <section class="card" aria-labelledby="drift-title">
      <div class="server-title">
        <h2 id="drift-title">Drift</h2>
        {names.length > 1 && (
          <div class="server-choice">
            <label for="drift-model">Model</label>
            <select id="drift-model" class="select" value={now.model} onChange={(event) => void look(event.currentTarget.value)}>
              {names.map((name) => <option key={name} value={name}>{name}</option>)}
            </select>
          </div>
        )}
      </div>
      {statistics.kind === 'here' ? <Statistics statistics={statistics.value} /> : <p class="note note-warn">{statistics.message}</p>}
    </section>
  );
}

function Statistics({ statistics }: { readonly statistics: ModelStatistics }) {
  const { drift, nAnswered, nRefused, meanMs, version } = statistics;
  const asked = nAnswered === 0
    ? 'It was not asked yet'
    : `${countText(nAnswered)} requests answered, ${numberText(meanMs, 2)} ms each`;
  return (
    <>
      <p class="server-lead">
        {asked}
        {nRefused > 0 && `, ${countText(nRefused)} refused`} (version <code>{version}</code>).{' '}
        {drift !== null && baselineText(drift)}
      </p>
      {drift !== null && <DriftTable features={drift.features} enough={drift.nRows >= rowsEnough} />}
    </>
  );
}

function baselineText({ baseline, nRows, nWindowRows }: NonNullable<ModelStatistics['drift']>): string {
  if (nRows === 0) return 'There are no rows to compare with the training data.';
  const few = nRows < rowsEnough ? ` That is too few: below ${String(rowsEnough)} rows chance alone makes a large PSI.` : '';
  const rows = `The last ${countText(nWindowRows)} rows`;
  switch (baseline) {
    case 'histograms':
      return `${rows} are compared with the training data, which the model file describes.${few}`;
    case 'trees':
      return `${rows} are compared with what the trees tell about the training data.${few}`;
    default:
      return 'The model file does not say what the training data was like: only ranges are looked at.';
  }
}

function DriftTable({ features, enough }: { readonly features: readonly FeatureDrift[]; readonly enough: boolean }) {
  const [all, setAll] = useState(false);
  const sorted = [...features].sort((a, b) => (Number.isNaN(b.psi) ? -1 : b.psi) - (Number.isNaN(a.psi) ? -1 : a.psi));
  const shown = all ? sorted : sorted.slice(0, featuresAtFirst);
  return (
    <>
      <div class="table-box" role="region" aria-label="Drift of each feature" tabIndex={0}>
        <table class="server-table drift">
          <thead>
            <tr>
              <th scope="col">Feature</th>
              <th scope="col">PSI</th>
              <th scope="col">Against the training</th>
              <th scope="col" class="server-number">Below range</th>
              <th scope="col" class="server-number">Above range</th>
              <th scope="col" class="server-number">Missing</th>
            </tr>
          </thead>
          <tbody>
            {shown.map((feature) => <DriftRow key={feature.name} feature={feature} enough={enough} />)}
          </tbody>
        </table>
      </div>
      {shown.length < sorted.length && (
        <button type="button" class="button server-more" data-focus-then="[aria-label='Drift of each feature']" onClick={() => { setAll(true); }}>
          Show all {countText(sorted.length)} features
        </button>
      )}
      <p class="server-legend">
        PSI is the population stability index: 0 where live rows are spread as in training; above {shifted} they have
        shifted, above {farShifted} by much. The marks of the bars stand there.
      </p>
    </>
  );
}

/** What a PSI is called, and how it is coloured. */
function verdictOf(psi: number, enough: boolean): readonly [words: string, kind: string] {
  if (Number.isNaN(psi)) return ['not known', 'none'];
  if (!enough) return ['too few rows', 'none'];
  if (psi > farShifted) return ['shifted by much', 'far'];
  return psi > shifted ? ['shifted', 'near'] : ['as in training', 'same'];
}

function DriftRow({ feature, enough }: { readonly feature: FeatureDrift; readonly enough: boolean }) {
  const [words, kind] = verdictOf(feature.psi, enough);
  return (
    <tr>
      <th scope="row">{feature.name}</th>
      <td class="server-number">{Number.isNaN(feature.psi) ? '–' : feature.psi.toFixed(3)}</td>
      <td>
        <span class={`drift-verdict drift-${kind}`}>
          <DriftBar psi={feature.psi} />
          {words}
        </span>
      </td>
      {[feature.below, feature.above, feature.missing].map((count, i) => (
        <td key={i} class={count > 0 ? 'server-number' : 'server-number server-zero'}>{countText(count)}</td>
      ))}
    </tr>
  );
}

function DriftBar({ psi }: { readonly psi: number }) {
  const width = Number.isNaN(psi) ? 0 : Math.min(psi, psiShown) / psiShown * 100;
  return (
    <svg class="drift-bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
      <rect class="drift-track" width="100" height="10" />
      <rect class="drift-fill" width={width} height="10" />
      {[shifted, farShifted].map((mark) => (
        <rect key={mark} class="drift-mark" x={mark / psiShown * 100 - 0.5} width="1" height="10" />
      ))}
    </svg>
  );
}
