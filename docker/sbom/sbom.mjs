// Writes the bill of materials of the image, CycloneDX 1.5 as JSON, on stdout.
//
//   node sbom.mjs NAME VERSION ROOT ROWS...
//
// ROWS are files of docker/sbom/debian-rows.sh: `deb NAME VERSION ARCHITECTURE SOURCE
// SOURCE-VERSION`, tabs between. The npm packages are those that ROOT's page and binding depend on,
// and so on down, as its package-lock.json has them; what only builds or tests is not among them.
// The same inputs give the same bytes: no time, and a serial number that is made of the content.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const [name, version, root, ...rowFiles] = process.argv.slice(2);

/** Package URL of a Debian package, its source named where it is another one. */
function debianPurl([, pkg, pkgVersion, architecture, source, sourceVersion]) {
  const qualifiers = [`arch=${architecture}`, 'distro=debian-12'];
  if (source !== pkg || sourceVersion !== pkgVersion) {
    qualifiers.push(`upstream=${encodeURIComponent(`${source}@${sourceVersion}`)}`);
  }
  return `pkg:deb/debian/${encodeURIComponent(pkg)}@${encodeURIComponent(pkgVersion)}?${qualifiers.join('&')}`;
}

function debianComponents() {
  const lines = rowFiles.flatMap((file) => readFileSync(file, 'utf8').split('\n').filter(Boolean));
  return lines.map((line) => {
    const row = line.split('\t');
    if (row.length !== 6 || row[0] !== 'deb') throw new Error(`not a row of a package: ${line}`);
    return { type: 'library', name: row[1], version: row[2], purl: debianPurl(row) };
  });
}

/** Where `from` (a key of the lock's packages) finds the package `wanted`, as Node looks for it. */
function resolve(packages, from, wanted) {
  for (let folder = from; ; folder = folder.replace(/\/?(node_modules\/(@[^/]+\/)?)?[^/]+$/, '')) {
    const key = `${folder}${folder && '/'}node_modules/${wanted}`;
    if (packages[key]) return packages[key].link ? packages[key].resolved : key;
    if (!folder) throw new Error(`package-lock.json has no ${wanted} for ${from}`);
  }
}

function npmComponents() {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  const seen = new Set();
  const queue = ['web', 'wasm'];
  for (const key of queue) {
    if (seen.has(key)) continue;
    seen.add(key);
    for (const wanted of Object.keys(packages[key].dependencies ?? {})) {
      queue.push(resolve(packages, key, wanted));
    }
  }
  return [...seen].filter((key) => key.includes('node_modules/')).map((key) => {
    const { version: found, license, integrity } = packages[key];
    const pkg = key.slice(key.lastIndexOf('node_modules/') + 'node_modules/'.length);
    const [algorithm, digest] = (integrity ?? '').split('-');
    return {
      type: 'library',
      name: pkg,
      version: found,
      ...(algorithm === 'sha512' && {
        hashes: [{ alg: 'SHA-512', content: Buffer.from(digest, 'base64').toString('hex') }],
      }),
      ...(license && { licenses: [{ expression: license }] }),
      purl: `pkg:npm/${pkg.replace('@', '%40')}@${found}`,
    };
  });
}

const byPurl = new Map([...debianComponents(), ...npmComponents()].map((each) => [each.purl, each]));
const components = [...byPurl.values()].sort((a, b) => (a.purl < b.purl ? -1 : 1))
  .map((each) => ({ 'bom-ref': each.purl, ...each }));
const hex = createHash('sha256').update(JSON.stringify(components)).digest('hex');
const uuid = [hex.slice(0, 8), hex.slice(8, 12), `5${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)];
const bill = {
  bomFormat: 'CycloneDX',
  specVersion: '1.5',
  serialNumber: `urn:uuid:${uuid.join('-')}`,
  version: 1,
  metadata: {
    component: {
      'bom-ref': name, type: 'container', name, version, licenses: [{ license: { id: 'Apache-2.0' } }],
    },
  },
  components,
  dependencies: [{ ref: name, dependsOn: components.map((each) => each.purl) }],
};
process.stdout.write(`${JSON.stringify(bill, null, 1)}\n`);
