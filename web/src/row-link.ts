import type { FeatureCard, ModelCard } from './model-card';
import { fragmentOf, type Tab } from './tabs';

// A row and its model as the part of an address that browsers keep to themselves: the fragment.
// `#why?model=iris&version=8c6fea4c666e&row={"s_length":5.1,...}`, percent-encoded.

/** What a link says. */
export interface LinkedRow {
  readonly model: string;
  /** First digits of the SHA-256 of the model file; empty where the browser could not compute it. */
  readonly version: string;
  /** Values by feature name; NaN is missing. */
  readonly values: ReadonlyMap<string, number>;
}

/** The numbers that JSON does not have, or does not keep. */
const wordOf = (x: number): string | number | null => {
  if (Number.isNaN(x)) return null;
  return Number.isFinite(x) && !Object.is(x, -0) ? x : Object.is(x, -0) ? '-0' : String(x);
};
const words: ReadonlyMap<unknown, number> = new Map<unknown, number>([
  [null, NaN],
  ['-0', -0],
  ['Infinity', Infinity],
  ['-Infinity', -Infinity],
]);

/** The fragment that leads to this row of this model, on this tab. */
export function linkFragment(tab: Tab, card: ModelCard, row: readonly number[]): string {
  const values = card.features.map((feature, i) => [feature.name, wordOf(row[i] ?? NaN)] as const);
  const parts = { model: card.name, version: card.version, row: JSON.stringify(Object.fromEntries(values)) };
  return fragmentOf(tab, new URLSearchParams(parts).toString());
}

/** What the row part of a fragment says; null where it is no link, or a broken one. */
export function readLink(rowPart: string): LinkedRow | null {
  const parts = new URLSearchParams(rowPart);
  const [model, version, row] = ['model', 'version', 'row'].map((name) => parts.get(name));
  if (typeof model !== 'string' || typeof row !== 'string') return null;
  let fields: unknown;
  try {
    fields = JSON.parse(row);
  } catch {
    return null;
  }
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) return null;
  const values = new Map<string, number>();
  for (const [name, field] of Object.entries(fields)) {
    const value = typeof field === 'number' ? field : words.get(field);
    if (value === undefined) return null;
    values.set(name, value);
  }
  return { model, version: version ?? '', values };
}

/** Whether a link is about this model: the same file, as far as both sides know. */
export function isAbout(link: LinkedRow, card: ModelCard): boolean {
  if (link.version !== '' && card.version !== '') return link.version === card.version;
  return link.model === card.name;
}

/** The row of a link in the order of the features, or the sentence that says why it is none. */
export function rowOfLink(link: LinkedRow, features: readonly FeatureCard[]): readonly number[] | string {
  const known = new Set(features.map(({ name }) => name));
  const stranger = [...link.values.keys()].find((name) => !known.has(name));
  if (stranger !== undefined) return `it has a value for '${stranger}', which this model does not have`;
  const row: number[] = [];
  for (const feature of features) {
    const value = link.values.get(feature.name);
    if (value === undefined) return `it has no value for '${feature.name}'`;
    if (!fits(value, feature)) {
      return `'${feature.name}' is ${String(value)}: expected the number of one of ${String(feature.categories.length)} categories`;
    }
    row.push(value);
  }
  return row;
}

function fits(value: number, { categorical, categories }: FeatureCard): boolean {
  if (!categorical || categories.length === 0 || Number.isNaN(value)) return true;
  return Number.isInteger(value) && value >= 0 && value < categories.length;
}
