// The package as npm would publish it, installed in a project of its own.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { root } from './vectors.mjs';

/**
 * `{ folder, tarball, files, unpackedBytes, remove }` of a new project whose node_modules hold the
 * packed package; `links` are packages of this repository that the project shall see besides.
 */
export function packedProject({ links = [] } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'copse-packed-'));
  const remove = () => rmSync(folder, { recursive: true });
  try {
    const modules = join(folder, 'node_modules');
    mkdirSync(join(modules, 'copse'), { recursive: true });
    const [packed] = JSON.parse(
      npm(root, 'pack', '--workspace', 'copse', '--pack-destination', folder, '--json'),
    );
    const tarball = join(folder, packed.filename);
    execFileSync('tar', ['xzf', tarball, '-C', join(modules, 'copse'), '--strip-components=1']);
    for (const link of links) {
      mkdirSync(join(modules, link, '..'), { recursive: true });
      symlinkSync(join(root, 'node_modules', link), join(modules, link));
    }
    writeFileSync(join(folder, 'package.json'), '{"name": "a-project", "type": "module"}\n');
    const files = packed.files.map((file) => file.path).sort();
    return { folder, tarball, files, unpackedBytes: packed.unpackedSize, remove };
  } catch (cause) {
    remove();
    throw cause;
  }
}

/** What npm prints, without a word to any registry. */
export function npm(cwd, ...args) {
  return execFileSync('npm', [...args, '--offline', '--loglevel=error'], { cwd, encoding: 'utf8' });
}

/** What a program prints; one that fails is an error with all that it said. */
export function outputOf(cwd, command, ...args) {
  try {
    return execFileSync(command, args, { cwd, encoding: 'utf8', stdio: 'pipe' });
  } catch (cause) {
    throw new Error(`${command} ${args.join(' ')}\n${cause.stdout}${cause.stderr}`, { cause });
  }
}
