/** One column of the input. */
export interface Feature {
  readonly name: string;
  readonly kind: 'num' | 'cat';
  /** Text of each category code; null where the file does not say. */
  readonly categories?: readonly string[] | null;
  readonly description?: string;
  readonly unit?: string;
  /** Training range, where the file has one. */
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

/** What a model is: the JSON of `copse inspect --json`, with its names. */
export interface ModelDescription {
  readonly task: string;
  readonly features: readonly Feature[];
  readonly outputs: readonly Output[];
  readonly [key: string]: unknown;
}
