import { countText } from '../components/text';
import type { ModelCard } from '../model-card';
import { shownTerms, type Term, type Terms } from './terms';
import { signedUnitsText, unitsText, valueText } from './text';
import type { Unit } from './unit';

interface WaterfallProps {
  readonly card: ModelCard;
  readonly row: readonly number[];
  readonly terms: Terms;
  readonly unit: Unit;
  /** What the sum is called. */
  readonly total: string;
}

/** Where numbers lie across the drawing, 0 to 1000. */
type Scale = (x: number) => number;

/**
 * The base, what each feature adds to it, and the sum: a table whose numbers add up digit by digit,
 * with a bar in each line that starts where the one before ends.
 */
export function Waterfall({ card, row, terms, unit, total }: WaterfallProps) {
  const { base, terms: list } = terms;
  const shown = shownTerms(terms);
  const { decimals } = shown;
  const scale = scaleOver([base, terms.total, ...list.map((term) => term.to)]);
  return (
    <table class="waterfall">
      <caption class="hidden">Contributions of the features, in {unit.name}</caption>
      <colgroup>
        <col class="waterfall-names" />
        <col />
        <col class="waterfall-numbers" />
      </colgroup>
      <thead class="hidden">
        <tr>
          <th scope="col">Feature and its value</th>
          <th scope="col">Bar</th>
          <th scope="col">Adds</th>
        </tr>
      </thead>
      <tbody>
        <tr class="waterfall-end">
          <th scope="row">{baseName(card)}</th>
          <td class="waterfall-bar"><EndBar at={scale(base)} down /></td>
          <td class="waterfall-number">{unitsText(shown.base, decimals)}</td>
        </tr>
        {list.map((term, i) => (
          <tr key={term.feature ?? 'others'}>
            <th scope="row"><TermName card={card} row={row} term={term} nOthers={terms.nOthers} /></th>
            <td class="waterfall-bar"><TermBar term={term} scale={scale} /></td>
            <td class="waterfall-number">{signedUnitsText(shown.terms[i] ?? 0, decimals)}</td>
          </tr>
        ))}
        <tr class="waterfall-end waterfall-sum">
          <th scope="row">= {total}</th>
          <td class="waterfall-bar"><EndBar at={scale(terms.total)} down={false} /></td>
          <td class="waterfall-number">{unitsText(shown.total, decimals)}</td>
        </tr>
      </tbody>
    </table>
  );
}

/** Of a linear model the terms are coefficients times values, and start from its intercept. */
export function baseName(card: ModelCard): string {
  return card.treeCount === 0 ? 'Intercept' : 'Expected of any row';
}

function scaleOver(points: readonly number[]): Scale {
  const low = Math.min(...points);
  const span = Math.max(...points) - low;
  return (x) => (span > 0 ? 20 + (960 * (x - low)) / span : 500);
}

function TermName({ card, row, term, nOthers }: { card: ModelCard; row: readonly number[]; term: Term; nOthers: number }) {
  if (term.feature === null) return <span class="waterfall-others">{countText(nOthers)} others</span>;
  const feature = card.features[term.feature];
  if (feature === undefined) return null;
  return (
    <>
      <span class="waterfall-name">{feature.title}</span>{' '}
      <span class="waterfall-value">= {valueText(feature, row[term.feature] ?? NaN)}</span>
    </>
  );
}

/** From the sum before to the sum after, held to the lines above and below. */
function TermBar({ term, scale }: { term: Term; scale: Scale }) {
  const [from, to] = [scale(term.from), scale(term.to)];
  return (
    <svg viewBox="0 0 1000 32" preserveAspectRatio="none" aria-hidden="true">
      <path class="waterfall-thread" d={`M${String(from)} 0V16M${String(to)} 16V32`} />
      {term.value !== 0 && <rect
        class={term.value < 0 ? 'waterfall-down' : 'waterfall-up'}
        x={Math.min(from, to)}
        y={7}
        width={Math.max(Math.abs(to - from), 1.5)}
        height={18}
      />}
    </svg>
  );
}

/** A mark where the sum starts or ends. */
function EndBar({ at, down }: { at: number; down: boolean }) {
  return (
    <svg viewBox="0 0 1000 32" preserveAspectRatio="none" aria-hidden="true">
      <path class="waterfall-thread" d={`M${String(at)} ${down ? '16V32' : '0V16'}`} />
      <path class="waterfall-mark" d={`M${String(at)} 7V25`} />
    </svg>
  );
}
