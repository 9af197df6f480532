import type { Answer, ModelCard, OutputCard } from '../model-card';

// What is explained: one margin of the model, seen from a class or a number.

/** Which output, and which class of it; null is the predicted one. */
export interface Choice {
  readonly output: number;
  readonly classIndex: number | null;
}

export interface Target {
  readonly output: number;
  /** Position of the class among the output's; null for a number. */
  readonly classIndex: number | null;
  /** Name of the class or of the output. */
  readonly name: string;
  /** The margin column that stands for it. */
  readonly column: number;
  /** Whether the column speaks for the other one of two classes: what adds to it takes from this. */
  readonly opposite: boolean;
}

/** What `choice` means for a row with this answer. */
export function targetOf(card: ModelCard, choice: Choice, answer: Answer): Target {
  const output = card.outputs[choice.output];
  const [begin, end] = output?.columns ?? [0, 1];
  const said = answer.outputs[choice.output];
  if (output === undefined || said?.kind !== 'class') {
    return { output: choice.output, classIndex: null, name: output?.name ?? '', column: begin, opposite: false };
  }
  const classIndex = choice.classIndex ?? said.index;
  const name = classText(output.labels[classIndex] ?? '');
  const alone = hasOneMargin(output) && output.labels.length === 2;
  const column = end - begin === 1 ? begin : begin + classIndex;
  return { output: choice.output, classIndex, name, column, opposite: alone && classIndex === 0 };
}

/** "versicolor", "class 1": a bare number or truth value says too little. */
export function classText(label: string): string {
  return /^(-?[\d.]+|true|false)$/i.test(label) ? `class\u00a0${label}` : label;
}

export function hasOneMargin({ columns: [begin, end] }: OutputCard): boolean {
  return end - begin === 1;
}

/**
 * The margin as the target sees it. For the other one of two classes it is the negative, and what is
 * left of 1 where margins are shares of two classes.
 */
export function seenFrom(target: Target, link: string, margin: number): number {
  if (!target.opposite) return margin;
  return link === 'identity' ? 1 - margin : -margin;
}
