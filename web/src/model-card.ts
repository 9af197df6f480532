// What the page knows about a model, apart from how to ask it.

/** One input of the model, as the form shows it. */
export interface FeatureCard {
  /** Name in queries and files, such as `s_length`. */
  readonly name: string;
  /** Name for people, such as "sepal length"; the plain name where the file has none. */
  readonly title: string;
  /** Such as "cm", or empty. */
  readonly unit: string;
  readonly categorical: boolean;
  /** Text of each code of a categorical feature; empty when the file does not say. */
  readonly categories: readonly string[];
  /** Training range; NaN where the file does not say. */
  readonly min: number;
  readonly max: number;
}

/** One thing that the model predicts. */
export interface OutputCard {
  readonly name: string;
  readonly kind: 'class' | 'value' | 'score';
  /** Of the classes; empty for numbers. */
  readonly labels: readonly string[];
  /** Its margin columns, half-open: one for each class, or one for two classes. */
  readonly columns: readonly [begin: number, end: number];
}

/** A file of the person in front of the page. */
export interface OpenedFile {
  readonly name: string;
  readonly bytes: number;
  /** Whether another library wrote it, so that it had to be imported. */
  readonly imported: boolean;
}

export interface ModelCard {
  readonly name: string;
  /** First 12 hex digits of the SHA-256 of the file; empty where the browser cannot compute it. */
  readonly version: string;
  readonly url: string;
  readonly fileBytes: number;
  readonly features: readonly FeatureCard[];
  readonly outputs: readonly OutputCard[];
  /** 0 for a linear model. */
  readonly treeCount: number;
  /** How trees make a margin, such as "sum", and what makes it an answer, such as "sigmoid". */
  readonly combine: string;
  readonly link: string;
  readonly missingAllowed: boolean;
  readonly infiniteAllowed: boolean;
  /** Whether the model reads rows as float32, so that larger numbers are infinite to it. */
  readonly float32: boolean;
  /** Such as "scikit-learn 1.2.1 (RandomForestClassifier)"; empty where the file does not say. */
  readonly trainedBy: string;
  /** What a person should know about this model, one sentence each. */
  readonly warnings: readonly string[];
  /** The file that a person opened; null for the model that came with the page. */
  readonly opened: OpenedFile | null;
}

/** What a model says about one output for one row. */
export type OutputAnswer =
  | {
      readonly kind: 'class';
      readonly label: string;
      readonly index: number;
      /** One number per class, in the order of the labels; empty where the model has none. */
      readonly probabilities: readonly number[];
    }
  | { readonly kind: 'value'; readonly value: number };

/** What a model says about one row. */
export interface Answer {
  readonly row: readonly number[];
  /** In the order of the model's outputs. */
  readonly outputs: readonly OutputAnswer[];
}

/** All numbers of an answer, in order: what two answers must agree in. */
export function numbersOf(answer: Answer): number[] {
  return answer.outputs.flatMap((output) =>
    output.kind === 'value' ? [output.value] : [output.index, ...output.probabilities],
  );
}

/** "classifier of 3 classes", "regressor", "2 outputs": what the model is for. */
export function taskOf(card: ModelCard): string {
  const [first, ...others] = card.outputs;
  if (first === undefined) return 'a model without outputs';
  if (others.length > 0) return `a model of ${String(card.outputs.length)} outputs`;
  if (first.kind === 'class') return `a classifier of ${String(first.labels.length)} classes`;
  return first.kind === 'score' ? 'an anomaly detector' : 'a regressor';
}
