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

function cut(text: string, width: number, bold: boolean): string {
  context ??= document.createElement('canvas').getContext('2d');
  if (context === null) return text.slice(0, Math.floor(width / 7));
  context.font = `${bold ? '600 ' : ''}13px system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif`;
  if (context.measureText(text).width <= width) return text;
  let low = 0;
  let high = text.length;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (context.measureText(`${text.slice(0, middle)}…`).width <= width) low = middle;
    else high = middle - 1;
  }
  return `${text.slice(0, low).trimEnd()}…`;
}
