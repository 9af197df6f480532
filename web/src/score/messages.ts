import type { OutputCard } from '../model-card';
import type { RowRules } from './cells';
import type { Measures } from './measures';

// What the page asks the worker that holds a file of rows, and what comes back.

/** What the rows of a file are asked about. */
export interface Question {
  /** Which of the model's outputs. */
  readonly output: number;
  /** Number of the column with the true answers; null where there is none. */
  readonly truth: number | null;
  /** A class that is set against all others; null for all classes as they are. */
  readonly positive: number | null;
  /** From which probability a row is of that class; null for the model's own decision. */
  readonly threshold: number | null;
}

export type Order = 'file' | 'unsure' | 'error';
export type Filter = 'all' | 'wrong' | 'unreadable';

export interface View {
  readonly filter: Filter;
  readonly order: Order;
}

export type Ask =
  /** Begins with a file. */
  | { readonly ask: 'open'; readonly file: Blob; readonly rules: RowRules; readonly outputs: readonly OutputCard[] }
  /** The numbers of the next rows. */
  | { readonly ask: 'next' }
  /** The answers to the rows that came last. */
  | { readonly ask: 'keep'; readonly answers: Answers }
  | { readonly ask: 'summary' }
  | { readonly ask: 'measure'; readonly question: Question }
  | { readonly ask: 'page'; readonly question: Question; readonly view: View; readonly from: number; readonly count: number }
  | { readonly ask: 'save'; readonly question: Question };

/** What a model said about a block of rows. */
export interface Answers {
  /** [rows, outputs]: class indices and values. */
  readonly decisions: Float64Array;
  /** [rows, classes of all outputs]; empty where there are none. */
  readonly probabilities: Float64Array;
  /** Rows of the block that the model refused, with the sentence that says why. */
  readonly refused: readonly { readonly row: number; readonly why: string }[];
}

/** Rows that are ready to be asked about. */
export interface Batch {
  readonly values: Float64Array<ArrayBuffer>;
  readonly nRows: number;
  readonly progress: number;
}

/** What a file turned out to be, once it has been read. */
export interface Summary {
  readonly kind: 'CSV' | 'NDJSON';
  readonly nRows: number;
  readonly columns: readonly string[];
  readonly features: readonly number[];
  /** Columns that are no feature: one of them may hold the true answers. */
  readonly others: readonly number[];
  /** For each output the column that is likely to hold the true answers. */
  readonly truths: readonly (number | null)[];
  readonly nUnreadable: number;
  /** The first rows that could not be used, and why. */
  readonly unreadable: readonly { readonly row: number; readonly why: string }[];
}

/** A row on screen. Rows count from 1. */
export interface ShownRow {
  readonly row: number;
  readonly cells: readonly string[];
  readonly values: readonly number[] | null;
  /** Why there is no answer; null where there is one. */
  readonly why: string | null;
  readonly answer: string;
  /** Probability of the answer; NaN for numbers. */
  readonly sureness: number;
  /** Whether the answer is the true one; null where that is not known, or a number. */
  readonly right: boolean | null;
}

export interface ShownPage {
  /** Rows of the view altogether. */
  readonly nRows: number;
  readonly rows: readonly ShownRow[];
}

export interface Replies {
  readonly open: null;
  readonly next: Batch | null;
  readonly keep: null;
  readonly summary: Summary;
  readonly measure: Measures | null;
  readonly page: ShownPage;
  readonly save: Blob;
}

export type Reply =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly why: string };
