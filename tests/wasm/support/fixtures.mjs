// tests/import/fixtures: files of other libraries, rows, and what those libraries answered.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { readNpy } from './npy.mjs';
import { readJson, root } from './vectors.mjs';

const folder = join(root, 'tests/import/fixtures');

/** Names of all cases; too few would prove nothing. */
export function fixtureNames() {
  const names = readdirSync(folder).sort();
  for (const prefix of ['skl_', 'wrap_', 'xgb_', 'lgb_', 'onnx_', 'cat_']) {
    if (!names.some((name) => name.startsWith(prefix))) throw new Error(`there is no fixture ${prefix}*`);
  }
  return names;
}

export function readFixture(name) {
  const description = readJson(join(folder, name, 'case.json'));
  const path = join(folder, name, description.model);
  return {
    ...description,
    folder: join(folder, name),
    path,
    bytes: readFileSync(path),
    iterations: description.options?.iterations,
    rows: readNpy(join(folder, name, description.rows)),
  };
}
