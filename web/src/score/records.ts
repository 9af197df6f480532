import Papa from 'papaparse';
import { trimmed } from './cells';

// A file of rows, piece by piece: memory and time for one piece at a time, and a way to stop.

/** A file that cannot be read as rows at all. */
export class FileError extends Error {}

/** The cells of a row as text; undefined where a row of NDJSON has not this column. */
export type Cells = readonly (string | undefined)[];

/** The next records of a file, and how far it has been read: 0 to 1. */
export interface Piece {
  readonly records: readonly Cells[];
  readonly progress: number;
}

export interface RecordSource {
  /** What the rows are written in. */
  readonly kind: 'CSV' | 'NDJSON';
  /** Names of the columns where each record carries them, as in NDJSON objects; else null. */
  readonly names: () => readonly string[] | null;
  readonly pieces: AsyncGenerator<Piece, void, undefined>;
}

const pieceBytes = 2 ** 19;
/** A record that does not end within so many characters is no record. */
const recordCharactersMax = 2 ** 24;

/** Text of `file` in pieces, with the share of it that has been read. */
async function* textOf(file: Blob): AsyncGenerator<{ text: string; progress: number; last: boolean }> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  for (let from = 0; from < file.size; from += pieceBytes) {
    const bytes = await file.slice(from, from + pieceBytes).arrayBuffer();
    const end = from + bytes.byteLength;
    const last = end >= file.size;
    let text: string;
    try {
      text = decoder.decode(bytes, { stream: !last });
    } catch {
      throw new FileError(`it is no UTF-8 text after ${String(from)} bytes: save it as UTF-8`);
    }
    yield { text, progress: end / file.size, last };
  }
}

/** Looks at the beginning of a file, and opens it as what it is. */
export async function openRecords(file: Blob): Promise<RecordSource> {
  const first = await textOf(file).next();
  const head = first.done === true ? '' : first.value.text;
  if (head.trim() === '') throw new FileError('it is empty: expected rows');
  if (/^\s*[{[]/.test(head)) return ndjsonRecords(file);
  return { kind: 'CSV', names: () => null, pieces: csvPieces(file, head) };
}

/** papaparse's Parser, of whose arguments its types know the first only. */
interface PieceParser {
  parse(input: string, base: number, ignoreLastRow: boolean): Papa.ParseResult<string[]>;
}

async function* csvPieces(file: Blob, head: string): AsyncGenerator<Piece, void, undefined> {
  const { delimiter, linebreak } = Papa.parse<string[]>(head, { preview: 10 }).meta;
  const parser = () => new Papa.Parser({ delimiter, newline: linebreak as '\n' });
  let rest = '';
  for await (const { text, progress, last } of textOf(file)) {
    const input = rest + text;
    const { data, errors, meta } = (parser() as unknown as PieceParser).parse(input, 0, !last);
    const [error] = errors;
    if (error !== undefined) throw new FileError(`a quote is not closed, or stands inside a cell (${error.message})`);
    rest = input.substring(meta.cursor);
    if (rest.length > recordCharactersMax) throw new FileError('a row is longer than 16 million characters: is a quote not closed?');
    yield { records: data.filter((cells) => !isBlank(cells)), progress };
  }
}

function isBlank(cells: readonly string[]): boolean {
  return cells.length === 1 && trimmed(cells[0] ?? '') === '';
}

/** Rows of JSON, one a line: objects by column name, or lists by position. */
function ndjsonRecords(file: Blob): RecordSource {
  let names: string[] | null = null;
  let line = 0;

  function recordOf(text: string): Cells {
    let row: unknown;
    try {
      row = JSON.parse(text);
    } catch {
      throw new FileError(`line ${String(line)} is no JSON: expected one row in each line`);
    }
    if (Array.isArray(row)) return row.map(cellOf);
    if (typeof row !== 'object' || row === null) {
      throw new FileError(`line ${String(line)} is ${text.slice(0, 40)}: expected an object or a list`);
    }
    const fields = row as Record<string, unknown>;
    names ??= Object.keys(fields);
    return names.map((name) => (Object.hasOwn(fields, name) ? cellOf(fields[name]) : undefined));
  }

  async function* pieces(): AsyncGenerator<Piece, void, undefined> {
    let rest = '';
    for await (const { text, progress, last } of textOf(file)) {
      const lines = (rest + text).split(/\r?\n/);
      rest = last ? '' : (lines.pop() ?? '');
      if (rest.length > recordCharactersMax) throw new FileError('a line is longer than 16 million characters');
      const records: Cells[] = [];
      for (const one of lines) {
        ++line;
        if (one.trim() !== '') records.push(recordOf(one));
      }
      yield { records, progress };
    }
  }

  return { kind: 'NDJSON', names: () => names, pieces: pieces() };
}

/** A value of JSON as the text of a cell. */
function cellOf(value: unknown): string {
  if (value === null) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
