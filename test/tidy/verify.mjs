// `npm run verify`: everything that must hold besides the tests. Each check says what to do; all of them run, and the last lines sum up.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { generatedCodeProblems } from './generated-code.mjs';
import { adviceFor, judgeImports } from './import-graph.mjs';
import { PACKAGES } from './layers.mjs';
import { isPlanted, plantedSources, uncaught } from './plants.mjs';
import { sourceViolations } from './source-rules.mjs';
import { isTypeScript, readSources, root } from './sources.mjs';

const SHOWN_MAX = 40;
const caught = [];

const CHECKS = [
  { name: 'workspace files', todo: 'run node test/tidy/sync-workspace.mjs and commit what it wrote', run: () => tool(['test/tidy/sync-workspace.mjs', '--check']) },
  { name: 'lock file', todo: 'run npm install --package-lock-only and commit package-lock.json; npm ci refuses until then', run: lockProblems },
  { name: 'build and types', todo: 'fix the type errors above', run: () => tool(['node_modules/typescript/bin/tsc', '-b']) },
  { name: 'types of specs', todo: 'fix the type errors above', run: () => tool(['node_modules/typescript/bin/tsc', '-p', 'tsconfig.spec.json']) },
  { name: 'lint', todo: 'npm run lint shows them; -- --fix mends some', run: () => tool(['node_modules/oxlint/bin/oxlint', '--deny-warnings', ...['apps', 'libs', 'test', 'examples'].filter((folder) => existsSync(join(root, folder)))]) },
  { name: 'imports', todo: 'follow the advice beside each', run: importProblems },
  { name: 'source rules', todo: 'follow the advice beside each', run: () => sorted(sourceViolations([...readSources(), ...plantedSources()]).map((one) => ({ ...one, text: `${one.file}:${one.line} ${one.what} [${one.rule}]` }))) },
  { name: 'generated code', todo: 'run npm run generate and commit the result', run: generatedCodeProblems },
  { name: 'nx projects', todo: 'npx nx show projects must list the packages of test/tidy/layers.mjs', run: nxProblems },
  { name: 'planted violations', todo: 'a check lets through what it is there to catch: mend the check, not the plant', run: () => plantsMissed() },
];

const failed = [];
for (const check of CHECKS) {
  const began = Date.now();
  let problems;
  try {
    problems = await check.run();
  } catch (error) {
    problems = [`the check itself failed: ${error.stack}`];
  }
  const seconds = ((Date.now() - began) / 1000).toFixed(1);
  console.log(`${problems.length === 0 ? 'ok    ' : 'FAILED'} ${check.name} (${seconds} s)${check.note ? ` ${check.note}` : ''}`);
  for (const problem of problems.slice(0, SHOWN_MAX)) console.log(`  ${problem.replaceAll('\n', '\n  ')}`);
  if (problems.length > SHOWN_MAX) console.log(`  … and ${problems.length - SHOWN_MAX} more`);
  if (problems.length > 0) failed.push(check);
}
for (const check of failed) console.log(`verify: "${check.name}" failed; what to do: ${check.todo}`);
console.log(failed.length === 0 ? `verify: all ${CHECKS.length} checks passed` : `verify: ${failed.length} of ${CHECKS.length} checks failed`);
process.exit(failed.length === 0 ? 0 : 1);

function tool(args) {
  const { status, stdout, stderr, error } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  return status === 0 ? [] : (stdout + stderr + (error?.message ?? '')).trim().split('\n');
}

async function importProblems() {
  const sources = [...readSources(), ...plantedSources()];
  const { modules, files, violations } = await judgeImports(sources);
  // An import graph that sees nothing passes everything.
  if (modules < files) return [`only ${modules} of ${files} files were judged`];
  const check = CHECKS.find((one) => one.run === importProblems);
  check.note = `${sources.filter(isTypeScript).length - plantedSources().length} files`;
  return sorted(violations.map(({ rule, from, to, cycle }) => ({ rule, file: from, text: `${from} -> ${cycle === undefined ? to : cycle.join(' -> ')} [${rule}] ${adviceFor(rule)}` })));
}

/** Keeps the plants' violations apart, returns the real ones. */
function sorted(violations) {
  caught.push(...violations.filter((one) => isPlanted(one.file)));
  return [...new Set(violations.filter((one) => !isPlanted(one.file)).map((one) => one.text))];
}

function plantsMissed() {
  const { missed, count } = uncaught(caught);
  CHECKS.at(-1).note = `${count - missed.length} of ${count} caught`;
  return missed.map((name) => `not caught: ${name}`);
}

function lockProblems() {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  const problems = [];
  for (const folder of ['', ...Object.keys(PACKAGES)]) {
    const manifest = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
    const locked = packages[folder];
    if (locked === undefined) {
      problems.push(`${folder} is not in package-lock.json`);
      continue;
    }
    for (const kind of ['dependencies', 'devDependencies', 'optionalDependencies']) {
      const [wanted, have] = [manifest[kind] ?? {}, locked[kind] ?? {}];
      const names = [...new Set([...Object.keys(wanted), ...Object.keys(have)])].filter((name) => wanted[name] !== have[name]);
      if (names.length > 0) problems.push(`${folder || 'the root'}: ${kind} differ from package-lock.json: ${names.join(', ')}`);
    }
  }
  return problems;
}

function nxProblems() {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['node_modules/nx/dist/bin/nx.js', 'show', 'projects', '--json'], { cwd: root, encoding: 'utf8', env: { ...process.env, NX_DAEMON: 'false' }, timeout: 120_000 });
  if (status !== 0) return [`nx show projects: ${stdout}${stderr}`.trim()];
  const listed = new Set(JSON.parse(stdout.slice(stdout.indexOf('['))));
  const folders = ['apps', 'libs'].flatMap((group) => readdirSync(join(root, group)).filter((name) => existsSync(join(root, group, name, 'package.json'))).map((name) => `${group}/${name}`));
  return [
    ...Object.keys(PACKAGES).map((folder) => `@millrace/${basename(folder)}`).filter((name) => !listed.has(name)).map((name) => `nx does not list ${name}`),
    ...folders.filter((folder) => PACKAGES[folder] === undefined).map((folder) => `${folder} is not in test/tidy/layers.mjs`),
  ];
}
