import { middleOf } from '../feature-range';
import type { FeatureCard, ModelCard, OutputCard } from '../model-card';

// How the row and the answers of one model stand to those of another: by name.

export interface Match {
  /** For each feature of the second, the place of the first's feature of that name; -1 for none. */
  readonly places: readonly number[];
  readonly onlyFirst: readonly FeatureCard[];
  readonly onlySecond: readonly FeatureCard[];
}

export function matchFeatures(first: ModelCard, second: ModelCard): Match {
  const places = second.features.map(({ name }) => first.features.findIndex((other) => other.name === name));
  return {
    places,
    onlyFirst: first.features.filter((_, f) => !places.includes(f)),
    onlySecond: second.features.filter((_, f) => places[f] === -1),
  };
}

/** What to call the two: by their names, or where both have one, the second so. */
export function namesOf(first: { readonly card: ModelCard }, second: { readonly card: ModelCard }): readonly [string, string] {
  const [one, two] = [first.card.name, second.card.name];
  return [one, one === two ? `${two} (second)` : two];
}

/** What the second model gets where the first has no such feature: missing, or the middle. */
export function standIn(feature: FeatureCard, second: ModelCard): number {
  return second.missingAllowed ? NaN : middleOf(feature);
}

/** The first model's row for the second; a category goes over by its name. */
export function rowForSecond(row: readonly number[], first: ModelCard, second: ModelCard, { places }: Match): number[] {
  return second.features.map((feature, f) => {
    const place = places[f] ?? -1;
    const from = first.features[place];
    if (from === undefined) return standIn(feature, second);
    const x = row[place] ?? NaN;
    if (!feature.categorical || feature.categories.length === 0 || from.categories.length === 0 || Number.isNaN(x)) return x;
    const code = feature.categories.indexOf(from.categories[x] ?? '');
    return code < 0 ? standIn(feature, second) : code;
  });
}

/** The second's output that is compared with the first's: of that name, else the first of its kind. */
export function outputFor(output: OutputCard, second: ModelCard): number {
  const named = second.outputs.findIndex(({ name, kind }) => name === output.name && kind === output.kind);
  return named >= 0 ? named : second.outputs.findIndex(({ kind }) => kind === output.kind);
}

/** Labels of both, those of the first in front, with their places; -1 where one has none. */
export function labelsOfBoth(first: OutputCard, second: OutputCard): { label: string; a: number; b: number }[] {
  const all = [...first.labels, ...second.labels.filter((label) => !first.labels.includes(label))];
  return all.map((label) => ({ label, a: first.labels.indexOf(label), b: second.labels.indexOf(label) }));
}
