/** Why something was refused: the numbers of `ErrorCode` in core/include/copse/result.h. */
export const errorCode = {
  /** The model file breaks a rule of the format. */
  invalidModel: 1,
  /** Well formed, but says something this version cannot honour. */
  unsupportedModel: 2,
  /** A limit would be passed. */
  tooLarge: 3,
  /** A row, name or option has a value that cannot be used. */
  invalidInput: 4,
  /** No such model or file. */
  notFound: 5,
  /** Cannot answer now; try again. */
  unavailable: 9,
  /** Our fault. */
  internal: 10,
} as const;

/** What an error is about, as far as it can be pinned down. Rows count from 1. */
export interface ErrorDetail {
  readonly row?: number;
  readonly column?: string;
  readonly value?: string;
}

/**
 * The one error that this package throws on purpose: a number to branch on, and one sentence that
 * names the field, the value and what was expected. The same object arrives from a worker.
 */
export class ForestError extends Error {
  override readonly name = 'ForestError';

  constructor(
    readonly code: number,
    message: string,
    readonly detail: ErrorDetail = {},
  ) {
    super(message);
  }
}

/** A value in a message: quoted when it is text, and never longer than a line can bear. */
export function quote(value: unknown): string {
  const text = typeof value === 'string' ? `'${value}'` : String(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
