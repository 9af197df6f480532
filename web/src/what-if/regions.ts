import type { OutputCard } from '../model-card';
import type { BrowserPredictor } from '../predictor';
import { valueAt, type Axis } from './axis';
import { mix, type Rgb } from './colours';
import { askRows, changed, type Said } from './said';

/** Answers all over two features: cell (i, j) of [x cells, y cells] is number i * y cells + j. */
export interface Regions {
  readonly x: Axis;
  readonly y: Axis;
  readonly cells: Said;
  /** Values of the table's columns and rows, and the answers: [columns, rows]. */
  readonly columns: readonly number[];
  readonly rows: readonly number[];
  readonly table: Said;
}

const tableSteps = 6;

export async function askRegions(predictor: BrowserPredictor, output: number, row: readonly number[], x: Axis, y: Axis, wanted: () => boolean): Promise<Regions | null> {
  const [columns, rows] = [tableValues(x), tableValues(y)];
  const over = (xs: readonly number[], ys: readonly number[]) =>
    askRows(predictor, output, changed(row, xs.length * ys.length, (r, to) => {
      to[x.index] = xs[Math.floor(r / ys.length)] ?? NaN;
      to[y.index] = ys[r % ys.length] ?? NaN;
    }), wanted);
  const cells = await over(x.cells.map(({ at }) => at), y.cells.map(({ at }) => at));
  const table = await over(columns, rows);
  return cells === null || table === null ? null : { x, y, cells, columns, rows, table };
}

function tableValues(axis: Axis): number[] {
  if (axis.categories !== null) return axis.categories.slice(0, 12).map(({ value }) => value);
  return Array.from({ length: tableSteps + 1 }, (_, i) => valueAt(axis, i / tableSteps));
}

/** Smallest and largest value. */
export function extremes(numbers: Float64Array): [number, number] {
  let [low, high] = [Infinity, -Infinity];
  for (const x of numbers) {
    if (x < low) low = x;
    if (x > high) high = x;
  }
  return [low, high];
}

export interface Inks {
  readonly surface: Rgb;
  readonly classes: readonly Rgb[];
  readonly ramp: readonly [Rgb, Rgb, Rgb];
}

/** How sure a model is: 0 where all classes are alike, 1 where there is no doubt. */
function sureness(probability: number, nClasses: number): number {
  return Number.isNaN(probability) || nClasses < 2 ? 1 : Math.max(0, (probability - 1 / nClasses) / (1 - 1 / nClasses));
}

export function rampColour([low, middle, high]: Inks['ramp'], share: number): Rgb {
  return share < 0.5 ? mix(low, middle, share * 2) : mix(middle, high, share * 2 - 1);
}

/** The colour of each cell as the bytes of a pixel. */
function cellColours({ cells }: Regions, output: OutputCard, inks: Inks): Uint32Array {
  const n = output.labels.length;
  const [low, high] = extremes(cells.decisions);
  return Uint32Array.from(cells.decisions, (decision, i) => {
    const [r, g, b] = output.kind === 'class'
      ? mix(inks.surface, inks.classes[decision % inks.classes.length] ?? inks.surface, 0.22 + 0.68 * sureness(cells.probabilities[i * n + decision] ?? NaN, n))
      : rampColour(inks.ramp, high > low ? (decision - low) / (high - low) : 0.5);
    return (255 << 24) | (b << 16) | (g << 8) | r;
  });
}

/** Paints the regions over the whole of a canvas. */
export function paint(canvas: HTMLCanvasElement, regions: Regions, output: OutputCard, inks: Inks): void {
  const context = canvas.getContext('2d');
  if (context === null) return;
  const { width, height } = canvas;
  const colours = cellColours(regions, output, inks);
  const xCells = cellsOfPixels(regions.x, width);
  const yCells = cellsOfPixels(regions.y, height);
  const image = context.createImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  const ny = regions.y.cells.length;
  for (let row = 0; row < height; ++row) {
    const j = yCells[height - 1 - row] ?? 0;
    for (let column = 0; column < width; ++column) pixels[row * width + column] = colours[(xCells[column] ?? 0) * ny + j] ?? 0;
  }
  context.putImageData(image, 0, 0);
}

/** Which cell of an axis each of `n` pixels shows, by its middle. */
function cellsOfPixels({ cells }: Axis, n: number): Int32Array {
  let cell = 0;
  return Int32Array.from({ length: n }, (_, pixel) => {
    while (cell < cells.length - 1 && (cells[cell]?.to ?? 1) < (pixel + 0.5) / n) ++cell;
    return cell;
  });
}

/** The share of the area that each class has. */
export function shares({ x, y, cells }: Regions, nClasses: number): number[] {
  const area = new Array<number>(nClasses).fill(0);
  cells.decisions.forEach((k, i) => {
    const a = x.cells[Math.floor(i / y.cells.length)];
    const b = y.cells[i % y.cells.length];
    if (a !== undefined && b !== undefined && k >= 0) area[k] = (area[k] ?? 0) + (a.to - a.from) * (b.to - b.from);
  });
  return area;
}
