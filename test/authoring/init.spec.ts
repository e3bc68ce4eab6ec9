import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '..', '..');
const MODULES = join(ROOT, 'node_modules');
const PATIENCE_MS = 240_000;

function run(command: string, args: readonly string[], cwd: string): { readonly status: number | null; readonly text: string } {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8', timeout: PATIENCE_MS, env: { ...process.env, MILLRACE_SKIP_BUILD: '1', NODE_OPTIONS: '', VITEST: '', NODE_ENV: '' } });
  return { status, text: `${stdout}${stderr}${error?.message ?? ''}` };
}
const millrace = (args: readonly string[], cwd: string) => run(process.execPath, [join(ROOT, 'apps', 'cli', 'bin', 'millrace.js'), ...args], cwd);
const tsc = (cwd: string) => run(process.execPath, [join(MODULES, 'typescript', 'bin', 'tsc'), '-p', cwd], cwd);

let scratch: string;
beforeAll(() => {
  scratch = realpathSync(mkdtempSync(join(tmpdir(), 'millrace-init-')));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** What `npm install` would bring of the registry. */
function bring(project: string, names: readonly string[]): void {
  mkdirSync(join(project, 'node_modules', '@types'), { recursive: true });
  for (const name of names) symlinkSync(join(MODULES, name), join(project, 'node_modules', name));
}

describe('millrace init', () => {
  it('makes a project whose types check, whose tests pass, and whose dag runs', () => {
    const made = millrace(['init', 'my-project'], scratch);
    expect(made, made.text).toMatchObject({ status: 0 });
    const project = join(scratch, 'my-project');
    bring(project, ['vitest', 'typescript', '@types/node']);
    expect(tsc(project)).toEqual({ status: 0, text: '' });
    const tested = run(process.execPath, [join(MODULES, 'vitest', 'vitest.mjs'), 'run', '--root', project], project);
    expect(tested.text).toMatch(/3 passed/);
    expect(tested.status).toBe(0);
    const ran = millrace(['dags', 'test', 'order_totals', '--dags', 'dags', '--conf', '{"orders":4}'], project);
    expect(ran.text).toContain('to pay: 105 (rounded 110)');
    expect(ran.status).toBe(0);
    // Wrong wiring does not compile.
    const file = join(project, 'dags', 'order_totals.ts');
    writeFileSync(file, readFileSync(file, 'utf8').replace('total(extract())', "total('three orders')"));
    expect(tsc(project).text).toMatch(/order_totals\.ts\(\d+,\d+\): error TS2345/);
    expect(millrace(['init', 'my-project'], scratch)).toMatchObject({ status: 5, text: expect.stringContaining('is not empty') });
    rmSync(join(project, '.millrace', 'sdk', 'index.js'));
    expect(millrace(['init', '--update', 'my-project'], scratch)).toMatchObject({ status: 0 });
    expect(existsSync(join(project, '.millrace', 'sdk', 'index.js'))).toBe(true);
    // Nothing in it knows where it was made.
    expect(run('grep', ['-rl', ROOT, '.', '--exclude-dir=node_modules'], project).text).toBe('');
  }, 2 * PATIENCE_MS);
});

describe('the SDK as a package', () => {
  it('is packed, installed without a network, and checks and tests a dag, with no package of a server', () => {
    expect(millrace(['pack-sdk', 'packages'], scratch)).toMatchObject({ status: 0 });
    const manifest = JSON.parse(readFileSync(join(scratch, 'packages', 'sdk', 'package.json'), 'utf8')) as { dependencies?: object; exports: object };
    expect(manifest.dependencies).toBeUndefined();
    expect(Object.keys(manifest.exports)).toEqual(['.', './testing']);
    for (const name of ['sdk', 'operators']) {
      const packed = run('npm', ['pack', '--offline', `./packages/${name}`], scratch);
      expect(packed, packed.text).toMatchObject({ status: 0 });
    }
    const user = join(scratch, 'user');
    mkdirSync(user);
    writeFileSync(join(user, 'package.json'), '{"type":"module","private":true}');
    const tarballs = readdirSync(scratch).filter((name) => name.endsWith('.tgz')).map((name) => join(scratch, name));
    expect(tarballs).toHaveLength(2);
    const installed = run('npm', ['install', '--offline', '--no-audit', '--no-fund', ...tarballs], user);
    expect(installed, installed.text).toMatchObject({ status: 0 });
    expect(readdirSync(join(user, 'node_modules')).filter((name) => !name.startsWith('.'))).toEqual(['@millrace']);
    writeFileSync(join(user, 'dag.ts'), `
import { BashOperator } from '@millrace/operators';
import { Dag, cron, dag, task } from '@millrace/sdk';
import type { TaskOutput } from '@millrace/sdk';
const rows = task('rows', async () => [{ at: new Date(), n: 1 }]);
const sum = task('sum', (all: readonly { readonly at: string; readonly n: number }[]) => all.length);
export default dag('packed', { schedule: cron('0 6 * * *') }, () => {
  const out: TaskOutput<number> = sum(rows());
  out.to(new BashOperator('tell', { bashCommand: 'echo {{ ds }}' }));
});
export const other = new Dag('classic', { params: { n: 1 } });
other.task('read', (_, { params }) => params.n.toFixed(1))();
`);
    writeFileSync(join(user, 'run.mjs'), `
import test from 'node:test';
import assert from 'node:assert/strict';
import { dag, task } from '@millrace/sdk';
import { EmptyOperator } from '@millrace/operators';
import { runDag } from '@millrace/sdk/testing';
const own = dag('own', { params: { name: 'world' } }, () => { task('hello', (_, { params }) => 'hello ' + params.name)().to(new EmptyOperator('done')); });
test('runs in node:test', async () => {
  const run = await runDag(own, { conf: { name: 'Ada' } });
  assert.deepEqual(run.states, { hello: 'success', done: 'success' });
  assert.equal(run.xcom('hello'), 'hello Ada');
});
`);
    writeFileSync(join(user, 'tsconfig.json'), JSON.stringify({ compilerOptions: { target: 'es2023', module: 'nodenext', strict: true, noEmit: true, skipLibCheck: false, types: ['node'] }, include: ['dag.ts'] }));
    bring(user, ['@types/node']);
    expect(tsc(user)).toEqual({ status: 0, text: '' });
    const tested = run(process.execPath, ['--test', 'run.mjs'], user);
    expect(tested.text).toMatch(/pass 1/);
    expect(tested.status).toBe(0);
  }, 2 * PATIENCE_MS);
});
