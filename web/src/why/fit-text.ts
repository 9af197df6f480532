// SVG text has no ellipsis of its own.

let context: CanvasRenderingContext2D | null = null;
const known = new Map<string, string>();

/** As much of `text` as has room in `width` pixels, in the font of the drawing. */
export function fitText(text: string, width: number, bold = false): string {
  const key = `${bold ? 'b' : 'n'}${String(width)}:${text}`;
  let fitted = known.get(key);
  if (fitted === undefined) {
    if (known.size > 5000) known.clear();
    fitted = cut(text, width, bold);
    known.set(key, fitted);
  }
  return fitted;
}

/** Pixels that `text` takes. */
export function widthOf(text: string, bold = false): number {
  context ??= document.createElement('canvas').getContext('2d');
  if (context === null) return text.length * 7;
  context.font = `${bold ? '600 ' : ''}13px system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif`;
  return context.measureText(text).width;
}

function cut(text: string, width: number, bold: boolean): string {
  if (widthOf(text, bold) <= width) return text;
  let low = 0;
  let high = text.length;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (widthOf(`${text.slice(0, middle)}…`, bold) <= width) low = middle;
    else high = middle - 1;
  }
  return `${text.slice(0, low).trimEnd()}…`;
}
