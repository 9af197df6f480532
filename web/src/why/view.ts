import { card, type Bounds, type Drawn, type Place } from './shape';

// Where a drawing stands in its window: pixel = scale * place + (x, y).

export interface View {
  readonly x: number;
  readonly y: number;
  readonly scale: number;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

const room = 16;
const scaleMin = 0.01;
const scaleMax = 4;
/** Text below this size is not read. */
const readable = 0.62;
/** A wide way is made smaller than that, down to this. */
const narrow = 0.45;

/** The whole drawing, however small. */
export function whole({ bounds }: Drawn, size: Size): View {
  const width = bounds.right - bounds.left;
  const height = bounds.bottom - bounds.top;
  const scale = Math.max(Math.min((size.width - 2 * room) / width, (size.height - 2 * room) / height, 1), scaleMin);
  return { scale, x: (size.width - (bounds.left + bounds.right) * scale) / 2, y: room - bounds.top * scale };
}

/** The whole drawing where it is readable so, else the root and the row's way, as far as there is room. */
export function fitted(drawn: Drawn, size: Size): View {
  const all = whole(drawn, size);
  if (all.scale >= readable) return all;
  const way = drawn.places.filter(({ onPath, y }) => onPath && y * readable < size.height);
  const xs = way.map(({ x }) => x);
  const [left, right] = [Math.min(...xs) - card.width / 2, Math.max(...xs) + card.width / 2];
  const scale = Math.min(Math.max((size.width - 2 * room) / (right - left), narrow), readable);
  return { scale, x: (size.width - (left + right) * scale) / 2, y: room - drawn.bounds.top * scale };
}

/** Larger or smaller by `factor`, with what is at `centre` in its place. */
export function zoomed(view: View, factor: number, centre: { readonly x: number; readonly y: number }): View {
  const scale = Math.min(Math.max(view.scale * factor, scaleMin), scaleMax);
  const by = scale / view.scale;
  return { scale, x: centre.x - (centre.x - view.x) * by, y: centre.y - (centre.y - view.y) * by };
}

function cornersOf(place: Place, view: View) {
  return {
    left: view.x + (place.x - card.width / 2) * view.scale,
    right: view.x + (place.x + card.width / 2) * view.scale,
    top: view.y + place.y * view.scale,
    bottom: view.y + (place.y + card.height) * view.scale,
  };
}

export function isInView(place: Place, view: View, size: Size): boolean {
  const { left, right, top, bottom } = cornersOf(place, view);
  return left >= 0 && top >= 0 && right <= size.width && bottom <= size.height;
}

/** The same view moved so that `place` is in its middle. */
export function movedInto(place: Place, view: View, size: Size): View {
  const { left, right, top, bottom } = cornersOf(place, view);
  return { ...view, x: view.x + (size.width - left - right) / 2, y: view.y + (size.height - top - bottom) / 2 };
}

/** The part of a drawing that is made, in its own coordinates, and whether its text can be read. */
export interface Pane {
  readonly area: Bounds;
  readonly isReadable: boolean;
}

export const everything: Pane = {
  area: { left: -Infinity, top: -Infinity, right: Infinity, bottom: Infinity },
  isReadable: true,
};

/** Below this scale, places are boxes without text. */
const textScaleMin = 0.3;

/**
 * What is in view and a little around it, on whole steps of a grid: the same pane while a drawing moves
 * a little, so that there is nothing to make anew.
 */
export function paneOf(view: View, size: Size): Pane {
  const step = 160 / 2 ** Math.round(Math.log2(view.scale));
  const before = (x: number) => (Math.floor(x / step) - 1) * step;
  const behind = (x: number) => (Math.ceil(x / step) + 1) * step;
  return {
    area: {
      left: before(-view.x / view.scale),
      top: before(-view.y / view.scale),
      right: behind((size.width - view.x) / view.scale),
      bottom: behind((size.height - view.y) / view.scale),
    },
    isReadable: view.scale >= textScaleMin,
  };
}

export function isSamePane(a: Pane, b: Pane): boolean {
  const sides = ['left', 'top', 'right', 'bottom'] as const;
  return a.isReadable === b.isReadable && sides.every((side) => a.area[side] === b.area[side]);
}

export function isInPane({ x, y }: Place, { area }: Pane): boolean {
  const half = card.width / 2;
  return x + half >= area.left && x - half <= area.right && y + card.height >= area.top && y <= area.bottom;
}
