import type { Answer } from './answer.js';

/** One column of the input. */
export interface Feature {
  readonly name: string;
  /** Rows hold numbers, or codes: positions in `categories` if there are any. */
  readonly kind: 'num' | 'cat';
  /** Text of each category code; null where the file does not say. */
  readonly categories?: readonly string[] | null;
  /** Long name, or empty. */
  readonly description?: string;
  /** Such as "cm", or empty. */
  readonly unit?: string;
  /** Training range; null where the file does not say. */
  readonly min?: number | null;
  readonly max?: number | null;
}

/** A class label as it was trained. */
export type Label = string | number | boolean;

/** One thing that the model predicts. */
export interface Output {
  readonly name: string;
  readonly kind: 'class' | 'value' | 'score';
  /** Labels of the classes; empty unless `kind` is 'class'. */
  readonly labels: readonly Label[];
  readonly label_type?: 'str' | 'int' | 'float' | 'bool';
  /** Its margin columns, half-open. */
  readonly columns: readonly [number, number];
}

/** What a model is: the JSON of `copse inspect --json` (DescribeModel in core), with its names. */
export interface ModelDescription {
  readonly format_version: number;
  readonly task: 'classification' | 'regression' | 'anomaly detection' | 'mixed';
  readonly n_features: number;
  readonly features: readonly Feature[];
  readonly outputs: readonly Output[];
  readonly n_trees: number;
  readonly n_nodes: number;
  readonly n_leaves: number;
  readonly max_depth: number;
  /** What this model can be asked. */
  readonly answers: readonly Answer[];
  /** Whether a value may be missing, or infinite. */
  readonly missing: 'allowed' | 'error';
  readonly infinite: 'allowed' | 'error';
  readonly source: Readonly<Record<string, unknown>>;
  readonly provenance: Readonly<Record<string, unknown>>;
  readonly warnings: readonly string[];
  /** Numeric rules, as the file names them. */
  readonly [key: string]: unknown;
}
