import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Constellation } from '../harness/constellation.js';
import { eventually } from '../harness/eventually.js';
import { REPOSITORY_ROOT } from '../harness/repository-root.js';

const CLI = join(REPOSITORY_ROOT, 'apps/cli/bin/millrace.js');
/** As the harness sets it. */
const PASSWORD = 'constellation-admin-password';

/** Dags from everywhere but code in a folder: YAML, documents sent to the api, a repository, a deployment; each runs to its end. */
describe('sources of dags', () => {
  let home: string;
  let repository: string;
  let constellation: Constellation;

  beforeAll(async () => {
    home = mkdtempSync(join(tmpdir(), 'millrace-sources-'));
    repository = join(home, 'repository');
    put('repository/flows/from_git.dag.yaml', `dag: from_git\nresultTask: a\ntasks: [{ id: a, operator: bash, options: { bashCommand: echo one } }]\n`);
    git('init', '--quiet', '--initial-branch', 'main');
    commit();
    constellation = await Constellation.start({
      label: 'sources', schedulers: 1, workers: [{ queues: ['default'], concurrency: 4 }], dags: [join(REPOSITORY_ROOT, 'examples/dags/example_yaml.dag.yaml')],
      settings: { 'dag_processor.git': `team=file://${repository}#main:flows`, 'dag_processor.git_interval_ms': 500, 'dag_processor.git_folder': join(home, 'checked-out') },
    });
  }, 180_000);
  afterAll(async () => {
    if (constellation !== undefined) expect(await constellation.stop()).toEqual([]);
    rmSync(home, { recursive: true, force: true });
  }, 120_000);

  const put = (path: string, text: string): void => {
    mkdirSync(dirname(join(home, path)), { recursive: true });
    writeFileSync(join(home, path), text);
  };
  const git = (...args: string[]): string => execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@b.c', ...args], { cwd: repository, encoding: 'utf8', env: { PATH: process.env['PATH'], HOME: home, GIT_CONFIG_NOSYSTEM: '1' } }).trim();
  const commit = (): string => {
    git('add', '--all');
    git('commit', '--quiet', '--message', 'one');
    return git('rev-parse', 'HEAD');
  };

  /** The result of a run, once it has ended well. */
  const resultOf = async (dagId: string, runId: string, taskId: string): Promise<unknown> => {
    expect(await constellation.client.trigger(dagId, runId)).toBe('done');
    const state = await eventually(`${dagId}/${runId} to end`, async () => {
      const run = await constellation.client.run(dagId, runId);
      return run.state === 'success' || run.state === 'failed' ? run.state : null;
    });
    const said = state === 'success' ? '' : (await constellation.client.instances(dagId, runId)).map((one) => `${one.task_id} ${one.state}`).join(', ');
    expect(`${state} ${said}`).toBe('success ');
    return (await constellation.client.must('GET', `/api/v2/dags/${dagId}/dagRuns/${runId}/taskInstances/${taskId}/xcomEntries/return_value?deserialize=true`))['value'];
  };
  const versionOf = async (dagId: string): Promise<string | null> => {
    const { rows } = await constellation.database.query<{ bundle_version: string | null }>('select v.bundle_version from dag d join dag_version v on v.id = d.current_version_id where d.dag_id = $1 and not d.is_stale', [dagId]);
    return rows[0]?.bundle_version ?? null;
  };
  const cli = (...args: string[]): Promise<{ readonly code: number; readonly out: string; readonly err: string }> => new Promise((resolve) => {
    const env = { PATH: process.env['PATH'], MILLRACE_HOME: join(home, 'cli'), MILLRACE_API_URL: constellation.client.baseUrl, MILLRACE_USERNAME: 'admin', MILLRACE_PASSWORD: PASSWORD };
    execFile(process.execPath, [CLI, ...args], { env, timeout: 120_000 }, (error, out, err) => resolve({ code: error === null ? 0 : Number(error.code ?? -1), out, err }));
  });

  it('a YAML file in the folder: mapping, a branch, a group', async () => {
    await eventually('the example to be published', async () => (await constellation.database.query(`select 1 from dag where dag_id = 'example_yaml' and current_version_id is not null`)).rows.length > 0);
    expect(await resultOf('example_yaml', 'one', 'report.sum')).toBe(14);
    const states = Object.fromEntries((await constellation.client.instances('example_yaml', 'one')).filter((one) => one.map_index < 0).map((one) => [one.task_id, one.state]));
    expect(states).toMatchObject({ few: 'success', many: 'skipped', 'report.sum': 'success' });
  }, 180_000);

  it('a document sent to the api', async () => {
    put('sent.dag.yaml', `dag: sent\ntasks: [{ id: a, operator: bash, options: { bashCommand: "echo {{ params.word }}" } }]\nparams: { word: hello }\n`);
    expect(await cli('dags', 'documents', 'put', join(home, 'sent.dag.yaml'))).toMatchObject({ code: 0, out: expect.stringContaining('active') as string });
    expect(await resultOf('sent', 'one', 'a')).toBe('hello');
    put('sent.dag.yaml', `dag: sent\ntasks: [{ id: a, operator: bahs }]\n`);
    expect(await cli('dags', 'documents', 'validate', join(home, 'sent.dag.yaml'))).toMatchObject({ code: 1, err: expect.stringContaining('2:28: tasks[0].operator: "bahs" is no built-in operator; did you mean "bash"') as string });
  }, 180_000);

  it('a repository, whose commits are the versions', async () => {
    const first = git('rev-parse', 'HEAD');
    await eventually('the first commit to be published', async () => (await versionOf('from_git')) === first);
    put('repository/flows/from_git.dag.yaml', `dag: from_git\ntasks: [{ id: a, operator: bash, options: { bashCommand: echo two } }]\n`);
    const second = commit();
    await eventually('the second commit to be published', async () => (await versionOf('from_git')) === second);
    expect(await resultOf('from_git', 'two', 'a')).toBe('two');
  }, 180_000);

  it('a deployment from the command line, and back', async () => {
    put('project/plugins/plus.ts', `import { Operator } from '@millrace/sdk';\nexport class PlusOperator extends Operator<number> {\n  readonly a: number;\n  constructor(id: string, options: { a: number }) {\n    super(id, options);\n    this.a = options.a;\n  }\n  override execute(): number {\n    return this.a + 1;\n  }\n}\n`);
    const plus = (a: number): void => put('project/dags/plus.dag.yaml', `dag: deployed_plus\ntasks: [{ id: a, operator: PlusOperator, from: plugins/plus.js, options: { a: ${a} } }]\n`);
    plus(1);
    const folder = join(home, 'project/dags');
    expect(await cli('dags', 'deploy', folder, '--note', 'first')).toMatchObject({ code: 0, out: expect.stringContaining('project revision 1 is active: 1 dags added') as string });
    expect(await resultOf('deployed_plus', 'one', 'a')).toBe(2);
    plus(2);
    expect(await cli('dags', 'deploy', folder)).toMatchObject({ code: 0, out: expect.stringContaining('~ deployed_plus') as string });
    expect(await resultOf('deployed_plus', 'two', 'a')).toBe(3);
    put('project/dags/bad.dag.yaml', 'dag: bad\ntasks: []\n');
    expect(await cli('dags', 'deploy', folder)).toMatchObject({ code: 1, err: expect.stringContaining('nothing was changed') as string });
    expect(await cli('dags', 'rollback', 'project')).toMatchObject({ code: 0, out: expect.stringContaining('project revision 1 is active') as string });
    expect(await resultOf('deployed_plus', 'three', 'a')).toBe(2);
    expect((await cli('dags', 'deployments', 'project')).out).toMatch(/1 +\| active[^]*first/);
  }, 240_000);
});
