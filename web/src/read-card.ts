import type { Feature, ModelDescription, Output } from 'copse';
import type { FeatureCard, ModelCard, OpenedFile, OutputCard } from './model-card';

/** What the file's own description does not say. */
interface FileFacts {
  readonly name: string;
  readonly url: string;
  readonly version: string;
  readonly fileBytes: number;
  readonly opened: OpenedFile | null;
}

/** A model's card from its own description. */
export function cardOf(description: ModelDescription, file: FileFacts): ModelCard {
  return {
    name: file.name,
    version: file.version,
    url: file.url,
    fileBytes: file.fileBytes,
    features: description.features.map(featureCard),
    outputs: description.outputs.flatMap(outputCards),
    treeCount: numberIn(description.n_trees) ?? 0,
    combine: String(description['combine']),
    link: String(description['link']),
    missingAllowed: description.missing === 'allowed',
    infiniteAllowed: description.infinite === 'allowed',
    float32: description['input'] === 'f32',
    trainedBy: trainerOf(description.source),
    warnings: description.warnings,
    opened: file.opened,
  };
}

function featureCard(feature: Feature): FeatureCard {
  return {
    name: feature.name,
    title: isText(feature.description) ? feature.description : feature.name,
    unit: feature.unit ?? '',
    categorical: feature.kind === 'cat',
    categories: feature.categories ?? [],
    min: feature.min ?? NaN,
    max: feature.max ?? NaN,
  };
}

/** One card for a class output, one for each column of numbers. */
function outputCards(output: Output): OutputCard[] {
  const { name, kind, columns } = output;
  if (kind === 'class') return [{ name, kind, labels: output.labels.map(String), columns }];
  const [begin, end] = columns;
  if (end - begin === 1) return [{ name, kind, labels: [], columns }];
  return Array.from({ length: end - begin }, (_, k) => {
    const at = begin + k;
    return { name: `${name} ${String(k + 1)}`, kind, labels: [], columns: [at, at + 1] as const };
  });
}

function numberIn(x: unknown): number | undefined {
  return typeof x === 'number' ? x : undefined;
}

/** "scikit-learn 1.2.1 (RandomForestClassifier)", as much of it as the file says. */
function trainerOf(source: unknown): string {
  if (typeof source !== 'object' || source === null) return '';
  const { kind, version, estimator } = source as Record<string, unknown>;
  const library = [kind, version].filter(isText).join(' ');
  if (!isText(estimator)) return library;
  return library === '' ? estimator : `${library} (${estimator})`;
}

function isText(x: unknown): x is string {
  return typeof x === 'string' && x !== '';
}
