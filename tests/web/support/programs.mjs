// Programs of Debian's packages that tests run: installed, or taken out of the package by .ci/deps.
import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { root } from '../../wasm/support/vectors.mjs';

/** Where a package's program is; undefined if it is nowhere. */
export function programOf(name, path) {
  return [`/${path}`, join(root, 'build/packages', name, path)].find(existsSync);
}

/**
 * False where `program` is; otherwise why the tests that need it are skipped, which is said, too. With
 * COPSE_DOCKER_REQUIRED=1 nothing may be skipped: it throws.
 */
export function skipWithout(program, name) {
  if (program !== undefined) return false;
  const why = `${name} is neither installed nor could its package be had`;
  if (process.env.COPSE_DOCKER_REQUIRED === '1') throw new Error(why);
  console.error(`SKIP: ${why}`);
  return why;
}
