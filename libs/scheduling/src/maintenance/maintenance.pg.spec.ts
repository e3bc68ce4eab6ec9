import type { DagDocumentInput } from '@millrace/contracts';
import { Maintenance } from '@millrace/persistence';
import { waitFor } from '@millrace/test-services';
import { describe, expect, it } from 'vitest';
import { SchedulerRig } from '../testing/scheduler-rig.js';
import { WhyDesk } from '../why/why-desk.js';

const task = (taskId: string, upstream: string[] = []): object => ({ taskId, operator: 'TestOperator', upstream });
const chain: DagDocumentInput = { format: 1, dagId: 'd', tasks: [task('a'), task('b', ['a']), task('c', ['b'])] } as DagDocumentInput;
const started = (rig: SchedulerRig): string[] => rig.started.map((grant) => grant.taskId);
const state = (rig: SchedulerRig) => new Maintenance(rig.migrated.database).state();
const heard = (rig: SchedulerRig, held: boolean) => waitFor(() => rig.cores.every((core) => core.maintenance.held === held), { timeoutMs: 20_000, what: `schedulers to ${held ? 'hold' : 'go on'}` });

describe('maintenance', () => {
  it.each([['continuations', true], ['the broker', false]])('lets what runs finish, starts nothing new, and goes on where it was, through %s', async (_, continuation) => {
    await using rig = await SchedulerRig.open({ schedulers: 2, continuation });
    await rig.publish(chain);
    let finish = (): void => {};
    const finished = new Promise<void>((resolve) => (finish = resolve));
    await rig.addWorker(async (grant) => {
      if (grant.taskId === 'a') await finished;
      return {};
    });
    const running = await rig.trigger('d');
    await waitFor(() => rig.started.length === 1, { timeoutMs: 20_000, what: 'a to run' });
    expect(await rig.commands.maintenance.set(true, 'new disks', 'ada')).toBe(true);
    await heard(rig, true);
    const waiting = await rig.trigger('d');
    expect(await state(rig)).toMatchObject({ active: true, reason: 'new disks', byUser: 'ada', running: 1, runsQueued: 1 });
    finish();
    // What ran has ended; its successor is decided, and waits.
    await waitFor(async () => (await rig.states(running))['b'] === 'queued', { timeoutMs: 20_000, what: 'b to be queued' });
    expect(await state(rig)).toMatchObject({ running: 0, queued: 1, runsQueued: 1 });
    // Sweeps pass without anything being handed out: both, because each scheduler has its own.
    for (const core of rig.cores) {
      await core.maintenance.look();
      await core.membership.once();
    }
    expect(started(rig)).toEqual(['a']);
    expect(await rig.runState(waiting)).toBe('queued');
    const why = new WhyDesk(rig.migrated.database);
    expect(await why.ofRun(waiting)).toMatchObject([{ kind: 'maintenance', data: { by: 'ada', reason: 'new disks' } }]);
    const [b] = await rig.sql<{ id: string }>(`select id from task_instance where dag_run_id = $1 and task_id = 'b'`, [running]);
    expect((await why.ofInstance(running, b!.id as never))[0]!.kind).toBe('maintenance');
    expect(await rig.commands.maintenance.set(false, null, 'bob')).toBe(true);
    expect(await rig.ended(running)).toBe('success');
    expect(await rig.ended(waiting)).toBe('success');
    expect(started(rig).sort()).toEqual(['a', 'a', 'b', 'b', 'c', 'c']);
    expect(await rig.sql(`select event, actor, extra::jsonb from audit_log where event like 'maintenance%' order by id`)).toEqual([
      { event: 'maintenance_on', actor: 'ada', extra: { reason: 'new disks' } }, { event: 'maintenance_off', actor: 'bob', extra: {} },
    ]);
  });

  it('is refused by the database itself to a scheduler that has not heard of it, and to a new one that starts meanwhile', async () => {
    await using rig = await SchedulerRig.open({ sweepEveryMs: 3_600_000 });
    await rig.publish(chain);
    await rig.commands.maintenance.set(true, null, 'ada');
    expect(rig.cores[0]!.maintenance.held).toBe(false);
    const id = await rig.trigger('d');
    const later = await rig.addScheduler();
    expect(later.maintenance.held).toBe(true);
    await rig.addWorker(() => ({}));
    await later.membership.once();
    expect([await rig.runState(id), started(rig)]).toEqual(['queued', []]);
  });

  it('makes no scheduled runs, and those its timetable asks for when it is over', async () => {
    await using rig = await SchedulerRig.open();
    await rig.commands.maintenance.set(true, null, 'ada');
    await heard(rig, true);
    await rig.publish({ ...chain, dagId: 's', schedule: { kind: 'continuous' }, maxActiveRuns: 1, startDate: '2026-01-01T00:00:00Z' } as DagDocumentInput);
    await rig.addWorker(() => ({}));
    for (let look = 0; look < 3; look++) await rig.cores[0]!.maintenance.look();
    expect(await rig.sql('select 1 from dag_run')).toEqual([]);
    await rig.commands.maintenance.set(false, null, 'ada');
    await waitFor(async () => (await rig.sql(`select 1 from dag_run where state = 'success'`)).length > 0, { timeoutMs: 20_000, what: 'a scheduled run to end' });
  });

  it('says nothing twice, and takes a new reason without beginning anew', async () => {
    await using rig = await SchedulerRig.open();
    const { maintenance } = rig.commands;
    expect(await maintenance.set(false, null, 'ada')).toBe(false);
    expect(await maintenance.set(true, 'x', 'ada')).toBe(true);
    const { since } = await state(rig);
    expect(await maintenance.set(true, 'x', 'bob')).toBe(false);
    expect(await maintenance.set(true, 'y', 'bob')).toBe(true);
    expect(await state(rig)).toMatchObject({ since, reason: 'y', byUser: 'bob' });
    expect(await rig.sql(`select count(*)::int as n from audit_log where event like 'maintenance%'`)).toEqual([{ n: 2 }]);
  });
});

describe('a drain that somebody asks for', () => {
  it('is told with the heartbeats of the living worker of that name, and written down', async () => {
    await using rig = await SchedulerRig.open();
    const worker = await rig.addWorker(() => ({}));
    expect(await rig.commands.maintenance.drain(worker.name, 'ada')).toMatchObject([{ id: worker.sessionId, workerName: worker.name, state: 'active', drainAskedBy: 'ada' }]);
    expect(await rig.cores[0]!.sessions.beat(worker.sessionId, 4, [], false, 15_000)).toEqual({ state: 'active', drainAskedBy: 'ada' });
    expect(await rig.sql(`select actor, extra::jsonb from audit_log where event = 'drain_worker'`)).toEqual([{ actor: 'ada', extra: { worker: worker.name, sessions: [worker.sessionId] } }]);
    await expect(rig.commands.maintenance.drain('nobody', 'ada')).rejects.toMatchObject({ code: 'not_found' });
    await worker.expire();
    await expect(rig.commands.maintenance.drain(worker.name, 'ada')).rejects.toMatchObject({ code: 'not_found' });
  });
});
