import { placeOn } from './axis';
import { colourClass } from './colours';
import { pathOf, type Curve } from './curves';

/** The lines of a curve, and where the row is on it. */
export function Lines({ curve, low, high, x }: { curve: Curve; low: number; high: number; x: number }) {
  const at = placeOn(curve.axis, x);
  return (
    <svg class="lines" viewBox="0 0 1000 1000" preserveAspectRatio="none" aria-hidden="true" focusable="false">
      {curve.lines.map((line, k) => <path key={k} class={`line ${colourClass(k)}`} d={pathOf(curve, line, low, high)} />)}
      {!Number.isNaN(at) && <line class="line-now" x1={at * 1000} x2={at * 1000} y1={0} y2={1000} />}
    </svg>
  );
}
