import type { Answer, ModelCard } from '../model-card';
import { hasOneMargin, seenFrom, type Target } from './target';

// In what the contributions are counted. It is said only where it is known to be true.

export interface Unit {
  /** Such as "log-odds": stands beside numbers. */
  readonly name: string;
  /** One sentence about it. */
  readonly sentence: string;
}

const probability: Unit = { name: 'probability', sentence: 'Counted in probability: 1 is certain.' };
const logOdds: Unit = {
  name: 'log-odds',
  sentence: 'Counted in log-odds: 0 is even, and each 0.69 more doubles the odds.',
};
const logarithm: Unit = {
  name: 'log',
  sentence: 'Counted in the natural logarithm of the prediction: each 0.69 more doubles it.',
};
const prediction: Unit = { name: 'prediction', sentence: 'Counted in the unit of the prediction.' };
function pathLength(combine: string): Unit {
  const how = combine === 'mean' ? 'on average over' : 'summed over';
  return { name: 'path length', sentence: `Counted in splits until the row stands alone, ${how} the trees: the fewer, the more unusual.` };
}
const beforeSoftmax: Unit = {
  name: 'margin',
  sentence: 'Counted in margin, before the softmax: a class gains by what it has more than the others.',
};

export function rawScore(link: string): Unit {
  return { name: 'margin', sentence: `Counted in margin: the raw score, before the link “${link}” makes it an answer.` };
}

/** What a link makes of margins is the same for all rows; near 0 and 1 a row does not tell. */
const certainFrom = 1e-4;

/**
 * The unit of a target's margin, by the model's link and by what it made of this margin: a probability
 * that is the margin, or whose log-odds are. Null where this row does not tell.
 */
export function unitOf(card: ModelCard, target: Target, margin: number, answer: Answer): Unit | null {
  const output = card.outputs[target.output];
  const said = answer.outputs[target.output];
  if (output === undefined || said === undefined) return rawScore(card.link);
  if (output.kind === 'score') return pathLength(card.combine);
  if (said.kind === 'value') return valueUnit(card.link, margin, said.value);
  const p = said.probabilities[target.classIndex ?? 0] ?? NaN;
  return classUnit(card.link, hasOneMargin(output), seenFrom(target, card.link, margin), p);
}

function classUnit(link: string, alone: boolean, margin: number, p: number): Unit | null {
  if (link === 'identity') return isNear(margin, p) ? probability : rawScore(link);
  if (alone && !link.startsWith('hinge')) return oddsUnit(link, margin, p);
  return link.startsWith('softmax') ? beforeSoftmax : rawScore(link);
}

function valueUnit(link: string, margin: number, value: number): Unit | null {
  if (link === 'identity') return isNear(margin, value) ? prediction : rawScore(link);
  if (link === 'exp') return isNear(margin, Math.log(value)) ? logarithm : rawScore(link);
  return link === 'sigmoid' || link === 'logistic' ? oddsUnit(link, margin, value) : rawScore(link);
}

function oddsUnit(link: string, margin: number, p: number): Unit | null {
  if (!(p > certainFrom && p < 1 - certainFrom)) return null;
  const rounding = 1e-6 / (p * (1 - p));
  return Math.abs(margin - Math.log(p / (1 - p))) <= rounding ? logOdds : rawScore(link);
}

/** Numbers that are the same but for rounding in float32. */
function isNear(a: number, b: number): boolean {
  return Math.abs(a - b) <= 1e-5 * Math.max(1e-3, Math.abs(a), Math.abs(b));
}
