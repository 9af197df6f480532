// Writes the bill of materials of the image, CycloneDX 1.5 as JSON, on stdout, and the licences of the
// npm packages that are in it into a folder.
//
//   node sbom.mjs --name NAME --version VERSION --root ROOT --modules FILE --licences FOLDER ROWS...
//
// ROWS are files of docker/sbom/debian-rows.sh: `deb NAME VERSION ARCHITECTURE SOURCE SOURCE-VERSION
// DISTRIBUTION`, tabs between. FILE is what `web/tools/build.mjs --modules` wrote: the npm packages are
// those of which a file is in the page, in the versions of ROOT's package-lock.json.
// The same inputs give the same bytes: no time, and a serial number that is made of the content.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const text = { type: 'string' };
const { values: given, positionals: rowFiles } = parseArgs({
  options: { name: text, version: text, root: text, modules: text, licences: text }, allowPositionals: true,
});
const { name, version, root } = given;

const linesOf = (file) => readFileSync(file, 'utf8').split('\n').filter(Boolean);
const byPurl = (a, b) => (a.purl < b.purl ? -1 : 1);
/** The package that a path of node_modules belongs to: its folder, and its name. */
const packageOf = (path) => /^(.*node_modules\/((?:@[^/]+\/)?[^/]+))\//.exec(path).slice(1);
const npmPurl = (pkg, found) => `pkg:npm/${pkg.replace('@', '%40')}${found === undefined ? '' : `@${found}`}`;

/** Package URL of a Debian package, its source named where it is another one. */
function debianPurl([, pkg, pkgVersion, architecture, source, sourceVersion, distribution]) {
  const qualifiers = [`arch=${architecture}`, `distro=${distribution}`];
  if (source !== pkg || sourceVersion !== pkgVersion) {
    qualifiers.push(`upstream=${encodeURIComponent(`${source}@${sourceVersion}`)}`);
  }
  return `pkg:deb/debian/${encodeURIComponent(pkg)}@${encodeURIComponent(pkgVersion)}?${qualifiers.join('&')}`;
}

function debianComponents() {
  return rowFiles.flatMap(linesOf).map((line) => {
    const row = line.split('\t');
    if (row.length !== 7 || row[0] !== 'deb') throw new Error(`not a row of a package: ${line}`);
    return { type: 'library', name: row[1], version: row[2], purl: debianPurl(row) };
  });
}

/**
 * What a package has in its own files already: Swagger UI comes as one script and one style sheet. The
 * list of the script's bundler comes with it, without versions; the style sheet's is its source map. (The
 * script's map is no list: that of 5.35.0 is an older script's.)
 */
function componentsInside(folder) {
  const list = join(root, folder, 'log.bundle-sizes.swagger-ui.txt');
  if (!existsSync(list)) return [];
  const inScript = linesOf(list).map((line) => /^(\S+): [\d.]+ K?M?B /.exec(line)?.[1]);
  const { sources } = JSON.parse(readFileSync(join(root, folder, 'swagger-ui.css.map'), 'utf8'));
  const inStyle = sources.filter((source) => source.includes('node_modules/')).map((source) => packageOf(source)[1]);
  const names = new Set([...inScript, ...inStyle]);
  if (!names.delete('<self>') || names.has(undefined)) throw new Error(`${list} is not a list of packages`);
  return [...names].map((pkg) => ({
    type: 'library', 'bom-ref': `${folder}#${pkg}`, name: pkg, purl: npmPurl(pkg),
  })).sort(byPurl);
}

/** The folders of the packages that are in the page, and their names. */
function npmPackages() {
  return new Map(linesOf(given.modules).map(packageOf));
}

function npmComponents() {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  return Array.from(npmPackages(), ([folder, pkg]) => {
    const { version: found, license, integrity } = packages[folder];
    const [algorithm, digest] = (integrity ?? '').split('-');
    const inside = componentsInside(folder);
    return {
      type: 'library',
      name: pkg,
      version: found,
      ...(algorithm === 'sha512' && {
        hashes: [{ alg: 'SHA-512', content: Buffer.from(digest, 'base64').toString('hex') }],
      }),
      ...(license && { licenses: [{ expression: license }] }),
      purl: npmPurl(pkg, found),
      ...(inside.length > 0 && { components: inside }),
    };
  });
}

/** FOLDER/PACKAGE/copyright, as Debian names it: the package's licence, and those that its bundler has found. */
function writeLicences() {
  for (const [folder, pkg] of npmPackages()) {
    const own = readdirSync(join(root, folder)).filter((file) => /^(licen[cs]e|notice|copying)/i.test(file)).sort();
    if (own.length === 0) throw new Error(`${folder} has no licence`);
    const ofParts = linesOf(given.modules).filter((file) => file.startsWith(`${folder}/`) && file.endsWith('.LICENSE.txt'));
    mkdirSync(join(given.licences, pkg), { recursive: true });
    const texts = [...own.map((file) => join(folder, file)), ...ofParts]
      .map((file) => readFileSync(join(root, file), 'utf8').trimEnd());
    writeFileSync(join(given.licences, pkg, 'copyright'), `${texts.join('\n\n')}\n`);
  }
}

const found = new Map([...debianComponents(), ...npmComponents()].map((each) => [each.purl, each]));
const components = [...found.values()].sort(byPurl).map((each) => ({ 'bom-ref': each.purl, ...each }));
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
writeLicences();
process.stdout.write(`${JSON.stringify(bill, null, 1)}\n`);
