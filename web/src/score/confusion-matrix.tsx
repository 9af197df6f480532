import { countText } from '../components/text';
import type { ClassMeasures } from './measures';

/** How often each class was taken for which: right answers on the diagonal. */
export function ConfusionMatrix({ measures: { labels, counts } }: { measures: ClassMeasures }) {
  const n = labels.length;
  const at = (truth: number, said: number) => counts[truth * n + said] ?? 0;
  const ofTruth = (truth: number) => labels.reduce((total, _, k) => total + at(truth, k), 0);
  return (
    <div class="table-box" role="region" aria-label="Confusion matrix" tabIndex={0}>
      <table class="confusion">
        <caption>Confusion matrix: true classes down, answers across</caption>
        <thead>
          <tr>
            <th scope="col">True class</th>
            {labels.map((label, k) => <th key={k} scope="col">{label}</th>)}
          </tr>
        </thead>
        <tbody>
          {labels.map((label, truth) => (
            <tr key={truth}>
              <th scope="row">{label}</th>
              {labels.map((_, said) => (
                <td
                  key={said}
                  class={truth === said ? 'confusion-right' : 'confusion-wrong'}
                  style={{ '--share': String(at(truth, said) / Math.max(1, ofTruth(truth))) }}
                >
                  {countText(at(truth, said))}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
