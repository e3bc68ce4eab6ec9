// Writes each package's package.json (dependencies on other packages), tsconfig.json and the root tsconfig from layers.mjs.
// `node test/tidy/sync-workspace.mjs` writes, `--check` fails when a file differs.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { PACKAGES } from './layers.mjs';

const root = join(import.meta.dirname, '..', '..');
const check = process.argv.includes('--check');
const folderOf = Object.fromEntries(Object.keys(PACKAGES).map((folder) => [basename(folder), folder]));
const stale = [];

function write(path, value) {
  const text = JSON.stringify(value, null, 2) + '\n';
  const file = join(root, path);
  if (existsSync(file) && readFileSync(file, 'utf8') === text) return;
  if (check) return void stale.push(path);
  writeFileSync(file, text);
}

for (const [folder, { layer, may, browser, inBundles }] of Object.entries(PACKAGES)) {
  const name = basename(folder);
  mkdirSync(join(root, folder, 'src'), { recursive: true });
  const manifest = join(root, folder, 'package.json');
  const before = existsSync(manifest) ? JSON.parse(readFileSync(manifest, 'utf8')) : {};
  const entry = { '@millrace/source': './src/index.ts', types: './dist/index.d.ts', default: './dist/index.js' };
  write(join(folder, 'package.json'), {
    name: `@millrace/${name}`,
    version: '0.1.0',
    private: true,
    license: 'Apache-2.0',
    ...(before.description ? { description: before.description } : {}),
    type: 'module',
    // Dag files' bundles hold their code: only what a file uses.
    ...(inBundles ? { sideEffects: false } : {}),
    ...(before.bin ? { bin: before.bin } : {}),
    exports: browser ? {} : { '.': entry, ...Object.fromEntries(Object.entries(before.exports ?? {}).filter(([key]) => key !== '.')) },
    nx: { tags: [`layer:${layer}`], targets: { build: { command: browser ? `tsc -b ${folder} && vite build ${folder}` : `tsc -b ${folder}`, cache: true, dependsOn: ['^build'] } } },
    dependencies: { ...Object.fromEntries(Object.entries(before.dependencies ?? {}).filter(([key]) => !key.startsWith('@millrace/'))), ...Object.fromEntries(may.map((dep) => [`@millrace/${dep}`, '0.1.0'])) },
  });
  if (browser) {
    // Vite makes the code; the compiler checks it and writes only what `composite` asks for.
    write(join(folder, 'tsconfig.json'), {
      extends: '../../tsconfig.base.json',
      compilerOptions: {
        rootDir: 'src', outDir: 'dist/types', tsBuildInfoFile: 'dist/types/.tsbuildinfo', emitDeclarationOnly: true, declarationMap: false,
        module: 'esnext', moduleResolution: 'bundler', jsx: 'react-jsx', lib: ['es2023', 'dom', 'dom.iterable'], types: ['vite/client', 'node'],
      },
      include: ['src/**/*.ts', 'src/**/*.tsx'],
      references: may.map((dep) => ({ path: relative(join(root, folder), join(root, folderOf[dep])) })),
    });
    continue;
  }
  write(join(folder, 'tsconfig.json'), {
    extends: '../../tsconfig.base.json',
    // A bundler leaves out a class with static fields when nobody uses it, but none with static blocks that assign.
    compilerOptions: { rootDir: 'src', outDir: 'dist', tsBuildInfoFile: 'dist/.tsbuildinfo', ...(inBundles ? { useDefineForClassFields: true } : {}) },
    include: ['src/**/*.ts', 'src/**/*.json'],
    exclude: ['src/**/*.spec.ts', 'src/**/*.bench.ts', 'src/**/__planted*'],
    references: may.map((dep) => ({ path: relative(join(root, folder), join(root, folderOf[dep])) })),
  });
}
write('tsconfig.json', { files: [], references: Object.keys(PACKAGES).map((path) => ({ path })) });
if (stale.length > 0) {
  console.error(`Out of step with test/tidy/layers.mjs (run node test/tidy/sync-workspace.mjs): ${stale.join(', ')}`);
  process.exit(1);
}
