import type { DagDocumentInput } from '@millrace/contracts';
import { waitFor } from '@millrace/test-services';
import { describe, expect, it } from 'vitest';
import { Publication } from '../publication/publication.js';
import { SchedulerRig } from '../testing/scheduler-rig.js';
import { QueueTeams } from './queue-teams.js';

const HEAVY_IS_BLUES = new QueueTeams(['heavy=blue']);
const dag = (dagId: string, tasks: object[], more: object = {}): DagDocumentInput => ({ format: 1, dagId, tasks: tasks.map((task) => ({ operator: 'Op', ...task })), ...more }) as DagDocumentInput;

/** Teams blue and green, without sources, and dags of them. */
async function publish(rig: SchedulerRig, team: string | null, document: DagDocumentInput): Promise<void> {
  await rig.sql(`insert into team (name) values ('blue'), ('green') on conflict do nothing`);
  await rig.publish(document);
  await rig.sql('update dag set team = $2 where dag_id = $1', [(document as { dagId: string }).dagId, team]);
}
const reasons = async (rig: SchedulerRig): Promise<Record<string, string | null>> => Object.fromEntries((await rig.sql<{ name: string; reason: string | null }>(`select dag_id || '.' || task_id as name, reason from task_instance order by 1`)).map((row) => [row.name, row.reason]));

it('entries that are not queue=team are refused; a queue may have several teams', () => {
  for (const entry of ['heavy', '=blue', 'heavy=', '']) expect(() => new QueueTeams([entry])).toThrow(/security\.queue_teams: .* must be queue=team/);
  const both = new QueueTeams(['a=b=blue', 'a=b=green']);
  expect(['blue', 'green', 'red', ''].map((team) => both.mayUse('a=b', team))).toEqual([true, true, false, false]);
  expect(both.mayUse('other', '')).toBe(true);
});

describe('a queue that is for a team', () => {
  it('runs what is that team’s and nothing else, also what follows on a worker that has both queues', async () => {
    await using rig = await SchedulerRig.open({ queueTeams: HEAVY_IS_BLUES });
    for (const team of ['blue', 'green', null]) await publish(rig, team, dag(`of_${team ?? 'nobody'}`, [{ taskId: 'first' }, { taskId: 'second', queue: 'heavy', upstream: ['first'], retries: 3, callbacks: ['failure'] }]));
    const worker = await rig.addWorker(() => ({}), { queues: ['default', 'heavy'] });
    expect(await rig.ended(await rig.trigger('of_blue'))).toBe('success');
    for (const dagId of ['of_green', 'of_nobody']) expect(await rig.ended(await rig.trigger(dagId))).toBe('failed');
    expect(rig.started.map((grant) => `${grant.dagId}.${grant.taskId}`).sort()).toEqual(['of_blue.first', 'of_blue.second', 'of_green.first', 'of_nobody.first']);
    expect(await reasons(rig)).toMatchObject({
      'of_green.second': 'queue "heavy" is for dags of team blue (security.queue_teams), and dag "of_green" is of team green. Name another queue in the task, or have heavy=green added',
      'of_nobody.second': expect.stringMatching(/is of no team\. Name another queue in the task, or have the dag given to such a team/) as string,
    });
    // What they are told of is code of theirs too.
    await waitFor(async () => (await rig.sql(`select 1 from callback where state = 'failed' and error like 'queue "heavy" is for dags of team blue%'`)).length === 2, { timeoutMs: 20_000, what: 'both callbacks to be refused' });
    expect(worker.told).toEqual([]);
  });

  it('is told of when a file is published', async () => {
    await using rig = await SchedulerRig.open();
    await rig.sql(`insert into team (name, sources) values ('blue', '{dags:blue}')`);
    const publication = new Publication(rig.migrated.database, rig.broker, { pausedAtCreation: false, queueTeams: HEAVY_IS_BLUES });
    const file = (relativeFileloc: string): Parameters<Publication['publishFile']>[0] => ({
      bundleName: 'dags', relativeFileloc, fileloc: `/dags/${relativeFileloc}`, bundleHash: '', bundle: Buffer.alloc(0), source: '', importError: null, parseDurationMs: 1,
      dagDocuments: [JSON.stringify(dag(relativeFileloc.replaceAll(/\W/g, '_'), [{ taskId: 'a', queue: 'heavy', definedAt: 'x.ts:7' }]))],
    });
    expect((await publication.publishFile(file('blue/x.ts'))).refused).toBe('');
    expect((await publication.publishFile(file('x.ts'))).refused).toMatch(/^x\.ts:7: task "a": queue "heavy" is for dags of team blue .* is of no team/);
    expect(await rig.sql('select relative_fileloc, line from import_error')).toEqual([{ relative_fileloc: 'x.ts', line: 7 }]);
    const together = await publication.publishTogether('dags', null, [file('x.ts')], () => Promise.resolve(null));
    expect(together.problems).toMatchObject([{ where: 'x.ts:7', file: 'x.ts' }]);
  });
});

it('a pool that is a team’s gives slots to that team’s dags; others are refused, also while it is full', async () => {
  await using rig = await SchedulerRig.open();
  await rig.addWorker(() => ({}));
  for (const team of ['blue', 'green', null]) await publish(rig, team, dag(`of_${team ?? 'nobody'}`, [{ taskId: 'a', pool: 'gate', retries: 3 }, { taskId: 'b', pool: 'everybodys' }]));
  await rig.sql(`insert into pool (name, slots, team) values ('gate', 0, 'blue'), ('everybodys', 5, null)`);
  const blue = await rig.trigger('of_blue');
  for (const dagId of ['of_green', 'of_nobody']) {
    const run = await rig.trigger(dagId);
    expect(await rig.ended(run)).toBe('failed');
    expect(await rig.states(run)).toEqual({ a: 'failed', b: 'success' });
  }
  expect((await reasons(rig))['of_green.a']).toMatch(/^pool "gate" belongs to another team than dag "of_green"\. Name a pool of the dag's team or of none/);
  await rig.sql(`update pool set slots = 1 where name = 'gate'`);
  rig.commands.poolsChanged();
  expect(await rig.ended(blue)).toBe('success');
});
