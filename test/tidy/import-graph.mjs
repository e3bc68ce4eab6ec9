// Who imports whom, judged by dependency-cruiser with rules made from layers.mjs.
// dependency-cruiser reads no TypeScript without a TypeScript API below version 7 (it reports 0 modules and is content), so it gets a mirror:
// for each source file x.ts an x.js with nothing but its imports, found by a real parser, and an x.types.js with its type-only imports: those
// obey the same directions, but a cycle through one is no cycle when the program runs (the compiler removes them).
import { cruise } from 'dependency-cruiser';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, posix } from 'node:path';
import { PACKAGES } from './layers.mjs';
import { isTypeScript, root, walk } from './sources.mjs';

const folderOf = Object.fromEntries(Object.keys(PACKAGES).map((folder) => [`@millrace/${basename(folder)}`, folder]));
const TEST_CODE = String.raw`(^test/|\.(spec|bench|conformance)(\.types)?\.js$|/testing/|/simulator/)`;
const IMPORTING = /^(ImportDeclaration|ExportNamedDeclaration|ExportAllDeclaration|ImportExpression|TSImportType)$/;
/** What is started by its path. */
const ENTRY_NAME = String.raw`(/|-)main\.js$`;
const TYPES_ONLY = String.raw`\.types\.js$`;
/** npm packages that carry a password or a framework, and the libs that may know them. */
const KEPT_NPM = [
  { names: '@nestjs/', may: '^apps/', why: 'libs are plain classes; Nest lives in apps' },
  { names: 'pg/', may: '^(libs/(persistence|test-services|embedded-postgres)|apps/cli)/', why: 'only persistence speaks to the database' },
  // Nest injects TypeORM's DataSource by its class.
  { names: 'typeorm/', may: '^(libs/persistence|apps/api)/', why: 'only persistence speaks to the database' },
  { names: 'amqplib/', may: '^libs/(messaging|test-services)/', why: 'only messaging speaks to the broker' },
  { names: 'ioredis/', may: '^libs/(live-updates|test-services)/', why: 'only live-updates speaks to Redis' },
];
const PURE_NPM = { 'libs/vocabulary': [], 'libs/engine': ['croner'] };

/** Violations as { rule, from, to, cycle }, paths as in the repository; and how many modules were seen. */
export async function judgeImports(sources) {
  const mirror = mkdtempSync(join(tmpdir(), 'millrace-imports-'));
  try {
    symlinkSync(join(root, 'node_modules'), join(mirror, 'node_modules'));
    const code = sources.filter(isTypeScript);
    const paths = new Set(code.map((one) => one.path));
    for (const one of code) {
      const file = join(mirror, mirrored(one.path));
      mkdirSync(dirname(file), { recursive: true });
      const { values, types } = importsOf(one, paths);
      const written = (specifiers) => [...specifiers].map((specifier) => `import ${JSON.stringify(rewrite(one.path, specifier))};\n`).join('');
      writeFileSync(file, written(values));
      if (types.size > 0) writeFileSync(file.replace(/\.js$/, '.types.js'), written(types));
    }
    writeFileSync(join(mirror, 'package.json'), '{"type":"module"}');
    const { output } = await cruise(['apps', 'libs', 'test', 'examples'].filter((folder) => existsSync(join(mirror, folder))), {
      baseDir: mirror, doNotFollow: { path: 'node_modules' }, validate: true, ruleSet: { forbidden: rules() }, moduleSystems: ['es6'],
    }, { conditionNames: ['import', 'node', 'default', 'types'], exportsFields: ['exports'] });
    const violations = output.summary.violations.map(({ rule, from, to, cycle }) => ({ rule: rule.name, from: original(from), to: original(to), cycle: cycle?.map((step) => original(step.name)) }));
    return { modules: output.modules.filter((module) => /^(apps|libs|test|examples)\//.test(module.source) && !module.source.endsWith('.types.js')).length, files: code.length, violations };
  } finally {
    rmSync(mirror, { recursive: true, force: true });
  }
}

/** Why a rule exists and what to do, for the message. */
export function adviceFor(rule) {
  return rules().find((one) => one.name === rule)?.comment ?? '';
}

function rules() {
  const entries = entryFiles().map((file) => `^${escape(mirrored(file))}$`).join('|');
  const layers = Object.entries(PACKAGES).map(([folder, { may }]) => ({
    name: `may-import:${basename(folder)}`,
    severity: 'error',
    comment: `${folder} may import ${may.join(', ') || 'no package of ours'} (test/tidy/layers.mjs). Move the code to where both may see it, or pass it in.`,
    from: { path: `^${folder}/` },
    to: { path: '^(apps|libs)/', pathNot: [folder, ...may.map((name) => folderOf[`@millrace/${name}`])].map((allowed) => `^${allowed}/`) },
  }));
  const pure = Object.entries(PURE_NPM).map(([folder, allowed]) => ({
    name: `npm-in-pure:${basename(folder)}`,
    severity: 'error',
    comment: `${folder} is pure: ${allowed.length === 0 ? 'no npm package' : `of npm only ${allowed.join(', ')}`}.`,
    from: { path: `^${folder}/`, pathNot: TEST_CODE },
    to: { path: 'node_modules/', ...(allowed.length === 0 ? {} : { pathNot: `node_modules/(${allowed.join('|')})/` }) },
  }));
  const kept = KEPT_NPM.map(({ names, may, why }) => ({
    name: `npm-kept:${names.replaceAll(/[()/]/g, '')}`,
    severity: 'error',
    comment: `${why}.`,
    from: { path: '^(apps|libs)/', pathNot: [may, TEST_CODE, TYPES_ONLY] },
    to: { path: `node_modules/${names}` },
  }));
  return [
    { name: 'no-cycle', severity: 'error', comment: 'Files that import each other cannot be understood one at a time: move what both need into a third.', from: { path: '^(apps|libs|test)/' }, to: { circular: true } },
    ...layers,
    ...pure,
    ...kept,
    { name: 'no-node-in-pure', severity: 'error', comment: 'vocabulary, engine, contracts and sdk run anywhere and decide from their arguments: no node:* modules.', from: { path: '^libs/(vocabulary|engine|contracts|sdk)/', pathNot: TEST_CODE }, to: { dependencyTypes: ['core'] } },
    { name: 'no-deep-import', severity: 'error', comment: 'Import a package by its name; what it offers is in its index.ts (or another entry of its package.json).', from: { path: '^((?:apps|libs)/[^/]+|test)/' }, to: { path: '^(apps|libs)/[^/]+/', pathNot: ['^$1/', ...entryFiles().map((file) => `^${escape(mirrored(file))}$`)] } },
    { name: 'no-test-kit-in-production', severity: 'error', comment: 'test-services is for specs and testing/ folders.', from: { path: '^(apps|libs)/', pathNot: [TEST_CODE, '^libs/test-services/'] }, to: { path: '^libs/test-services/' } },
    { name: 'unresolved', severity: 'error', comment: 'The import leads nowhere: not a file, not an entry of the package, or not an installed package.', from: { path: '^(apps|libs|test|examples)/' }, to: { couldNotResolve: true } },
    { name: 'dead-file', severity: 'error', comment: 'No entry (index.ts, main.ts, an entry of package.json, a spec) leads to this file: delete it or use it.', from: { path: `(${ENTRY_NAME}|${entries}|${TYPES_ONLY}|${TEST_CODE})` }, to: { path: '^(apps|libs)/', pathNot: [ENTRY_NAME, entries, TYPES_ONLY, TEST_CODE], reachable: false } },
  ];
}

/** Doors of packages: index.ts and what else their package.json exports. */
function entryFiles() {
  return Object.keys(PACKAGES).flatMap((folder) => {
    const { exports = {} } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
    return Object.values(exports).map((entry) => entry['@millrace/source']).filter((entry) => entry?.endsWith('.ts')).map((entry) => posix.join(folder, entry));
  });
}

function importsOf({ path, ast }, paths) {
  const values = new Set();
  const types = new Set();
  walk(ast, (node, parent) => {
    const specifier = node.type === 'TSImportType' ? (node.argument?.literal ?? node.argument ?? node.source) : node.source;
    if (IMPORTING.test(node.type) && typeof specifier?.value === 'string') {
      const onlyTypes = node.type === 'TSImportType' || node.importKind === 'type' || node.exportKind === 'type';
      (onlyTypes ? types : values).add(specifier.value);
    }
    // A file started by its path (`fork(join(import.meta.dirname, 'runner.js'))`, `new URL('./runner.js', …)`) is used as well.
    if (node.type === 'Literal' && !IMPORTING.test(parent?.type ?? '') && typeof node.value === 'string' && /^[\w./-]+\.js$/.test(node.value)) {
      const file = posix.join(posix.dirname(path), node.value).replace(/\.js$/, '.ts');
      if (paths.has(file)) values.add(`./${posix.relative(posix.dirname(path), mirrored(file))}`);
    }
  });
  return { values, types };
}

/** `@millrace/x` -> the door of x in the mirror; a path that is no door stays, and is then unresolved. */
function rewrite(from, specifier) {
  const [scope, name, ...rest] = specifier.split('/');
  const folder = folderOf[`${scope}/${name}`];
  // Data and styles are no modules; `?url` asks Vite for the address of a file.
  if (folder === undefined) return /\.(json|css)$/.test(specifier) ? 'node:module' : specifier.replace(/\?url$/, '');
  const { exports = {} } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
  const entry = exports[rest.length === 0 ? '.' : `./${rest.join('/')}`]?.['@millrace/source'];
  if (entry === undefined) return `./not-a-door-of-the-package/${specifier}`;
  const relative = posix.relative(posix.dirname(from), mirrored(posix.join(folder, entry)));
  return relative.startsWith('.') ? relative : `./${relative}`;
}

function mirrored(path) {
  return path.replace(/\.tsx?$/, '.js');
}

function original(path) {
  if (!/^(apps|libs|test|examples)\//.test(path)) return path.replace(/^.*node_modules\//, '');
  const file = path.replace(/(\.types)?\.js$/, '.ts');
  return existsSync(join(root, `${file}x`)) ? `${file}x` : file;
}

function escape(text) {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
}
