import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { Button } from '../components/button';
import { countText } from '../components/text';
import { saveBlob } from '../save-blob';
import type { Explaining, Walked } from './explaining';
import { draw, idsOf, isUnfolded, rootOf, sizesOf, unfoldedBelow, type Place } from './shape';
import type { Target } from './target';
import { counted } from './text';
import { TreeDrawing } from './tree-drawing';
import { standaloneSvg } from './tree-svg';
import { TreeView, zoomStep } from './tree-view';
import { everything, fitted, whole, zoomed, type Pane, type Size, type View } from './view';

/** One tree, with the way that the row goes in it. */
export function TreeCard({ why }: { why: Explaining }) {
  const walked = why.walked.value;
  const target = why.target.value;
  if (walked === null || target === null) return null;
  return (
    <section class="card tree-card" aria-labelledby="tree-title">
      <TreeHead why={why} walked={walked} />
      <Explorer key={walked.path.tree} why={why} walked={walked} target={target} />
    </section>
  );
}

function TreeHead({ why, walked }: { why: Explaining; walked: Walked }) {
  const { treeCount } = why.card;
  const choose = (tree: number) => { why.chosenTree.value = Math.min(Math.max(tree, 0), treeCount - 1); };
  const now = walked.path.tree;
  const number = useRef<HTMLInputElement>(null);
  // What is being typed stays while rows come by.
  useEffect(() => {
    if (number.current !== null) number.current.value = String(now + 1);
  }, [now]);
  return (
    <div class="tree-head">
      <h2 id="tree-title">Tree {countText(now + 1)}</h2>
      <p class="why-soft">{counted(walked.tree.nNodes, 'node')}, {counted(walked.tree.nNodes + 1, 'leaf', 'leaves')}; {counted(walked.path.steps.length, 'step')} to this row’s leaf</p>
      {treeCount > 1 && (
        <div class="tree-choice">
          <Button off={now === 0} onClick={() => { choose(now - 1); }}>Previous</Button>
          <label>
            <span class="hidden">Number of the tree, 1 to {treeCount}</span>
            <input
              class="number"
              type="number"
              min={1}
              max={treeCount}
              ref={number}
              onChange={({ currentTarget: { valueAsNumber } }) => { if (Number.isInteger(valueAsNumber)) choose(valueAsNumber - 1); }}
            />
          </label>
          <Button off={now === treeCount - 1} onClick={() => { choose(now + 1); }}>Next</Button>
        </div>
      )}
    </div>
  );
}

interface ExplorerProps {
  readonly why: Explaining;
  readonly walked: Walked;
  readonly target: Target;
}

function Explorer({ why, walked, target }: ExplorerProps) {
  const { tree, path } = walked;
  const [folds, setFolds] = useState<ReadonlyMap<number, boolean>>(new Map());
  const [activeId, setActiveId] = useState(rootOf(tree));
  const [view, setView] = useState<View | null>(null);
  const frame = useRef<HTMLDivElement>(null);
  const sizes = useMemo(() => sizesOf(tree), [tree]);
  const way = useMemo(() => idsOf(path), [path]);
  const drawn = useMemo(() => draw(tree, sizes, way, folds), [tree, sizes, way, folds]);
  const active = drawn.places.find(({ id }) => id === activeId) ?? drawn.root;
  const toggle = (place: Place) => {
    if (place.id < 0) return;
    setFolds(new Map([...folds, [place.id, !isUnfolded(tree, way, folds, place.id)]]));
  };
  const choose = (place: Place) => {
    setActiveId(place.id);
    toggle(place);
  };
  const drawing = { model: why.card, walked, target, drawn, active: active.id };
  const render = useMemo(
    () => (pane: Pane) => <TreeDrawing {...drawing} pane={pane} onChoose={choose} />,
    [why.card, walked, target, drawn, active.id],
  );
  const look = (change: (now: View, size: Size) => View) => {
    const box = frame.current?.querySelector('.tree-view');
    if (box === null || box === undefined) return;
    const size = { width: box.clientWidth, height: box.clientHeight };
    setView(change(view ?? fitted(drawn, size), size));
  };
  const zoom = (factor: number) => {
    look((now, size) => zoomed(now, factor, { x: size.width / 2, y: size.height / 2 }));
  };
  const save = () => {
    const name = `${why.card.name}-tree-${String(path.tree + 1)}`;
    const title = `Tree ${String(path.tree + 1)} of ${why.card.name}`;
    const svg = standaloneSvg(<TreeDrawing {...drawing} pane={everything} />, drawn.bounds, title);
    saveBlob(new Blob([svg], { type: 'image/svg+xml' }), `${name}.svg`);
  };
  return (
    <div ref={frame} class="tree-frame">
      <div class="tree-tools" role="group" aria-label="The drawing">
        <button type="button" class="button" onClick={() => { setFolds(unfoldedBelow(tree, rootOf(tree))); }}>Unfold all</button>
        <button type="button" class="button" onClick={() => { setFolds(new Map()); setView(null); }}>This row’s path</button>
        <button type="button" class="button tree-zoom" aria-label="Zoom out" onClick={() => { zoom(1 / zoomStep); }}>−</button>
        <button type="button" class="button tree-zoom" aria-label="Zoom in" onClick={() => { zoom(zoomStep); }}>+</button>
        <button type="button" class="button" onClick={() => { look((_, size) => whole(drawn, size)); }}>Fit</button>
        <button type="button" class="button tree-save" onClick={save}>Save as SVG</button>
      </div>
      <TreeView
        drawn={drawn}
        active={active}
        label={`Tree ${String(path.tree + 1)}`}
        view={view}
        onView={setView}
        onActive={(place) => { setActiveId(place.id); }}
        onToggle={toggle}
        render={render}
      />
      <p class="why-soft tree-keys" id="tree-keys">
        Click a node, or press Enter, to unfold it. Arrow keys walk, + and − zoom, 0 fits. Drag to move; Ctrl and wheel, or two fingers, zoom.
      </p>
    </div>
  );
}
