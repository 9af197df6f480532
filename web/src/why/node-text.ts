import type { Tree } from 'copse';
import { countText, numberText, percentText } from '../components/text';
import type { FeatureCard, ModelCard } from '../model-card';
import type { Walked } from './explaining';
import { classText, type Target } from './target';
import { categoryText, plainText, signedText, valueText } from './text';

// What stands in the nodes and leaves of a drawing.

export interface NodeText {
  /** The feature, or what a leaf says. */
  readonly title: string;
  /** The condition, or more about the leaf. */
  readonly detail: string;
  /** Where a missing value goes; empty where none may be missing. */
  readonly missing: string;
  /** "54 · 36 %"; empty where the file has no covers. */
  readonly cover: string;
  /** The share of the training weight that comes here; NaN where it is not known. */
  readonly share: number;
}

/** The condition whose way is left, so that "yes" is left everywhere. */
function conditionOf(tree: Tree, node: number, feature: FeatureCard): string {
  const listed = tree.categories[node] ?? null;
  if (listed === null) {
    const threshold = plainText(tree.threshold[node] ?? NaN);
    return `${tree.rule === '<=' ? '≤' : tree.rule} ${threshold}${feature.unit === '' ? '' : ` ${feature.unit}`}`;
  }
  const names = listed.map((code) => categoryText(feature, code)).join(', ');
  const isNot = tree.listedRight[node] === 1;
  return `${isNot ? 'not ' : ''}${listed.length > 1 ? 'one of ' : ''}${names === '' ? 'any' : names}`;
}

export function nodeText(model: ModelCard, tree: Tree, node: number): NodeText {
  const feature = model.features[tree.feature[node] ?? 0];
  if (feature === undefined) throw new Error(`node ${String(node)} tests a feature that the model does not have`);
  return {
    title: feature.title,
    detail: conditionOf(tree, node, feature),
    missing: model.missingAllowed ? `missing: ${tree.missingLeft[node] === 1 ? 'yes' : 'no'}` : '',
    ...coverOf(tree, tree.cover?.[node]),
  };
}

/** `walked` tells a leaf whose value depends on the row: what it adds is not what the file holds of it. */
export function leafText(model: ModelCard, walked: Walked, leaf: number, target: Target): NodeText {
  const { tree, path } = walked;
  const held = valuesOf(tree, leaf);
  const says = leafSays(model, tree, held, target);
  const cover = coverOf(tree, tree.leafCover?.[leaf]);
  if (!hasLinearLeaves(model, walked)) return { ...says, missing: '', ...cover };
  if (leaf !== path.leaf) return { title: 'depends on the row', detail: '', missing: '', ...cover };
  return { ...leafSays(model, tree, path.values, target), detail: 'by the row’s values', missing: '', ...cover };
}

/** [leaf width] */
function valuesOf(tree: Tree, leaf: number): readonly number[] {
  const width = tree.leafValues.length / (tree.nNodes + 1);
  return Array.from(tree.leafValues.subarray(leaf * width, (leaf + 1) * width));
}

function hasLinearLeaves(model: ModelCard, { tree, path }: Walked): boolean {
  const [held] = valuesOf(tree, path.leaf);
  const [adds] = path.values;
  const isHeld = Object.is(Math.fround(held ?? 0) + 0, Math.fround(adds ?? 0) + 0);
  return model.combine === 'sum' && path.values.length === 1 && !isHeld;
}

function leafSays(model: ModelCard, tree: Tree, values: readonly number[], target: Target): Pick<NodeText, 'title' | 'detail'> {
  const output = model.outputs[target.output];
  const [begin, end] = output?.columns ?? [0, 1];
  const own = values.slice(begin, end);
  const total = own.reduce((sum, x) => sum + x, 0);
  if (values.length > 1 && own.length > 1 && total > 0 && own.every((x) => x >= 0)) {
    return classLeaf(output?.labels ?? [], own.map((x) => x / total), target.classIndex ?? 0);
  }
  const value = values.length > 1 ? (values[target.column] ?? NaN) : (values[0] ?? NaN);
  const isOther = values.length === 1 && tree.output !== null && tree.output !== target.column;
  const seen = target.opposite && !isOther ? -value : value;
  return {
    title: model.combine === 'sum' ? signedText(seen) : plainText(seen),
    detail: isOther ? 'for another output' : forText(model, target),
  };
}

/** The name of the only number says nothing. */
function forText(model: ModelCard, target: Target): string {
  return target.classIndex === null && model.outputs.length === 1 ? '' : `for ${target.name}`;
}

/** The first class of a leaf, with its share; and that of the class that is explained. */
function classLeaf(labels: readonly string[], shares: readonly number[], classIndex: number): Pick<NodeText, 'title' | 'detail'> {
  const winner = shares.indexOf(Math.max(...shares));
  const first = percentText(shares[winner] ?? NaN);
  const own = winner === classIndex ? '' : ` · ${classText(labels[classIndex] ?? '')} ${percentText(shares[classIndex] ?? NaN)}`;
  return { title: classText(labels[winner] ?? ''), detail: `${first}${own}` };
}

function weightText(cover: number): string {
  return cover < 1000 ? numberText(cover, 3) : countText(Math.round(cover));
}

function coverOf(tree: Tree, cover: number | undefined): Pick<NodeText, 'cover' | 'share'> {
  const whole = tree.nNodes > 0 ? tree.cover?.[0] : tree.leafCover?.[0];
  if (cover === undefined || whole === undefined || !(whole > 0)) return { cover: '', share: NaN };
  return { cover: `${weightText(cover)} · ${percentText(cover / whole)}`, share: cover / whole };
}

/** The row's value where it comes to a node, such as "4.9 cm". */
export function rowText(model: ModelCard, row: readonly number[], step: { readonly feature: number; readonly missing: boolean }): string {
  const feature = model.features[step.feature];
  return step.missing || feature === undefined ? 'missing' : valueText(feature, row[step.feature] ?? NaN);
}
