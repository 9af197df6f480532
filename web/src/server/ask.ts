import { sentenceOf } from '../predictor';
import { fetchFromServer } from '../server-token';

// Questions to the server, and every way in which they can fail, as a sentence.

export type Fault = 'unreachable' | 'no-server' | 'token' | 'forbidden' | 'busy' | 'unready' | 'failed';

/** What came of a question. */
export type Reply<T> =
  | { readonly kind: 'here'; readonly value: T }
  | { readonly kind: Fault; readonly message: string };

const timeoutMs = 10_000;

const faults: ReadonlyMap<number, Fault> = new Map([
  [401, 'token'],
  [403, 'forbidden'],
  [404, 'no-server'],
  [405, 'no-server'],
  [429, 'busy'],
  [503, 'unready'],
]);

/** Asks, and reads the answer with `read`, which throws for what is no answer. Never rejects. */
export async function ask<T>(path: string, read: (response: Response) => Promise<T>, init: RequestInit = {}): Promise<Reply<T>> {
  let response: Response;
  try {
    response = await fetchFromServer(path, { ...init, cache: 'no-store', signal: AbortSignal.timeout(timeoutMs) });
  } catch {
    return { kind: 'unreachable', message: navigator.onLine ? 'The server cannot be reached.' : 'This computer is offline.' };
  }
  if (response.ok) {
    try {
      return { kind: 'here', value: await read(response) };
    } catch (cause) {
      return { kind: 'no-server', message: `What answers at ${path} is no Copse server: ${sentenceOf(cause)}.` };
    }
  }
  const kind = faults.get(response.status) ?? 'failed';
  return { kind, message: await sentenceFor(kind, response) };
}

async function sentenceFor(kind: Fault, response: Response): Promise<string> {
  const after = Number(response.headers.get('Retry-After'));
  const wait = after > 0 ? ` Try again in ${String(after)} ${after === 1 ? 'second' : 'seconds'}.` : '';
  const body: unknown = await response.json().catch(() => null);
  const { detail, error } = (body ?? {}) as { detail?: unknown; error?: unknown };
  const said = [detail, error].find((text) => typeof text === 'string');
  switch (kind) {
    case 'token':
      return 'The server asks for a token here.';
    case 'busy':
      return `The server takes no more requests from here for now (429).${wait}`;
    case 'unready':
      return `${said ?? 'The server is not ready'} (503).${wait}`;
    default:
      return `${said ?? 'The server answers without a reason'} (${String(response.status)}).`;
  }
}

export async function jsonOf(response: Response): Promise<unknown> {
  try {
    return (await response.json()) as unknown;
  } catch {
    throw new Error('its answer is no JSON');
  }
}

export type Fields = Readonly<Record<string, unknown>>;

export function fieldsOf(x: unknown): Fields {
  if (typeof x === 'object' && x !== null && !Array.isArray(x)) return x as Fields;
  throw new Error('its answer has another form');
}

export function listOf(x: unknown): readonly unknown[] {
  if (Array.isArray(x)) return x as unknown[];
  throw new Error('its answer has another form');
}

/** NaN for null and for what is no number. */
export function numberOf(x: unknown): number {
  return typeof x === 'number' ? x : NaN;
}

export function textOf(x: unknown): string {
  return typeof x === 'string' ? x : '';
}
