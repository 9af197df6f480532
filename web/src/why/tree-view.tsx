import type { ComponentChildren } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { elementId } from './tree-drawing';
import type { Drawn, Place } from './shape';
import { fitted, isInView, isSamePane, movedInto, paneOf, whole, zoomed, type Pane, type Size, type View } from './view';

interface TreeViewProps {
  readonly drawn: Drawn;
  readonly active: Place;
  readonly label: string;
  /** The view until somebody moves it: null. */
  readonly view: View | null;
  readonly onView: (view: View | null) => void;
  readonly onActive: (place: Place) => void;
  readonly onToggle: (place: Place) => void;
  /** Makes the part of the drawing that is seen. */
  readonly render: (pane: Pane) => ComponentChildren;
}

export const zoomStep = 1.3;

/**
 * A drawing that is moved by dragging, zoomed by two fingers or the wheel with Ctrl, and walked through
 * by arrow keys. The focus stays on the whole; `aria-activedescendant` says which place is meant.
 */
export function TreeView({ drawn, active, label, view, onView, onActive, onToggle, render }: TreeViewProps) {
  const box = useRef<HTMLDivElement>(null);
  const size = useSize(box);
  const shown = view ?? fitted(drawn, size);
  const pane = useKept(paneOf(shown, size), isSamePane);
  const content = useMemo(() => render(pane), [render, pane]);
  const latest = useRef({ shown, size, onView });
  latest.current = { shown, size, onView };
  useWheel(box, latest);
  const pointers = usePointers(latest);
  const go = (place: Place | undefined) => {
    if (place === undefined) return;
    onActive(place);
    if (!isInView(place, shown, size)) onView(movedInto(place, shown, size));
  };
  return (
    <div
      ref={box}
      class="tree-view"
      data-places={drawn.places.length}
      role="tree"
      tabIndex={0}
      aria-label={label}
      aria-describedby="tree-keys"
      aria-activedescendant={elementId(active.id)}
      onKeyDown={(event) => {
        if (event.ctrlKey || event.metaKey || event.altKey) return;
        const centre = { x: size.width / 2, y: size.height / 2 };
        if (event.key === '+' || event.key === '=') onView(zoomed(shown, zoomStep, centre));
        else if (event.key === '-') onView(zoomed(shown, 1 / zoomStep, centre));
        else if (event.key === '0') onView(whole(drawn, size));
        else if (event.key === 'Enter' || event.key === ' ') onToggle(active);
        else if (isMove(event.key)) go(placeAfter(event.key, active, drawn));
        else return;
        event.preventDefault();
      }}
      {...pointers}
    >
      <svg role="presentation" width={size.width} height={size.height}>
        <g class="tree-content" transform={`translate(${String(shown.x)} ${String(shown.y)}) scale(${String(shown.scale)})`}>
          {content}
        </g>
      </svg>
    </div>
  );
}

const moves = ['ArrowUp', 'ArrowDown', 'ArrowLeft', 'ArrowRight', 'Home', 'End'] as const;
type Move = (typeof moves)[number];

function isMove(key: string): key is Move {
  return (moves as readonly string[]).includes(key);
}

/** Where a key leads: up and down the tree, aside on its level, to the root, to the end of the row's way. */
function placeAfter(key: Move, at: Place, { root, places }: Drawn): Place | undefined {
  const beside = (step: number) => {
    const level = places.filter(({ depth }) => depth === at.depth);
    return level[level.indexOf(at) + step];
  };
  switch (key) {
    case 'ArrowUp':
      return at.parent ?? undefined;
    case 'ArrowDown':
      return at.children.find(({ onPath }) => onPath) ?? at.children[0];
    case 'ArrowLeft':
      return beside(-1);
    case 'ArrowRight':
      return beside(1);
    case 'Home':
      return root;
    case 'End':
      return places.findLast(({ onPath }) => onPath);
  }
}

/** The value before, as long as the new one is the same. */
function useKept<T>(value: T, isSame: (a: T, b: T) => boolean): T {
  const kept = useRef(value);
  if (!isSame(kept.current, value)) kept.current = value;
  return kept.current;
}

interface Latest {
  readonly current: { readonly shown: View; readonly size: Size; readonly onView: (view: View) => void };
}

function useSize(box: { readonly current: HTMLDivElement | null }): Size {
  const [size, setSize] = useState<Size>({ width: 640, height: 480 });
  useEffect(() => {
    const element = box.current;
    if (element === null) return undefined;
    const measure = () => { setSize({ width: element.clientWidth, height: element.clientHeight }); };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => { observer.disconnect(); };
  }, [box]);
  return size;
}

/** The wheel alone scrolls the page. */
function useWheel(box: { readonly current: HTMLDivElement | null }, latest: Latest): void {
  useEffect(() => {
    const element = box.current;
    const turn = (event: WheelEvent) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      const { shown, onView } = latest.current;
      const area = (event.currentTarget as HTMLElement).getBoundingClientRect();
      const at = { x: event.clientX - area.left, y: event.clientY - area.top };
      onView(zoomed(shown, Math.exp(-event.deltaY / 200), at));
    };
    element?.addEventListener('wheel', turn, { passive: false });
    return () => { element?.removeEventListener('wheel', turn); };
  }, [box, latest]);
}

interface Point {
  readonly x: number;
  readonly y: number;
}

/** One pointer moves the drawing, two move and zoom it. */
function usePointers(latest: Latest) {
  const [down] = useState(() => new Map<number, Point>());
  const lift = (event: PointerEvent) => { down.delete(event.pointerId); };
  return {
    onPointerDown: (event: PointerEvent) => { down.set(event.pointerId, { x: event.clientX, y: event.clientY }); },
    onPointerMove: (event: PointerEvent & { currentTarget: HTMLElement }) => {
      const before = down.get(event.pointerId);
      if (before === undefined) return;
      const now = { x: event.clientX, y: event.clientY };
      // A click that trembles is still a click.
      const isHeld = event.currentTarget.hasPointerCapture(event.pointerId);
      if (!isHeld && Math.hypot(now.x - before.x, now.y - before.y) < 4) return;
      if (!isHeld) event.currentTarget.setPointerCapture(event.pointerId);
      const other = [...down].find(([id]) => id !== event.pointerId)?.[1];
      down.set(event.pointerId, now);
      const { shown, onView } = latest.current;
      if (other === undefined) {
        onView({ ...shown, x: shown.x + now.x - before.x, y: shown.y + now.y - before.y });
        return;
      }
      const area = event.currentTarget.getBoundingClientRect();
      const factor = Math.hypot(now.x - other.x, now.y - other.y) / Math.max(1, Math.hypot(before.x - other.x, before.y - other.y));
      const held = { ...shown, x: shown.x + (now.x - before.x) / 2, y: shown.y + (now.y - before.y) / 2 };
      onView(zoomed(held, factor, { x: (now.x + other.x) / 2 - area.left, y: (now.y + other.y) / 2 - area.top }));
    },
    onPointerUp: lift,
    onPointerCancel: lift,
    onPointerLeave: lift,
  };
}

