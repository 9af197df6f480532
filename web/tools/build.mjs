// Builds the page into build/web: Vite's output, the API docs page, the service worker's list of
// files, and .br and .gz beside everything that compresses. The same sources give the same bytes.
//   node web/tools/build.mjs [FOLDER]                       for `copse serve`
//   node web/tools/build.mjs FOLDER --site MODEL.safetensors  for a host that serves files only
// With --modules FILE, FILE lists what went into it, as a linker's map does: every file of node_modules
// that is in a script or was copied, one a line.
import { createHash } from 'node:crypto';
import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, extname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { build } from 'vite';

import { moduleList } from './module-list.mjs';
import { savedPage } from './saved-page.mjs';
import { addHostFiles, addModel, readModel, writeForHost } from './site.mjs';

const web = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const { values, positionals } = parseArgs({ options: { site: { type: 'string' }, modules: { type: 'string' } }, allowPositionals: true });
const out = resolve(positionals[0] ?? join(web, '../build/web'));
const model = values.site === undefined ? null : await readModel(values.site).catch(giveUp);

const modules = moduleList();

await build({
  root: web,
  configFile: join(web, 'vite.config.ts'),
  build: { outDir: out },
  logLevel: 'warn',
  plugins: [modules.plugin()],
  worker: { plugins: () => [modules.plugin()] },
});
await writeFile(join(out, 'page-template.html'), await savedPage(web, modules));
if (model !== null) await writeForHost(out, model);
await fillServiceWorker();
await (model === null ? addApiDocs() : addModel(out, model));
await compressAll();
if (model !== null) await addHostFiles(out);
if (values.modules !== undefined) await writeFile(values.modules, modules.text());
await report();

function giveUp(cause) {
  console.error(`site: ${cause.message}`);
  process.exit(1);
}

/** Paths of all files under `folder`, relative to it, with forward slashes, sorted. */
async function filesUnder(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .sort();
}

/** What the first panel does without: fetched when the page has been ready for a while. */
function isForLater(file) {
  return /^(assets\/(copse-fast|(copse-)?import|panel)-[^/]*|page-template\.html)$/.test(file);
}

/** Tells sw.js which files make up the page; their bytes make its version. */
async function fillServiceWorker() {
  const all = (await filesUnder(out)).filter((file) => file !== 'sw.js');
  const hash = createHash('sha256');
  for (const file of all) hash.update(file).update(await readFile(join(out, file)));
  const rest = all.filter(isForLater);
  const files = all.filter((file) => !isForLater(file));
  const list = { version: hash.digest('hex').slice(0, 12), files, rest };
  const path = join(out, 'sw.js');
  const source = await readFile(path, 'utf8');
  await writeFile(path, `self.copsePrecache=${JSON.stringify(list)};${source}`);
}

/** swagger-ui as it comes from its package, with a page of our own around it. */
async function addApiDocs() {
  const folder = join(out, 'apidocs');
  await mkdir(folder, { recursive: true });
  const swagger = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
  const files = ['swagger-ui-bundle.js', 'swagger-ui-bundle.js.LICENSE.txt', 'swagger-ui.css', 'LICENSE', 'NOTICE'];
  for (const file of files) {
    modules.add(join(swagger, file));
    await copyFile(join(swagger, file), join(folder, file));
  }
  for (const file of await filesUnder(join(web, 'apidocs'))) {
    await copyFile(join(web, 'apidocs', file), join(folder, file));
  }
}

/** Already compressed, or never asked for with an encoding. */
function compresses(file) {
  return !['.png', '.ico', '.br', '.gz'].includes(extname(file));
}

function brotli(bytes) {
  return brotliCompressSync(bytes, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: 11,
      [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
    },
  });
}

async function compressAll() {
  for (const file of (await filesUnder(out)).filter(compresses)) {
    const bytes = await readFile(join(out, file));
    await writeFile(join(out, `${file}.br`), brotli(bytes));
    await writeFile(join(out, `${file}.gz`), gzipSync(bytes, { level: 9 }));
  }
}

async function report() {
  const page = (await filesUnder(out)).filter((file) => !file.startsWith('apidocs/'));
  for (const file of page.filter((name) => page.includes(`${name}.br`))) {
    const bytes = (await readFile(join(out, file))).length;
    const small = (await readFile(join(out, `${file}.br`))).length;
    console.log(`${file}: ${bytes} bytes, ${small} as brotli`);
  }
}
