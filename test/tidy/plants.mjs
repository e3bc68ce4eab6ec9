// Planted violations: a check that catches nothing looks the same as a clean repository. The plants exist only in memory or in temporary
// folders, so that verify can run while people work in the checkout.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { differences } from './generated-code.mjs';
import { PACKAGES } from './layers.mjs';
import { root, source } from './sources.mjs';

const DONE_LATER = 'TO' + 'DO';

/** Files that must each be caught by the rule named. */
const PLANTED_FILES = [
  { rule: 'no-cycle', path: 'libs/engine/src/__planted-cycle-a.ts', text: "import { b } from './__planted-cycle-b.js';\nexport const a = (): number => b();\n" },
  // The other half: a cycle is told once.
  { rule: null, path: 'libs/engine/src/__planted-cycle-b.ts', text: "import { a } from './__planted-cycle-a.js';\nexport const b = (): number => a();\n" },
  { rule: 'may-import:vocabulary', path: 'libs/vocabulary/src/__planted-layer.ts', text: "import { compileTimetable } from '@millrace/engine';\nexport const x = compileTimetable;\n" },
  { rule: 'may-import:worker', path: 'apps/worker/src/__planted-password.ts', text: "import type { Anything } from '@millrace/persistence';\nexport type X = Anything;\n" },
  { rule: 'may-import:api', path: 'apps/api/src/__planted-app.ts', text: "import { createWorker } from '../../worker/src/index.js';\nexport const x = createWorker;\n" },
  { rule: 'no-node-in-pure', path: 'libs/engine/src/__planted-node.ts', text: "import { readFileSync } from 'node:fs';\nexport const x = readFileSync;\n" },
  { rule: 'npm-in-pure:engine', path: 'libs/engine/src/__planted-npm.ts', text: "import { z } from 'zod';\nexport const x = z;\n" },
  { rule: 'npm-kept:pg', path: 'libs/execution/src/__planted-pg.ts', text: "import pg from 'pg';\nexport const x = pg;\n" },
  { rule: 'npm-kept:@nestjs', path: 'libs/scheduling/src/__planted-nest.ts', text: "import { Module } from '@nestjs/common';\nexport const x = Module;\n" },
  { rule: 'no-deep-import', path: 'libs/scheduling/src/__planted-deep.ts', text: "import { compileTimetable } from '../../engine/src/timetables/compile-timetable.js';\nexport const x = compileTimetable;\n" },
  { rule: 'unresolved', path: 'libs/scheduling/src/__planted-deep-name.ts', text: "import { compileTimetable } from '@millrace/engine/src/timetables/compile-timetable.js';\nexport const x = compileTimetable;\n" },
  { rule: 'no-test-kit-in-production', path: 'libs/messaging/src/__planted-kit.ts', text: "import { freePort } from '@millrace/test-services';\nexport const x = freePort;\n" },
  { rule: 'dead-file', path: 'libs/engine/src/__planted-dead.ts', text: 'export const nobody = 1;\n' },
  { rule: 'engine-is-pure', path: 'libs/engine/src/__planted-clock.ts', text: 'export const now = (): number => Date.now();\n' },
  { rule: 'sql-in-persistence', path: 'apps/api/src/__planted-sql.ts', text: 'export const all = (name: string): string => `SELECT * FROM dag_run WHERE dag_id = ${name}`;\n' },
  { rule: 'no-leftover', path: 'libs/sdk/src/__planted-leftover.ts', text: `// ${DONE_LATER}: the rest\nexport const x = 1;\n` },
  { rule: 'no-sleep-in-specs', path: 'libs/sdk/src/__planted-sleep.spec.ts', text: 'await new Promise((resolve) => setTimeout(resolve, 100));\n' },
];

export function plantedSources() {
  return PLANTED_FILES.map(({ path, text }) => source(path, text));
}

export function isPlanted(path) {
  return path.includes('/__planted');
}

/** Names of plants nothing caught, and how many there were. `violations` as { rule, file }. */
export function uncaught(violations) {
  const expected = PLANTED_FILES.filter(({ rule }) => rule !== null);
  const missed = expected.filter(({ rule, path }) => !violations.some((one) => one.rule === rule && one.file === path)).map(({ rule, path }) => `${rule} (${path})`);
  const tools = [['type check', typeErrorIsCaught], ['oxlint', lintErrorIsCaught], ['workspace files', staleManifestIsCaught], ['generated code', staleGeneratedCodeIsCaught], ['released gRPC', brokenGrpcIsCaught]];
  return { missed: [...missed, ...tools.filter(([, isCaught]) => !isCaught()).map(([name]) => name)], count: expected.length + tools.length };
}

function typeErrorIsCaught() {
  return inFolder((folder) => {
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
    writeFileSync(join(folder, 'planted.ts'), "export const count: number = 'one';\n");
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ extends: join(root, 'tsconfig.base.json'), compilerOptions: { noEmit: true, composite: false, incremental: false }, include: ['planted.ts'] }));
    const { status, stdout } = node(['node_modules/typescript/bin/tsc', '-p', folder]);
    return status !== 0 && stdout.includes('TS2322');
  });
}

function lintErrorIsCaught() {
  return inFolder((folder) => {
    writeFileSync(join(folder, 'planted.ts'), 'export const same = (a: any, b: number): boolean => { debugger; return a == b; };\n');
    const { status, stdout } = node(['node_modules/oxlint/bin/oxlint', '-c', join(root, '.oxlintrc.json'), '--deny-warnings', folder]);
    return status !== 0 && ['no-debugger', 'eqeqeq', 'no-explicit-any'].every((rule) => stdout.includes(rule));
  });
}

function staleManifestIsCaught() {
  return inFolder((folder) => {
    for (const file of ['test/tidy/sync-workspace.mjs', 'test/tidy/layers.mjs', 'tsconfig.json', ...Object.keys(PACKAGES).flatMap((one) => [`${one}/package.json`, `${one}/tsconfig.json`])]) {
      mkdirSync(dirname(join(folder, file)), { recursive: true });
      cpSync(join(root, file), join(folder, file));
    }
    const manifest = join(folder, 'libs/engine/package.json');
    writeFileSync(manifest, readFileSync(manifest, 'utf8').replace('"@millrace/vocabulary"', '"@millrace/persistence"'));
    const { status, stderr } = node([join(folder, 'test/tidy/sync-workspace.mjs'), '--check']);
    return status === 1 && stderr.includes('libs/engine/package.json');
  });
}

function staleGeneratedCodeIsCaught() {
  return inFolder((folder) => {
    const generated = join(root, 'libs/contracts/src/generated');
    cpSync(generated, folder, { recursive: true });
    writeFileSync(join(folder, 'planted.ts'), 'export {};\n');
    return differences(generated, folder).length === 1 && differences(generated, generated).length === 0;
  });
}

function brokenGrpcIsCaught() {
  return inFolder((folder) => {
    for (const part of ['buf.yaml', 'proto', 'released']) cpSync(join(root, 'libs/contracts', part), join(folder, part), { recursive: true });
    const file = join(folder, 'proto/millrace/v1/workflows.proto');
    writeFileSync(file, readFileSync(file, 'utf8').replace('string dag_id = 1;', 'string dag = 1;'));
    const { status, stdout } = spawnSync(process.execPath, [join(root, 'node_modules/@bufbuild/buf/bin/buf'), 'breaking', '--against', 'released/millrace-v1.binpb'], { cwd: folder, encoding: 'utf8' });
    return status !== 0 && stdout.includes('dag_id');
  });
}

function inFolder(work) {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-planted-'));
  try {
    return work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function node(args) {
  return spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
}
