import { useMemo, useRef } from 'preact/hooks';
import type { ModelCard } from '../model-card';
import { barAt, box, placeOf, stripOf } from './bars';
import { counted, plainText, signedText } from './text';
import { countText, percentText } from '../components/text';
import type { Votes } from './votes';

interface StripProps {
  readonly card: ModelCard;
  readonly votes: Votes;
  readonly chosen: number;
  readonly onChoose: (tree: number) => void;
}

/** How many places a key moves the choice; null for other keys. */
function stepOf(key: string, n: number): number | null {
  const far = Math.max(1, Math.round(n / 10));
  const steps: Readonly<Record<string, number>> = {
    ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: far, PageDown: -far, Home: -n, End: n,
  };
  return steps[key] ?? null;
}

/** A bar for each tree, sorted by what it says; one is chosen, by hand or by arrow keys. */
export function VotesStrip({ card, votes, chosen, onChoose }: StripProps) {
  const chart = useRef<HTMLDivElement>(null);
  const n = votes.trees.length;
  const strip = useMemo(() => drawn(card, votes), [card, votes]);
  const place = votes.trees.indexOf(chosen);
  const choose = (i: number) => { onChoose(votes.trees[Math.min(Math.max(i, 0), n - 1)] ?? 0); };
  const pointAt = (event: PointerEvent) => {
    const area = chart.current?.getBoundingClientRect();
    if (area !== undefined && area.width > 0) choose(barAt((event.clientX - area.left) / area.width, n));
  };
  if (n === 0) return null;
  const bar = placeOf(Math.max(place, 0), n);
  return (
    <div class="strip">
      <div
        ref={chart}
        class="strip-chart"
        role="slider"
        tabIndex={0}
        aria-label="Tree, in the order of what it says"
        aria-orientation="horizontal"
        aria-valuemin={1}
        aria-valuemax={n}
        aria-valuenow={place + 1}
        aria-valuetext={sentence(card, votes, place)}
        onKeyDown={(event) => {
          const step = stepOf(event.key, n);
          if (step === null) return;
          event.preventDefault();
          choose(place + step);
        }}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          pointAt(event);
        }}
        onPointerMove={(event) => {
          if (event.buttons === 1) pointAt(event);
        }}
      >
        <svg viewBox={`0 0 ${String(box.width)} ${String(box.height)}`} preserveAspectRatio="none" aria-hidden="true">
          {place >= 0 && <rect class="strip-chosen" x={bar.x - bar.width * 0.15} y={0} width={bar.width * 1.3} height={box.height} />}
          <path class="strip-up" d={strip.up} />
          <path class="strip-down" d={strip.down} />
          <path class="strip-line" d={`M0 ${String(strip.line)}H${String(box.width)}`} />
          {place >= 0 && n > 120 && <path class="strip-needle" d={`M${String(bar.x + bar.width / 2)} 0V${String(box.height)}`} />}
          {strip.average !== null && <path class="strip-average" d={`M0 ${String(strip.average)}H${String(box.width)}`} />}
        </svg>
      </div>
      <p class="strip-legend">
        <span>{place < 0 ? `Tree ${String(chosen + 1)} adds nothing to ${votes.target.name}.` : sentence(card, votes, place)}</span>
        <span class="why-soft">{legend(card, votes)}</span>
      </p>
    </div>
  );
}

/** A forest that is averaged is read in what each tree says, before it is divided. */
function said(card: ModelCard, votes: Votes, i: number): number {
  return (votes.adds[i] ?? NaN) * (card.combine === 'mean' ? votes.trees.length : 1);
}

function isShare(card: ModelCard, votes: Votes): boolean {
  return card.combine === 'mean' && votes.target.classIndex !== null && card.link === 'identity';
}

function drawn(card: ModelCard, votes: Votes) {
  const values = Array.from(votes.adds, (_, i) => said(card, votes, i));
  if (card.combine !== 'mean') return stripOf(values, 0, null);
  const average = values.reduce((sum, x) => sum + x, 0) / values.length;
  return isShare(card, votes) ? stripOf(values, 0, average) : stripOf(values, average, null);
}

function sentence(card: ModelCard, votes: Votes, place: number): string {
  if (place < 0) return 'No tree is chosen';
  const tree = `Tree ${countText((votes.trees[place] ?? 0) + 1)}`;
  const value = said(card, votes, place);
  if (isShare(card, votes)) return `${tree} says ${percentText(value)} ${votes.target.name}`;
  return card.combine === 'sum' ? `${tree} adds ${signedText(value)}` : `${tree} says ${plainText(value)}`;
}

function legend(card: ModelCard, votes: Votes): string {
  if (isShare(card, votes)) return `${counted(votes.trees.length, 'tree')}, highest first; the line is their average`;
  if (card.combine === 'mean') return `${counted(votes.trees.length, 'tree')}, highest first, from their average`;
  if (card.combine !== 'sum') return `${counted(votes.trees.length, 'tree')}, highest first`;
  const up = votes.adds.filter((x) => x > 0).length;
  const down = votes.adds.filter((x) => x < 0).length;
  return `${counted(votes.trees.length, 'tree')}: ${countText(up)} add, ${countText(down)} take away`;
}
