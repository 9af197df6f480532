// The real binary on a free port of loopback, with the built page.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { root } from '../../wasm/support/vectors.mjs';

const binary = process.env.COPSE_BIN ?? join(root, 'build/bin/copse');
export const builtPage = process.env.COPSE_WEB ?? join(root, 'build/web');
const startMsMax = 20_000;

/**
 * Starts `copse serve` with one model (null: none), further options of its command line and further
 * variables; `stop` ends it and resolves once it is gone. Twice is fine.
 */
export async function startService({ model = join(root, 'models/iris.safetensors'), options = [], env = {} } = {}) {
  for (const path of [binary, join(builtPage, 'index.html')]) {
    if (!existsSync(path)) throw new Error(`${path} is missing: run make build first`);
  }
  const first = model === null ? [] : ['--model', model];
  const args = ['serve', '--host', '127.0.0.1', '--port', '0', '--web', builtPage, ...first, ...options];
  if (!options.includes('--log') && !options.includes('--no-log')) args.push('--no-log');
  const child = spawn(binary, args, { stdio: ['ignore', 'ignore', 'pipe'], env: { PATH: process.env.PATH, ...env } });
  const gone = new Promise((resolve) => child.once('exit', resolve));
  const stop = async () => {
    child.kill('SIGTERM');
    await gone;
  };
  try {
    return { url: await addressOf(child), stop };
  } catch (cause) {
    await stop();
    throw cause;
  }
}

/** The address in the line that the service prints once it can be reached. */
function addressOf(child) {
  return new Promise((resolve, reject) => {
    let said = '';
    const fail = (why) => reject(new Error(`copse serve ${why}: ${said}`));
    const timer = setTimeout(() => fail(`said no address within ${startMsMax} ms`), startMsMax);
    child.once('error', (cause) => fail(String(cause)));
    child.once('exit', () => fail('ended at once'));
    child.stderr.on('data', (chunk) => {
      said += chunk;
      const [, address] = /listens on (http:\/\/[^\s/]+)/.exec(said) ?? [];
      if (address === undefined) return;
      clearTimeout(timer);
      resolve(`${address}/`);
    });
  });
}
