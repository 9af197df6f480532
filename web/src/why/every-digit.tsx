import type { ModelCard } from '../model-card';
import type { Terms } from './terms';
import { valueText } from './text';
import { baseName } from './waterfall';

interface EveryDigitProps {
  readonly card: ModelCard;
  readonly row: readonly number[];
  readonly terms: Terms;
}

/** The same as a table of numbers that are not rounded, with the sum after each. */
export function EveryDigit({ card, row, terms }: EveryDigitProps) {
  return (
    <details class="every-digit">
      <summary>Every digit</summary>
      <p class="why-soft">Above, the last digit is rounded such that the numbers add up.</p>
      <div class="table-box" role="region" aria-label="Every digit of the contributions" tabIndex={0}>
        <table>
          <thead>
            <tr>
              <th scope="col">Feature</th>
              <th scope="col">Value</th>
              <th scope="col">Adds</th>
              <th scope="col">Sum</th>
            </tr>
          </thead>
          <tbody>
            <tr>
              <th scope="row">{baseName(card)}</th>
              <td />
              <td />
              <td>{String(terms.base)}</td>
            </tr>
            {terms.terms.map((term) => {
              const feature = term.feature === null ? undefined : card.features[term.feature];
              return (
                <tr key={term.feature ?? 'others'}>
                  <th scope="row">{feature?.title ?? `${String(terms.nOthers)} others`}</th>
                  <td>{feature !== undefined && valueText(feature, row[term.feature ?? 0] ?? NaN)}</td>
                  <td>{String(term.value)}</td>
                  <td>{String(term.to)}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </details>
  );
}
