// What npm would publish: its files, its types under every resolution, and that Node imports and
// requires it. Bundlers and browsers: bundled.test.mjs.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { after, before, test } from 'node:test';

import { publint } from 'publint';

import { npm, outputOf, packedProject } from './support/packed.mjs';
import { iris, readJson, root } from './support/vectors.mjs';

const { exports: entries } = readJson(join(root, 'wasm/package.json'));
const scripts = Object.keys(entries).filter((entry) => typeof entries[entry] === 'object');
const tool = (name) => join(root, 'node_modules/.bin', name);

let project;
before(() => {
  project = packedProject({ links: ['@types/node', 'undici-types'] });
});
after(() => project?.remove());

const inPackage = (file) => join(project.folder, 'node_modules/copse', file);
const write = (name, text) => writeFileSync(join(project.folder, name), text);
const node = (...args) => outputOf(project.folder, 'node', ...args);

test('it holds every file that it exports, its licences, and nothing else', () => {
  for (const entry of Object.values(entries).flatMap((value) =>
    typeof value === 'object' ? Object.values(value) : [value],
  )) {
    assert.ok(existsSync(inPackage(entry)), entry);
  }
  assert.deepEqual(readFileSync(inPackage('LICENSE')), readFileSync(join(root, 'LICENSE')));
  const expected = /^(LICENSE|NOTICE|README\.md|package\.json|dist\/(copse|copse-\w+|copse-import-onnx)\.wasm)$/;
  for (const file of project.files.filter((name) => !expected.test(name))) {
    const source = join(root, 'wasm/js', basename(file).replace(/(\.d)?\.[jt]s$/, ''));
    assert.ok(existsSync(`${source}.ts`) || existsSync(`${source}.d.ts`), `${file} has no source`);
  }
  console.log(`report: the package: ${project.files.length} files, ${project.unpackedBytes} bytes`);
});

test('it has no dependencies, and npm would publish it', () => {
  const { dependencies, peerDependencies, optionalDependencies, scripts: ownScripts } = readJson(
    inPackage('package.json'),
  );
  assert.deepEqual([dependencies, peerDependencies, optionalDependencies, ownScripts], Array(4).fill(undefined));
  const said = npm(root, 'publish', '--workspace', 'copse', '--dry-run', '--registry', 'http://127.0.0.1:9/');
  assert.match(said, /copse@\d+\.\d+\.\d+/);
});

test('publint finds nothing', async () => {
  const { messages } = await publint({ pkgDir: inPackage(''), strict: true });
  assert.deepEqual(messages, []);
});

test('arethetypeswrong finds nothing', () => {
  const modules = Object.keys(entries).filter((entry) => entry.endsWith('.wasm'));
  outputOf(
    project.folder,
    ...[tool('attw'), project.tarball, '--profile', 'esm-only', '--no-emoji', '--no-color'],
    ...['--exclude-entrypoints', ...modules],
  );
});

const typed = `
import { ForestError, errorCode, loadModel, type Model, type Prediction, type Rows } from 'copse';
import { ForestWorker } from 'copse/client';
import { importModel } from 'copse/import';
import { openWorker } from 'copse/inline';
import { serve } from 'copse/worker';

export async function predict(file: Uint8Array<ArrayBuffer>, rows: Rows): Promise<number> {
  const { bytes, warnings } = await importModel(file, { iterations: 'best' });
  using model: Model = await loadModel(bytes);
  const answer: Float64Array = model.predictProba(rows);
  const prediction: Prediction = model.predictRow({ a: 1, b: null, c: 'red' });
  // @ts-expect-error: there is no such answer
  model.predict('odds', rows);
  // @ts-expect-error: a row has no booleans
  model.predictRow([true]);
  const { client, end } = await openWorker();
  const remote = await client.load(bytes, { transfer: true });
  const there: Float64Array = await remote.predict('margin', rows);
  end();
  serve(new MessageChannel().port1);
  new ForestWorker(new MessageChannel().port2).close();
  return answer.length + there.length + warnings.length + (prediction.kind === 'class' ? prediction.index : 0);
}

export function codeOf(error: unknown): number {
  if (!(error instanceof ForestError)) return errorCode.internal;
  return error.detail.row ?? error.code;
}
`;

const resolutions = {
  bundler: { module: 'ESNext', moduleResolution: 'bundler' },
  node16: { module: 'node16', moduleResolution: 'node16' },
  nodenext: { module: 'nodenext', moduleResolution: 'nodenext' },
};
const environments = {
  'a browser': { lib: ['ES2022', 'DOM'], types: [] },
  Node: { lib: ['ES2022', 'DOM'], types: ['node'] },
};

for (const [name, resolution] of Object.entries(resolutions)) {
  for (const [where, environment] of Object.entries(environments)) {
    test(`its types are right by module resolution ${name} in ${where}`, () => {
      const compilerOptions = {
        ...{ target: 'ES2022', strict: true, noEmit: true, skipLibCheck: false },
        ...{ exactOptionalPropertyTypes: true, ...resolution, ...environment },
      };
      write('typed.ts', typed);
      write('tsconfig.json', JSON.stringify({ compilerOptions, files: ['typed.ts'] }));
      outputOf(project.folder, tool('tsc'), '-p', '.');
    });
  }
}

test('TypeScript lets a CommonJS module require it, by module resolution nodenext', () => {
  write('required.cts', "import copse = require('copse');\nexport const load: unknown = copse.loadModel;\n");
  const compilerOptions = {
    ...{ target: 'ES2022', strict: true, noEmit: true, lib: ['ES2022', 'DOM'] },
    ...{ types: [], ...resolutions.nodenext },
  };
  write('tsconfig.json', JSON.stringify({ compilerOptions, files: ['required.cts'] }));
  outputOf(project.folder, tool('tsc'), '-p', '.');
});

test('Node imports every entry, and each loads a model', () => {
  write(
    'imported.mjs',
    `import { readFileSync } from 'node:fs';
    const [copse, inline] = await Promise.all(['copse', 'copse/inline'].map((name) => import(name)));
    const bytes = readFileSync(process.argv[2]);
    for (const { loadModel } of [copse, inline]) {
      const model = await loadModel(bytes);
      console.log(model.predictRow([5.1, 3.5, 1.4, 0.2]).label);
      model.free();
    }
    for (const name of ${JSON.stringify(scripts)}) {
      console.log(name, Object.keys(await import(name.replace('.', 'copse'))).length > 0);
    }`,
  );
  const expected = ['setosa', 'setosa', ...scripts.map((name) => `${name} true`), ''].join('\n');
  assert.equal(node('imported.mjs', iris), expected);
});

test('Node requires it: the very module that is imported, without a warning', () => {
  write(
    'required.cjs',
    `const { ForestError, loadModel } = require('copse');
    loadModel(require('node:fs').readFileSync(process.argv[2])).then(async (model) => {
      console.log(model.predictRow([5.1, 3.5, 1.4, 0.2]).label);
      console.log((await import('copse')).ForestError === ForestError);
    });`,
  );
  assert.equal(node('required.cjs', iris), 'setosa\ntrue\n');
});
