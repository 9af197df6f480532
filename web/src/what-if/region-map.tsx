import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { OutputCard } from '../model-card';
import { row, useRow } from '../state';
import { theme } from '../theme';
import { placeOn, stepped, ticksOf, valueAt, valueText, type Axis } from './axis';
import { classColours, readColour } from './colours';
import { PlotFrame } from './plot-frame';
import { regionNames } from './region-names';
import { paint, type Inks, type Regions } from './regions';

/** Pixels of the canvas: enough for a sharp edge on any screen. */
const canvasSize = { width: 720, height: 540 };

interface MapProps {
  readonly regions: Regions | null;
  readonly x: Axis;
  readonly y: Axis;
  readonly output: OutputCard;
  /** What the model says about the row, in words. */
  readonly said: string;
}

/** The regions of two features, and the row among them: a mark that can be moved. */
export function RegionMap({ regions, x, y, output, said }: MapProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const shown = theme.value;
  useEffect(() => {
    if (canvas.current !== null && regions !== null) paint(canvas.current, regions, output, inksOf(canvas.current));
  }, [regions, output, shown]);
  const name = ({ feature }: Axis) => (feature.unit === '' ? feature.title : `${feature.title} in ${feature.unit}`);
  return (
    <PlotFrame xName={name(x)} yName={name(y)} xTicks={ticksOf(x, 5)} yTicks={ticksOf(y, 5)}>
      <div class="map" onPointerDown={(event) => { beginDrag(event, x, y); }} onClick={(event) => { moveTo(event.currentTarget, event, x, y); }}>
        <canvas ref={canvas} width={canvasSize.width} height={canvasSize.height} role="img" aria-label={`Answers over ${x.feature.title} and ${y.feature.title}: the table below has them as text`} />
        {regions !== null && output.kind === 'class' && <Names regions={regions} output={output} />}
        <Mark x={x} y={y} said={said} />
      </div>
    </PlotFrame>
  );
}

/** Pixels that a name takes beside its letters, of which each takes so many, and its height. */
const nameSize = { letter: 8, padding: 20, height: 28 };

/** The classes' names on the map, where there is room for them; the legend has them as text for all. */
function Names({ regions, output }: { regions: Regions; output: OutputCard }) {
  const layer = useRef<HTMLDivElement>(null);
  const [size, setSize] = useState({ width: 0, height: 0 });
  useEffect(() => {
    const watch = new ResizeObserver(([entry]) => { if (entry !== undefined) setSize(entry.contentRect); });
    if (layer.current !== null) watch.observe(layer.current);
    return () => { watch.disconnect(); };
  }, []);
  const names = useMemo(() => regionNames(regions, output.labels.length), [regions, output]);
  return (
    <div ref={layer} class="region-names" aria-hidden="true">
      {names.map((name) => {
        const label = output.labels[name.class] ?? '';
        const fits = name.width * size.width >= label.length * nameSize.letter + nameSize.padding && name.height * size.height >= nameSize.height;
        return fits && <span key={name.class} style={{ '--x': String(name.x), '--y': String(name.y) }}>{label}</span>;
      })}
    </div>
  );
}

function inksOf(element: Element): Inks {
  const colour = (name: string) => readColour(element, name);
  return {
    surface: colour('--surface'),
    classes: Array.from({ length: classColours }, (_, k) => colour(`--class-${String(k)}`)),
    ramp: [colour('--ramp-low'), colour('--ramp-middle'), colour('--ramp-high')],
  };
}

function setBoth(x: Axis, y: Axis, xValue: number, yValue: number): void {
  useRow(row.value.with(x.index, xValue).with(y.index, yValue));
}

function moveTo(map: HTMLElement, { clientX, clientY }: MouseEvent, x: Axis, y: Axis): void {
  const box = map.getBoundingClientRect();
  setBoth(x, y, valueAt(x, (clientX - box.left) / box.width), valueAt(y, 1 - (clientY - box.top) / box.height));
}

/** A mouse drags from anywhere; a finger from the mark only, so that the page can be scrolled. */
function beginDrag(event: PointerEvent, x: Axis, y: Axis): void {
  const map = event.currentTarget as HTMLElement;
  const onMark = event.target instanceof Element && event.target.closest('.mark') !== null;
  if (event.button !== 0 || (event.pointerType === 'touch' && !onMark)) return;
  event.preventDefault();
  map.querySelector<HTMLElement>('.mark')?.focus();
  map.setPointerCapture(event.pointerId);
  const release = holdCardsAbove(map);
  const ended = new AbortController();
  const { signal } = ended;
  map.addEventListener('pointermove', (moved) => { moveTo(map, moved, x, y); }, { signal });
  const end = () => {
    ended.abort();
    // After the click that ends a drag, which is still told by where the map is.
    setTimeout(release);
  };
  for (const kind of ['pointerup', 'pointercancel', 'lostpointercapture']) map.addEventListener(kind, end, { signal });
}

/** Keeps the cards above as high as they are, so that the map stays under the pointer; undone by what is returned. */
function holdCardsAbove(map: HTMLElement): () => void {
  const above: HTMLElement[] = [];
  for (let one = map.closest('.card')?.previousElementSibling; one instanceof HTMLElement; one = one.previousElementSibling) above.push(one);
  const heights = above.map((one) => one.getBoundingClientRect().height);
  above.forEach((one, i) => {
    one.style.height = `${String(heights[i] ?? 0)}px`;
    one.style.overflow = 'hidden';
  });
  return () => {
    for (const one of above) {
      one.style.height = '';
      one.style.overflow = '';
    }
  };
}

const arrows: Readonly<Record<string, readonly [number, number]>> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowDown: [0, -1], ArrowUp: [0, 1] };

/** Where the row is. Arrow keys move it by a step of the sliders, with Shift by ten. */
function Mark({ x, y, said }: { x: Axis; y: Axis; said: string }) {
  const [xValue, yValue] = [row.value[x.index] ?? NaN, row.value[y.index] ?? NaN];
  const [left, bottom] = [placeOn(x, xValue), placeOn(y, yValue)];
  const off = Number.isNaN(left) || Number.isNaN(bottom);
  const move = (event: KeyboardEvent) => {
    const arrow = arrows[event.key];
    if (arrow === undefined) return;
    event.preventDefault();
    const far = event.shiftKey ? 10 : 1;
    setBoth(x, y, arrow[0] === 0 ? xValue : stepped(x, xValue, arrow[0] * far), arrow[1] === 0 ? yValue : stepped(y, yValue, arrow[1] * far));
  };
  return (
    <div
      class={off ? 'mark mark-off' : 'mark'}
      role="slider"
      tabIndex={0}
      aria-label={`The row: ${x.feature.title} with the left and right keys, ${y.feature.title} with up and down`}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={off ? 0 : Math.round(left * 100)}
      aria-valuetext={`${x.feature.title} ${valueText(x.feature, xValue)}, ${y.feature.title} ${valueText(y.feature, yValue)}: ${said}`}
      style={{ '--x': String(off ? 0.5 : left), '--y': String(off ? 0.5 : bottom) }}
      onKeyDown={move}
    />
  );
}
