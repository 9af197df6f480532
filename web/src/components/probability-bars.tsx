import { percentText } from './text';

interface BarsProps {
  readonly labels: readonly string[];
  readonly probabilities: readonly number[];
  /** Position of the predicted class. */
  readonly winner: number;
}

/** One bar per class, always in the same order, so that only their lengths move. */
export function ProbabilityBars({ labels, probabilities, winner }: BarsProps) {
  return (
    <ul class="bars" aria-label="Probabilities">
      {labels.map((label, k) => (
        <Bar key={label} label={label} probability={probabilities[k] ?? NaN} won={k === winner} />
      ))}
    </ul>
  );
}

function Bar({ label, probability, won }: { label: string; probability: number; won: boolean }) {
  const length = Number.isNaN(probability) ? 0 : probability;
  return (
    <li class={won ? 'bar bar-won' : 'bar'}>
      <span class="bar-label">{label}</span>
      <span class="bar-number">{percentText(probability)}</span>
      <span class="bar-track" aria-hidden="true">
        <span class="bar-fill" style={{ transform: `scaleX(${String(length)})` }} />
      </span>
    </li>
  );
}
