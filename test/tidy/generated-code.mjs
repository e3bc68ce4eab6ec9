// The generated gRPC code is committed, so that a clean clone needs no generator; it must be what the .proto files say. What programs were
// given (`libs/contracts/released`, written anew at a release) must still work.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { root } from './sources.mjs';

/** Complaints; none when current. */
export function generatedCodeProblems() {
  const contracts = join(root, 'libs/contracts');
  const lint = buf(['lint'], contracts);
  if (lint.status !== 0) return [`buf lint: ${lint.stdout}${lint.stderr}`.trim()];
  const broken = buf(['breaking', '--against', 'released/millrace-v1.binpb'], contracts);
  if (broken.status !== 0) return [`programs written for the released millrace.v1 would break: ${broken.stdout}${broken.stderr}`.trim()];
  const fresh = mkdtempSync(join(tmpdir(), 'millrace-proto-'));
  try {
    const generate = buf(['generate', '--output', fresh], contracts);
    if (generate.status !== 0) return [`buf generate: ${generate.stdout}${generate.stderr}`.trim()];
    return differences(join(contracts, 'src/generated'), join(fresh, 'src/generated')).map((file) => `libs/contracts/src/generated/${file} is not what the .proto files generate: run npm run generate and commit it`);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

/** Files that are in one folder only or differ. */
export function differences(one, other) {
  const [here, there] = [filesBelow(one), filesBelow(other)];
  return [...new Set([...here.keys(), ...there.keys()])].filter((file) => here.get(file) !== there.get(file)).sort();
}

function filesBelow(folder) {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath ?? entry.path, entry.name));
  return new Map(files.map((file) => [relative(folder, file), readFileSync(file, 'utf8')]));
}

function buf(args, cwd) {
  return spawnSync(process.execPath, [join(root, 'node_modules/@bufbuild/buf/bin/buf'), ...args], { cwd, encoding: 'utf8', timeout: 60_000 });
}
