import { dagDocumentSchema } from '@millrace/contracts';
import type { DagDocumentInput } from '@millrace/contracts';
import { compilePlan, createRun, decide } from '@millrace/engine';
import type { PlanSource, RunEvent } from '@millrace/engine';
import { AttemptReads, EVERY_DAG, InstancesReader } from '@millrace/persistence';
import { waitFor } from '@millrace/test-services';
import { mapIndexOf } from '@millrace/vocabulary';
import type { RunId } from '@millrace/vocabulary';
import { describe, expect, it } from 'vitest';
import { SchedulerRig } from '../testing/scheduler-rig.js';
import type { Behaviour } from '../testing/scheduler-rig.js';

const over = (taskId: string): object => ({ kind: 'args', args: [{ name: 'x', over: { from: 'task', taskId } }] });
const task = (taskId: string, upstream: string[] = [], more: object = {}): object => ({ taskId, operator: 'TestOperator', upstream, ...more });
const value = (json: unknown): { xcoms: { key: string; json: string }[] } => ({ xcoms: [{ key: 'return_value', json: JSON.stringify(json) }] });

/** A list, a mapped group with a mapped group inside, a loop, and a sum. */
const DOCUMENT = {
  format: 1, dagId: 'mapped', maxActiveTasks: 100,
  groups: [
    { groupId: 'outer', expand: over('list') },
    { groupId: 'inner', parent: 'outer', expand: over('files') },
    { groupId: 'poll', loop: { max: 5, condition: 'again' } },
  ],
  tasks: [
    task('list'), task('files', ['list'], { group: 'outer' }), task('read', ['files'], { group: 'inner' }), task('join', ['read'], { group: 'outer' }),
    task('look', ['join'], { group: 'poll' }), task('again', ['look'], { group: 'poll' }), task('sum', ['join', 'look']),
  ],
} as unknown as DagDocumentInput;

/** Two folders, of one and of two files; the loop goes round three times. */
const behaviour = (folders = 2): Behaviour => ({ taskId, indexPath }) => {
  if (taskId === 'list') return value(Array.from({ length: folders }, (_, i) => i));
  if (taskId === 'files') return value(indexPath[0] === 0 ? ['a'] : ['b', 'c']);
  if (taskId === 'again') return { ...value(true), loop: (indexPath[0] ?? 0) < 2 ? 'again' : 'stop' };
  return value(`${taskId} ${indexPath.join('.')}`);
};

describe('mapping', () => {
  for (const [title, options] of [['with doorbell and continuation', {}], ['with the doorbell cut', { doorbell: false }], ['under two schedulers', { schedulers: 2 }]] as const) {
    it(`gives every index its instance, stores the lengths, and can be replayed, ${title}`, async () => {
      await using rig = await SchedulerRig.open(options);
      await rig.publish(DOCUMENT);
      for (const core of rig.cores) await rig.addWorker(behaviour(), { core });
      const id = await rig.trigger('mapped');
      expect(await rig.ended(id)).toBe('success');
      expect(await shown(rig, id)).toEqual([
        'again[0] success', 'again[1] success', 'again[2] success', 'files[0] success', 'files[1] success', 'join[0] success', 'join[1] success', 'list[] success',
        'look[0] success', 'look[1] success', 'look[2] success', 'read[0,0] success', 'read[1,0] success', 'read[1,1] success', 'sum[] success',
      ]);
      expect(await rig.sql(`select task_id, index_path, map_lengths from task_instance where map_lengths is not null order by 1, 2`)).toEqual([
        { task_id: 'files', index_path: [0], map_lengths: { return_value: 1 } },
        { task_id: 'files', index_path: [1], map_lengths: { return_value: 2 } },
        { task_id: 'list', index_path: [], map_lengths: { return_value: 2 } },
      ]);
      expect(await rig.sql(`select task_id, index_path, expanded_to from task_instance where expanded_to is not null and task_id in ('read', 'look') order by 1, 2`)).toEqual([
        { task_id: 'look', index_path: [], expanded_to: 3 },
        { task_id: 'read', index_path: [], expanded_to: 2 },
        { task_id: 'read', index_path: [0], expanded_to: 1 },
        { task_id: 'read', index_path: [1], expanded_to: 2 },
      ]);
      await replays(rig, id);
    });
  }

  it('removes what a shorter list does not have any more, from what is stored', async () => {
    await using rig = await SchedulerRig.open();
    await rig.publish(DOCUMENT);
    let folders = 2;
    await rig.addWorker((grant) => behaviour(folders)(grant));
    const id = await rig.trigger('mapped');
    expect(await rig.ended(id)).toBe('success');
    folders = 1;
    const [list] = await rig.sql<{ id: string }>(`select id from task_instance where dag_run_id = $1 and task_id = 'list'`, [id]);
    await rig.commands.clearInstances([list!.id as never], 'somebody');
    await waitFor(async () => (await rig.sql(`select 1 from task_instance where id = $1 and try_number = 2 and state = 'success'`, [list!.id])).length === 1, { timeoutMs: 20_000, what: 'the list to be made again' });
    expect(await rig.ended(id)).toBe('success');
    expect((await shown(rig, id)).filter((one) => one.includes('removed'))).toEqual(['files[1] removed', 'join[1] removed', 'read[1] removed', 'read[1,0] removed', 'read[1,1] removed']);
    await replays(rig, id);
  });

  it('runs a lost instance again, and only that one', async () => {
    await using rig = await SchedulerRig.open();
    await rig.publish({ ...DOCUMENT, tasks: (DOCUMENT.tasks ?? []).map((one) => ({ ...one, onLost: 'retry' })) } as DagDocumentInput);
    let silent = 0;
    const worker = await rig.addWorker((grant) => (grant.taskId === 'read' && grant.indexPath.join() === '1,0' && grant.tryNumber === 1 ? (silent++, null) : behaviour()(grant)));
    const id = await rig.trigger('mapped');
    await waitFor(async () => silent === 1 && (await rig.sql(`select 1 from task_instance where dag_run_id = $1 and task_id = 'read' and state = 'success'`, [id])).length === 2, { timeoutMs: 20_000, what: 'one instance to be silent, the others done' });
    await worker.expire();
    await rig.addWorker(behaviour());
    expect(await rig.ended(id)).toBe('success');
    expect(await rig.sql(`select index_path, try_number from task_instance where dag_run_id = $1 and task_id = 'read' and try_number <> 1 and expanded_to is null`, [id])).toEqual([{ index_path: [1, 0], try_number: 2 }]);
  });

  it('fails and says so, when there is no list', async () => {
    await using rig = await SchedulerRig.open();
    await rig.publish({ format: 1, dagId: 'odd', tasks: [task('list'), task('each', ['list'], { expand: over('list') })] } as unknown as DagDocumentInput);
    await rig.addWorker(() => value('text'));
    const id = await rig.trigger('odd');
    expect(await rig.ended(id)).toBe('failed');
    expect(await rig.sql(`select state, reason from task_instance where dag_run_id = $1 and task_id = 'each'`, [id])).toEqual([{ state: 'failed', reason: 'cannot map over XCom "return_value" of "list": it is neither a list nor an object' }]);
  });
});

describe('pages of XComs', () => {
  it('are of the values under a path, or of the elements of one value', async () => {
    await using rig = await SchedulerRig.open();
    await rig.publish(DOCUMENT);
    await rig.addWorker(behaviour());
    const id = await rig.trigger('mapped');
    expect(await rig.ended(id)).toBe('success');
    const [run] = await rig.sql<{ run_id: string }>('select run_id from dag_run where id = $1', [id]);
    const reads = new AttemptReads(rig.migrated.database);
    const page = (taskId: string, path: readonly number[], elements: boolean, offset = 0, limit = 10) => reads.xcomPage({ dagId: 'mapped', runId: run!.run_id, taskId, key: 'return_value', path, elements, offset, limit });
    expect(await page('read', [], false)).toEqual({ total: 3, rows: [{ indexPath: [0, 0], json: '"read 0.0"', total: 3 }, { indexPath: [1, 0], json: '"read 1.0"', total: 3 }, { indexPath: [1, 1], json: '"read 1.1"', total: 3 }] });
    expect(await page('read', [1], false, 1, 1)).toMatchObject({ total: 2, rows: [{ indexPath: [1, 1] }] });
    expect(await page('read', [], false, 7)).toEqual({ total: 3, rows: [] });
    expect(await page('files', [1], true, 1, 1)).toMatchObject({ total: 2, rows: [{ indexPath: [1], json: '"c"' }] });
    expect(await page('files', [1], true)).toMatchObject({ total: 2, rows: [{ json: '"b"' }, { json: '"c"' }] });
    expect(await page('sum', [], true)).toEqual({ total: -1, rows: [] });
    expect(await page('nobody', [], true)).toEqual({ total: 0, rows: [] });
  });
});

describe('one number for an index path', () => {
  it('names every instance, for the api and in a selection', async () => {
    await using rig = await SchedulerRig.open();
    await rig.publish(DOCUMENT);
    await rig.addWorker(behaviour());
    const id = await rig.trigger('mapped');
    expect(await rig.ended(id)).toBe('success');
    const [run] = await rig.sql<{ run_id: string }>('select run_id from dag_run where id = $1', [id]);
    const reader = new InstancesReader(rig.migrated.database.pool, () => '', EVERY_DAG);
    for (const [taskId, path] of [['list', []], ['files', [1]], ['read', [0, 0]], ['read', [1, 0]], ['read', [1, 1]], ['again', [2]]] as const) {
      expect((await reader.find('mapped', run!.run_id, taskId, mapIndexOf(path)))?.index_path, `${taskId} ${path.join('.')}`).toEqual(path);
    }
    const selected = await rig.commands.selectInstances({ dagId: 'mapped', runId: run!.run_id, tasks: [['read', mapIndexOf([1, 1])]] } as never);
    expect(selected.map((one) => one.indexPath)).toEqual([[1, 1]]);
  });
});

/** As people see them: without the stand-ins of what was expanded. */
async function shown(rig: SchedulerRig, id: RunId): Promise<string[]> {
  const rows = await rig.sql<{ task_id: string; index_path: number[]; state: string }>(`select task_id, index_path, state from task_instance where dag_run_id = $1 and coalesce(expanded_to, 0) = 0 order by 1, 2`, [id]);
  return rows.map((row) => `${row.task_id}[${row.index_path.join(',')}] ${row.state}`);
}

/** What each version was decided on gives the stored rows again. */
async function replays(rig: SchedulerRig, id: RunId): Promise<void> {
  const compiled = compilePlan(dagDocumentSchema.parse(DOCUMENT) as PlanSource);
  if (!compiled.ok) throw new Error(compiled.errors[0]?.message);
  const [row] = await rig.sql<{ at: number }>(`select extract(epoch from queued_at)::float8 * 1000 as at from dag_run where id = $1`, [id]);
  const run = createRun(compiled.plan, { id, createdAtMs: row!.at, state: 'queued', paused: false, startedAtMs: null, endedAtMs: null, reason: null, taskSelection: null });
  for (const { events } of await rig.sql<{ events: { now: number; window?: number; events: RunEvent[] } }>('select events from run_decision where dag_run_id = $1 order by version', [id])) {
    decide(run, events.events, events.now, events.window === undefined ? undefined : { window: events.window, isDefaultPoolCounted: false });
  }
  const stored = await rig.sql<{ id: string; state: string; try_number: number; expanded_to: number | null }>('select id, state, try_number, expanded_to from task_instance where dag_run_id = $1', [id]);
  const again = stored.map((one) => run.instances.get(one.id as never)).map((one) => ({ id: one?.id, state: one?.state, try_number: one?.tryNumber, expanded_to: one?.expandedTo }));
  expect(again).toEqual(stored);
  expect(run.instances.size).toBe(stored.length);
}
