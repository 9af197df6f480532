import type { ModelFile } from '../predictor';

// What a saved page holds beside its scripts: a model and a row, as JSON in an element of its own.

/** Where the model stands in the page; the page without one says null. */
export const emptySlot = '<script type="application/json" id="saved-model">null</script>';

export interface SavedModel {
  readonly name: string;
  readonly version: string;
  /** The model file as base64. */
  readonly model: string;
  /** The row in the form, by position; null is a missing value. */
  readonly row: readonly (number | null)[];
}

/** The element with the model. No text in it can end it: there is no `<` left. */
export function filledSlot(saved: SavedModel): string {
  const json = JSON.stringify(saved).replaceAll('<', '\\u003c');
  return emptySlot.replace('null', () => json);
}

let read: SavedModel | null | undefined;

function savedModel(): SavedModel | null {
  read ??= JSON.parse(document.getElementById('saved-model')?.textContent ?? 'null') as SavedModel | null;
  return read;
}

/** The row that was saved with the model; null where there is none. */
export function savedRow(): readonly number[] | null {
  return savedModel()?.row.map((x) => x ?? NaN) ?? null;
}

/** The model in this page. */
export async function savedFile(): Promise<ModelFile> {
  const saved = savedModel();
  if (saved === null) throw new Error('This file holds no model: save it from the page of a service');
  const { name, version, model } = saved;
  const blob = await (await fetch(`data:application/octet-stream;base64,${model}`)).blob();
  return { name, version, url: URL.createObjectURL(blob), bytes: await blob.arrayBuffer(), blob, opened: null };
}
