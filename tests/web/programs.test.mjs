// What is missing is said, and is a failure where everything has to be run.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';

import { programOf, skipWithout } from './support/programs.mjs';

const kept = process.env.COPSE_DOCKER_REQUIRED;

beforeEach(() => delete process.env.COPSE_DOCKER_REQUIRED);
afterEach(() => {
  if (kept === undefined) delete process.env.COPSE_DOCKER_REQUIRED;
  else process.env.COPSE_DOCKER_REQUIRED = kept;
});

test('a program that is there is found, and nothing is skipped', () => {
  const program = programOf('dash', 'bin/sh');
  assert.equal(program, '/bin/sh');
  assert.equal(skipWithout(program, 'sh'), false);
});

test('tests without their program are skipped, and say so', (context) => {
  const said = context.mock.method(console, 'error', () => {});
  assert.match(skipWithout(programOf('none', 'usr/bin/no-such-program'), 'none'), /^none is neither installed/);
  assert.match(said.mock.calls[0].arguments[0], /^SKIP: none is neither/);
});

test('where everything has to be run they fail', () => {
  process.env.COPSE_DOCKER_REQUIRED = '1';
  assert.throws(() => skipWithout(undefined, 'none'), /^Error: none is neither installed/);
});
