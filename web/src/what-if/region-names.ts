import type { Axis } from './axis';
import type { Regions } from './regions';

/** Where the name of a class stands on the map: the middle of the largest box of that class, 0 to 1. */
export interface RegionName {
  readonly class: number;
  readonly x: number;
  readonly y: number;
  /** Of the box, as shares of the map. */
  readonly width: number;
  readonly height: number;
}

/** The map is looked at on a grid of so many places. */
const grid = { columns: 64, rows: 48 };

interface Box {
  readonly left: number;
  readonly right: number;
  readonly bottom: number;
  readonly top: number;
}

/** One place for each class that has room somewhere. */
export function regionNames({ x, y, cells }: Regions, nClasses: number): RegionName[] {
  const columns = cellsAt(x, grid.columns);
  const rows = cellsAt(y, grid.rows);
  const ny = y.cells.length;
  return Array.from({ length: nClasses }, (_, k) => k).flatMap((k) => {
    const box = largestBox((i, j) => cells.decisions[(columns[i] ?? 0) * ny + (rows[j] ?? 0)] === k);
    if (box === null) return [];
    return [{
      class: k,
      x: (box.left + box.right) / 2 / grid.columns,
      y: (box.bottom + box.top) / 2 / grid.rows,
      width: (box.right - box.left) / grid.columns,
      height: (box.top - box.bottom) / grid.rows,
    }];
  });
}

/** The cell of an axis at the middle of each of `n` places. */
function cellsAt({ cells }: Axis, n: number): number[] {
  return Array.from({ length: n }, (_, i) => Math.max(0, cells.findIndex(({ to }) => to >= (i + 0.5) / n)));
}

/** The largest box of the grid in which `has` holds everywhere; null where it holds nowhere. */
function largestBox(has: (column: number, row: number) => boolean): Box | null {
  const heights = new Array<number>(grid.columns).fill(0);
  let best: Box | null = null;
  let bestArea = 0;
  for (let row = 0; row < grid.rows; ++row) {
    for (let column = 0; column < grid.columns; ++column) heights[column] = has(column, row) ? (heights[column] ?? 0) + 1 : 0;
    for (let left = 0; left < grid.columns; ++left) {
      let lowest = Infinity;
      for (let right = left; right < grid.columns && (heights[right] ?? 0) > 0; ++right) {
        lowest = Math.min(lowest, heights[right] ?? 0);
        const area = lowest * (right - left + 1);
        if (area > bestArea) [bestArea, best] = [area, { left, right: right + 1, bottom: row + 1 - lowest, top: row + 1 }];
      }
    }
  }
  return best;
}
