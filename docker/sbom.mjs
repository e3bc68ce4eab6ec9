// A software bill of materials (CycloneDX 1.5, JSON) of what is in node_modules here, to stdout. Debian packages of the image: dpkg-query, see docker/README.md.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const root = JSON.parse(readFileSync('package.json', 'utf8'));
const components = new Map();
walk('node_modules');

function walk(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.name.startsWith('.') || entry.isSymbolicLink() || !entry.isDirectory()) continue;
    if (entry.name.startsWith('@')) walk(join(folder, entry.name));
    else take(join(folder, entry.name));
  }
}

function take(folder) {
  const file = join(folder, 'package.json');
  if (!existsSync(file)) return;
  const { name, version, license, licenses } = JSON.parse(readFileSync(file, 'utf8'));
  if (typeof name === 'string' && typeof version === 'string') {
    const purl = `pkg:npm/${name.replace('@', '%40')}@${version}`;
    const said = typeof license === 'string' ? license : (license?.type ?? licenses?.[0]?.type);
    // A name is an id of SPDX or an expression; anything else is a name.
    components.set(purl, { type: 'library', 'bom-ref': purl, name, version, purl, ...(said === undefined ? {} : { licenses: [/\s/.test(said) ? { expression: said } : { license: { name: said } }] }) });
  }
  if (existsSync(join(folder, 'node_modules'))) walk(join(folder, 'node_modules'));
}

process.stdout.write(`${JSON.stringify({
  bomFormat: 'CycloneDX', specVersion: '1.5', version: 1,
  metadata: { component: { type: 'application', name: root.name, version: root.version, 'bom-ref': `pkg:npm/${root.name}@${root.version}` } },
  components: [...components.values()].sort((a, b) => (a.purl < b.purl ? -1 : 1)),
}, null, 1)}\n`);
