import type { PathStep } from 'copse';
import { countText } from '../components/text';
import type { ModelCard } from '../model-card';
import type { Walked } from './explaining';
import { fitText, widthOf } from './fit-text';
import { leafText, nodeText, rowText, type NodeText } from './node-text';
import { card, type Drawn, type Place } from './shape';
import type { Target } from './target';
import { counted } from './text';
import { isInPane, type Pane } from './view';

interface DrawingProps {
  readonly model: ModelCard;
  readonly walked: Walked;
  readonly target: Target;
  readonly drawn: Drawn;
  /** The place that keys act on. */
  readonly active: number;
  readonly pane: Pane;
  readonly onChoose?: (place: Place) => void;
}

/** Of a longer way only what is in view is made. */
const wayMax = 200;

/** Ids of places on the page: leaves are below 0. */
export function elementId(id: number): string {
  return id < 0 ? `tree-leaf-${String(~id)}` : `tree-node-${String(id)}`;
}

/** The places of a tree that are in the pane, with what connects them, in pixels; the root is at 0, 0. */
export function TreeDrawing(props: DrawingProps) {
  const { drawn, walked, pane, active } = props;
  const steps = new Map(walked.path.steps.map((step) => [step.node, step]));
  const isWayMade = steps.size <= wayMax;
  const isMade = (place: Place) => isInPane(place, pane) || (place.onPath && isWayMade) || place.id === active;
  const places = drawn.places.filter(isMade);
  // What is on the way is drawn last, over the rest.
  const links = drawn.places.filter((place) => place.parent !== null && (isMade(place) || isMade(place.parent))).sort((a, b) => Number(a.onPath) - Number(b.onPath));
  return (
    <>
      <g role="presentation" aria-hidden="true">
        {links.map((place) => <Link key={place.id} place={place} share={textOf(props, place).share} />)}
      </g>
      {places.map((place) => <PlaceView key={place.id} {...props} place={place} step={steps.get(place.id)} />)}
    </>
  );
}

function textOf({ model, walked, target }: DrawingProps, { id }: Place): NodeText {
  return id < 0 ? leafText(model, walked, ~id, target) : nodeText(model, walked.tree, id);
}

/** The wider, the more of the training rows went this way. */
function Link({ place, share }: { place: Place; share: number }) {
  const { parent, x, y, left, onPath } = place;
  if (parent === null) return null;
  const from = parent.y + card.height;
  const middle = (from + y) / 2;
  const width = Number.isNaN(share) ? 1.5 : 1.25 + 5 * share;
  const label = left ? 'yes' : 'no';
  return (
    <g class={onPath ? 'tree-link tree-path' : 'tree-link'}>
      <path
        d={`M${String(parent.x)} ${String(from)}C${String(parent.x)} ${String(middle)} ${String(x)} ${String(middle)} ${String(x)} ${String(y)}`}
        stroke-width={onPath ? Math.max(width, 3) : width}
      />
      <text x={x + (left ? -8 : 8)} y={y - 8} text-anchor={left ? 'end' : 'start'}>{label}</text>
    </g>
  );
}

type PlaceProps = DrawingProps & { readonly place: Place; readonly step: PathStep | undefined };

function PlaceView(props: PlaceProps) {
  const { model, walked, place, step, active, pane, onChoose } = props;
  const { id, x, y, onPath, children } = place;
  const text = textOf(props, place);
  const own = step === undefined ? '' : rowText(model, walked.row, step);
  const words = sentence(props, text, own);
  const isLeaf = id < 0;
  const isFolded = !isLeaf && children.length === 0;
  const classes = ['tree-place', isLeaf && 'tree-leaf', onPath && 'tree-path', id === active && 'tree-active'];
  return (
    <g
      id={elementId(id)}
      role="treeitem"
      class={classes.filter(Boolean).join(' ')}
      transform={`translate(${String(x - card.width / 2)} ${String(y)})`}
      aria-label={words}
      aria-level={place.depth + 1}
      aria-selected={id === active}
      aria-expanded={isLeaf ? undefined : !isFolded}
      data-node={id}
      onClick={() => { onChoose?.(place); }}
    >
      <title>{words}</title>
      <rect class="tree-box" width={card.width} height={card.height} rx={isLeaf ? 20 : 10} />
      {(pane.isReadable || onPath) && <Lines text={text} own={own} />}
      {isFolded && (
        <g class="tree-more" transform={`translate(${String(card.width / 2)} ${String(card.height)})`}>
          <rect x={-30} y={-1} width={60} height={18} rx={9} />
          <text y={12} text-anchor="middle">+{countText(place.below)}</text>
        </g>
      )}
    </g>
  );
}

/** What stands in a box. */
function Lines({ text, own }: { text: NodeText; own: string }) {
  const inner = card.width - 24;
  const isAlone = text.detail === '' && text.cover === '';
  return (
    <>
      {!Number.isNaN(text.share) && (
        <rect class="tree-share" x={12} y={card.height - 7} width={Math.max(1, inner * text.share)} height={3} rx={1.5} />
      )}
      <text class="tree-title" x={12} y={isAlone ? card.height / 2 + 5 : 20}>{fitText(text.title, inner, true)}</text>
      <Detail detail={text.detail} own={own} inner={inner} />
      <text class="tree-small" x={12} y={55}>{text.cover}</text>
      {text.missing !== '' && <text class="tree-small" x={card.width - 12} y={55} text-anchor="end">{text.missing}</text>}
    </>
  );
}

/** The condition, and at the right what the row has, where it comes by. */
function Detail({ detail, own, inner }: { detail: string; own: string; inner: number }) {
  if (own === '') return <text x={12} y={38}>{fitText(detail, inner)}</text>;
  const shown = fitText(own, inner / 2 - 4, true);
  return (
    <>
      <text x={12} y={38}>{fitText(detail, inner - widthOf(shown, true) - 8)}</text>
      <text class="tree-own" x={12 + inner} y={38} text-anchor="end">{shown}</text>
    </>
  );
}

function sentence({ place, step, walked, model }: PlaceProps, text: NodeText, own: string): string {
  const parts = place.id < 0
    ? [`Leaf: ${text.title}${text.detail === '' ? '' : `, ${text.detail}`}`]
    : [`${text.title} ${text.detail}?`];
  if (step !== undefined) parts.push(`The row has ${own}: ${step.left ? 'yes' : 'no'}`);
  if (place.id < 0 && place.onPath) parts.push('The row ends here');
  if (text.missing !== '') parts.push(text.missing);
  if (text.cover !== '') parts.push(`training weight ${text.cover}`);
  if (place.id >= 0 && place.children.length === 0) parts.push(`${counted(place.below, 'place')} below`);
  const listed = walked.tree.categories[place.id];
  if (place.id >= 0 && listed == null && model.features[walked.tree.feature[place.id] ?? 0]?.categorical === false) {
    parts.push(`threshold ${String(walked.tree.threshold[place.id])}`);
  }
  return `${parts.join('. ')}.`;
}
