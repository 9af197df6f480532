// What `make site` leaves, on hosts that serve files only: a real nginx with the configuration that
// ships, and any server of files with the page in a folder below its root.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';

import { root } from '../wasm/support/vectors.mjs';
import { accessibilityFaults, eventually, openBrowser, openReadyPage } from './support/browser.mjs';
import { programOf, skipWithout } from './support/programs.mjs';
import { startService } from './support/service.mjs';
import { enterRow, readAnswer } from './support/shown.mjs';

const run = promisify(execFile);
const nginx = programOf('nginx', 'usr/sbin/nginx');
const noNginx = skipWithout(nginx, 'nginx');
const tool = join(root, 'web/tools/build.mjs');

let folder;
let site;
let browser;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'copse-site-'));
  site = join(folder, 'site');
  await run(process.execPath, [tool, site, '--site', join(root, 'models/iris.safetensors')]);
  browser = await openBrowser();
});

after(async () => {
  await browser?.close();
  await rm(folder, { recursive: true, force: true });
});

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Starts `command`; resolves once `url` answers. `stop` ends it and waits until it is gone. */
async function start(command, args, url) {
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (text) => (said += text));
  const gone = new Promise((resolve) => child.once('exit', resolve));
  const stop = async () => {
    child.kill('SIGTERM');
    await gone;
  };
  try {
    const answers = () => fetch(url).then((answer) => answer.ok, () => false);
    await eventually(answers, `${command}: ${url} answers`, 20_000);
  } catch (cause) {
    await stop();
    throw new Error(`${cause.message}: ${said}`, { cause });
  }
  return { url, stop };
}

/** nginx with the server block as it ships, but for the port and the folder. */
async function startNginx(pages) {
  const port = await freePort();
  const shipped = await readFile(join(root, 'web/hosting/nginx.conf'), 'utf8');
  const block = shipped.replace('127.0.0.1:8080', `127.0.0.1:${port}`).replace('root /srv/copse', `root ${pages}`);
  assert.notEqual(block, shipped);
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  const config = `daemon off; master_process off; pid ${folder}/nginx.pid; error_log stderr;
events {}
http {
  access_log off;
  ${temporary.map((each) => `${each}_temp_path ${folder}/${each};`).join(' ')}
  ${block}
}
`;
  const path = join(folder, 'nginx.conf');
  await writeFile(path, config);
  return start(nginx, ['-e', 'stderr', '-p', folder, '-c', path], `http://127.0.0.1:${port}/`);
}

async function predictsAndCloses({ page, context, faults }) {
  await enterRow(page, [6.3, 3.3, 6.0, 2.5]);
  await eventually(async () => (await readAnswer(page)).label === 'virginica', 'virginica');
  assert.equal(await page.getByRole('radio', { name: 'The server' }).count(), 0);
  assert.equal(await page.getByRole('link', { name: 'API docs' }).count(), 0);
  assert.deepEqual(await accessibilityFaults(page), []);
  await context.close();
  assert.deepEqual(faults, []);
}

test('nginx serves it with the right types, caching and policy', { skip: noNginx }, async () => {
  const host = await startNginx(site);
  try {
    const head = async (path, encoding = 'identity') => {
      const answer = await fetch(host.url + path, { headers: { 'Accept-Encoding': encoding } });
      await answer.arrayBuffer();
      return { status: answer.status, ...Object.fromEntries(answer.headers) };
    };
    const types = {
      html: /^text\/html; charset=utf-8$/,
      js: /^text\/javascript; charset=utf-8$/,
      css: /^text\/css; charset=utf-8$/,
      wasm: /^application\/wasm$/,
      webmanifest: /^application\/manifest\+json$/,
      svg: /^image\/svg\+xml$/,
      safetensors: /^application\/octet-stream$/,
    };
    const entries = await readdir(site, { recursive: true, withFileTypes: true });
    const paths = entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(site.length + 1))
      .filter((path) => !/\.(br|gz)$|^\.nojekyll$|^_headers$/.test(path));
    assert.ok(paths.length > 10, String(paths));
    for (const path of paths) {
      const answer = await head(path);
      assert.equal(answer.status, 200, path);
      assert.match(answer['content-type'], types[path.split('.').pop()], path);
      const hashed = path.startsWith('assets/');
      assert.equal(answer['cache-control'], hashed ? 'public, max-age=31536000, immutable' : 'no-cache', path);
      assert.equal(answer['x-content-type-options'], 'nosniff', path);
      assert.equal((await head(path, 'gzip'))['content-encoding'], 'gzip', path);
    }
    assert.equal((await head('_headers')).status, 404);
    const missing = await head('assets/none.js');
    assert.deepEqual([missing.status, missing['cache-control']], [404, undefined]);
    assert.equal(missing['x-content-type-options'], 'nosniff');

    // One policy, wherever it is said.
    const service = await startService();
    const said = await fetch(service.url).then((answer) => answer.headers.get('content-security-policy'));
    await service.stop();
    assert.equal((await head(''))['content-security-policy'], said);
    assert.ok((await readFile(join(site, '_headers'), 'utf8')).includes(`  Content-Security-Policy: ${said}\n`));
    const inPage = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(await readFile(join(site, 'index.html'), 'utf8'));
    assert.equal(`${inPage[1]}; frame-ancestors 'none'`, said);

    const opened = await openReadyPage(browser, host.url);
    await predictsAndCloses(opened);
  } finally {
    await host.stop();
  }
});

test('it works in a folder, with no headers, and offline', async () => {
  const above = join(folder, 'above');
  await cp(site, join(above, 'forest'), { recursive: true });
  const port = await freePort();
  const serve = ['-m', 'http.server', '--bind', '127.0.0.1', '--directory', above, String(port)];
  const host = await start('/usr/bin/python3', serve, `http://127.0.0.1:${port}/forest/`);
  try {
    const opened = await openReadyPage(browser, host.url);
    await opened.page.getByText('Ready to work offline').waitFor();
    await host.stop();
    await opened.page.reload();
    await opened.page.locator('.verdict-label').waitFor();
    await predictsAndCloses(opened);
  } finally {
    await host.stop();
  }
});

test('another model takes the place of iris', async () => {
  const other = join(folder, 'other');
  const boosted = join(folder, 'gb_iris.safetensors');
  await cp(join(root, 'tests/vectors/gb_iris/model.safetensors'), boosted);
  await run(process.execPath, [tool, other, '--site', boosted]);
  assert.deepEqual(
    (await readdir(join(other, 'models'))).sort(),
    ['', '.br', '.gz'].map((end) => `gb_iris.safetensors${end}`),
  );
  const port = await freePort();
  const serve = ['-m', 'http.server', '--bind', '127.0.0.1', '--directory', other, String(port)];
  const host = await start('/usr/bin/python3', serve, `http://127.0.0.1:${port}/`);
  try {
    const { page, context, faults } = await openReadyPage(browser, host.url);
    await page.getByRole('link', { name: 'Download gb_iris.safetensors' }).waitFor();
    await context.close();
    assert.deepEqual(faults, []);
  } finally {
    await host.stop();
  }
});

test('what is no model is refused before anything is built', async () => {
  const nothing = join(folder, 'nothing');
  for (const [path, why] of [[join(root, 'README.md'), /README\.md: .*copse import/], [join(folder, 'none.safetensors'), /ENOENT/]]) {
    await assert.rejects(run(process.execPath, [tool, nothing, '--site', path]), ({ stderr }) => {
      assert.match(stderr, why);
      assert.equal(stderr.trim().split('\n').length, 1, stderr);
      return true;
    });
  }
  assert.equal(existsSync(nothing), false);
});
