import { randomBytes } from 'node:crypto';
import { derivedUuid, otherRunVerdict } from '@millrace/engine';
import type { OtherRunVerdict, RunEvent } from '@millrace/engine';
import { OtherRunsStore, RunCommandReader, RunReader, currentVersions, fenced, insertRuns } from '@millrace/persistence';
import type { AskingInstance, Database, Fence, OtherRun, Queryable, Transaction } from '@millrace/persistence';
import { MillraceError, uuidV7From } from '@millrace/vocabulary';
import type { InstanceId, RunId } from '@millrace/vocabulary';
import type { ApplyRuns } from '../apply-runs/apply-runs.js';
import type { TriggerDesk } from '../commands/trigger-desk.js';
import { tellRun } from '../outbox/tell-run.js';
import type { AfterOutbox } from '../outbox/outbox-runner.js';
import type { RunCache } from '../run-cache/run-cache.js';
import type { LookInput, TriggerOtherInput, WaitCondition } from './questions.js';

export interface TriggerOtherAnswer {
  readonly outcome: 'made' | 'attached' | 'reset' | 'exists';
  readonly dagId: string;
  readonly runId: string;
  readonly state: string;
  /** Of the wait, to defer with; null: there is none. */
  readonly key: string | null;
}

export interface LookAnswer {
  readonly verdict: OtherRunVerdict;
  readonly key: string | null;
  readonly found: readonly { readonly runId: string; readonly logicalDate: string | null; readonly state: string }[];
  /** Named, and not there: `dag x`, `task y`. */
  readonly unknown: readonly string[];
}

/**
 * What running tasks ask of other runs. Each question is answered only to the current attempt, and asked again (a lost answer, a retry) it does
 * nothing twice: the run a try asks for has an id that follows from instance and try.
 */
export class OtherRuns {
  constructor(
    private readonly database: Database,
    private readonly cache: RunCache,
    private readonly apply: ApplyRuns,
    private readonly triggers: TriggerDesk,
    private readonly started: (dagId: string) => void,
  ) {}

  async trigger(fence: Fence, input: TriggerOtherInput): Promise<TriggerOtherAnswer> {
    const after: AfterOutbox[] = [];
    const made = await this.database.inTransaction(async (tx) => {
      const me = await askingOf(tx, fence);
      const store = new OtherRunsStore(tx);
      const found = (await this.#earlier(store, fence.instanceId, me, input)) ?? (await this.#make(tx, store, fence, me, input, after));
      if (input.wait && found.outcome !== 'exists') {
        await store.wait({
          id: uuidV7From(Date.now(), randomBytes(10)), instanceId: fence.instanceId, attemptId: fence.attemptId, runId: me.runId, watchedRunId: found.run.id, watchedDagId: found.run.dagId,
          watchedLogicalDate: null, conditionJson: JSON.stringify({ dagId: found.run.dagId, runId: found.run.runId, dates: null, taskIds: null, groupId: null, allowed: input.allowed, failed: input.failed, skipped: [] } satisfies WaitCondition),
        });
        if (!found.run.watched && found.outcome !== 'made') after.push(await tellRun(tx, { apply: this.apply }, found.run.id, newId(), { type: 'watched' }));
      }
      return found;
    });
    for (const follow of after) follow();
    if (made.outcome === 'made') this.started(input.dagId);
    const { run } = made;
    const [now] = await new RunReader(this.database).headers([run.id]);
    return { outcome: made.outcome, dagId: run.dagId, runId: run.runId, state: now?.state ?? run.state, key: input.wait && made.outcome !== 'exists' ? waitKey(fence) : null };
  }

  /** First the wait is written down, then it is looked: whoever ends a run later finds the waiter, and what ended before is seen. */
  async look(fence: Fence, input: LookInput): Promise<LookAnswer> {
    const condition: WaitCondition = { dagId: input.dagId, runId: input.runId, dates: input.dates, taskIds: input.taskIds, groupId: input.groupId, allowed: input.allowed, failed: input.failed, skipped: input.skipped };
    const after: AfterOutbox[] = [];
    if (input.watch) {
      await this.database.inTransaction(async (tx) => {
        const me = await askingOf(tx, fence);
        const store = new OtherRunsStore(tx);
        const runs = await runsOf(store, condition);
        const [only] = input.dates ?? [];
        await store.wait({
          id: newId(), instanceId: fence.instanceId, attemptId: fence.attemptId, runId: me.runId, watchedRunId: input.runId === null ? null : (runs[0]?.id ?? null), watchedDagId: input.dagId,
          watchedLogicalDate: input.dates?.length === 1 && only !== undefined ? new Date(only) : null, conditionJson: JSON.stringify(condition),
        });
        for (const run of runs) if (!run.watched) after.push(await tellRun(tx, { apply: this.apply }, run.id, newId(), { type: 'watched' }));
      });
    }
    for (const follow of after) follow();
    const { verdict, runs } = await judgeOthers(this.database, this.cache, condition);
    const unknown = input.checkExistence ? await this.#unknown(condition) : [];
    const settled = verdict !== 'waiting' || unknown.length > 0;
    if (input.watch && settled) await new OtherRunsStore(this.database).forget([fence.instanceId]);
    return {
      verdict, unknown, key: input.watch && !settled ? waitKey(fence) : null,
      found: runs.map((run) => ({ runId: run.runId, logicalDate: run.logicalDate?.toISOString() ?? null, state: run.state })),
    };
  }

  /** A run this instance asked for before, and goes on with: in this try, or in one that ended before it was done with it. */
  async #earlier(store: OtherRunsStore, instanceId: InstanceId, me: AskingInstance, input: TriggerOtherInput): Promise<Found | undefined> {
    const run = await store.lastTriggeredBy(instanceId);
    if (run === undefined || run.dagId !== input.dagId || run.triggeredByTry === null) return undefined;
    if (run.triggeredByTry === me.tryNumber) return { run, outcome: 'attached' };
    if (run.state === 'failed' || (await store.endedWell(instanceId, run.triggeredByTry, me.tryNumber))) return undefined;
    return { run, outcome: 'attached' };
  }

  async #make(tx: Transaction, store: OtherRunsStore, fence: Fence, me: AskingInstance, input: TriggerOtherInput, after: AfterOutbox[]): Promise<Found> {
    const version = (await currentVersions(tx, [input.dagId])).get(input.dagId);
    if (version === undefined) throw new MillraceError('dag_not_found', `there is no dag ${JSON.stringify(input.dagId)} to trigger`);
    if (input.failWhenPaused && (await store.isPaused(input.dagId))) throw new MillraceError('conflict', `dag ${input.dagId} is paused, so the run would not start`);
    await this.cache.loadVersions([version.versionId], new RunReader(tx));
    const planned = this.triggers.runOf(
      { dagId: input.dagId, runId: input.runId ?? undefined, logicalDate: input.logicalDate === null ? null : new Date(input.logicalDate), conf: input.conf, note: input.note, triggeredBy: 'operator', actor: `${me.dagId}.${me.taskId}` },
      version,
    );
    const run = { ...planned, id: derivedUuid(me.runQueuedAtMs, `trigger/${fence.instanceId}/${me.tryNumber}`) as string as RunId };
    if ((await insertRuns(tx, [run], 'trigger_dag_run')).size > 0) {
      await store.markTriggered(run.id, fence.instanceId, me.tryNumber, input.wait);
      return { run: { id: run.id, dagId: run.dagId, runId: run.runId, logicalDate: run.logicalDate, state: 'queued', versionId: run.versionId, watched: input.wait, triggeredBy: fence.instanceId, triggeredByTry: me.tryNumber }, outcome: 'made' };
    }
    // The same question, asked twice at once: the other one was first.
    const meanwhile = await this.#earlier(store, fence.instanceId, me, input);
    if (meanwhile?.run.id === run.id) return meanwhile;
    const existing = await store.named(input.dagId, run.runId, run.logicalDate);
    if (existing === undefined) throw new MillraceError('conflict', `a run of dag ${input.dagId} with this id or logical date was made and removed meanwhile`);
    if (input.skipExisting) return { run: existing, outcome: 'exists' };
    // One's own run of an earlier try, which failed, is run again.
    if (!input.reset && existing.triggeredBy !== fence.instanceId) {
      throw new MillraceError('conflict', `run ${existing.runId} of dag ${input.dagId} exists already${existing.runId === run.runId ? '' : ` for logical date ${run.logicalDate?.toISOString() ?? ''}`}; give another id or date, or one of the options resetDagRun and skipWhenAlreadyExists`);
    }
    await store.markTriggered(existing.id, fence.instanceId, me.tryNumber, false);
    const instanceIds = await new RunCommandReader(tx).instancesOf(existing.id);
    const by = `${me.dagId}.${me.taskId}`;
    const events: RunEvent[] = [{ type: 'run_marked', state: 'queued', by }, { type: 'cleared', instanceIds, by }];
    for (const [index, event] of events.entries()) after.push(await tellRun(tx, { apply: this.apply }, existing.id, uuidV7From(Date.now() + index, randomBytes(10)), event));
    return { run: { ...existing, state: 'queued' }, outcome: 'reset' };
  }

  async #unknown({ dagId, taskIds, groupId }: WaitCondition): Promise<string[]> {
    const version = (await currentVersions(this.database, [dagId])).get(dagId);
    if (version === undefined) return [`dag ${dagId}`];
    await this.cache.loadVersions([version.versionId], new RunReader(this.database));
    const { plan, document } = this.cache.version(version.versionId);
    const tasks = (taskIds ?? []).flatMap((taskId) => (plan.byId.has(taskId) ? [] : [`task ${taskId} of dag ${dagId}`]));
    return groupId === null || document.groups.some((group) => group.groupId === groupId) ? tasks : [...tasks, `task group ${groupId} of dag ${dagId}`];
  }
}

interface Found {
  readonly run: OtherRun;
  readonly outcome: TriggerOtherAnswer['outcome'];
}

/** The correlation key an attempt defers with when it waits for other runs. */
export function waitKey({ attemptId }: Pick<Fence, 'attemptId'>): string {
  return `other-run/${attemptId}`;
}

/** What the runs a condition names say to it, as stored now. */
export async function judgeOthers(on: Queryable, cache: RunCache, condition: WaitCondition): Promise<{ verdict: OtherRunVerdict; runs: readonly OtherRun[] }> {
  const store = new OtherRunsStore(on);
  const runs = await runsOf(store, condition);
  const byDate = new Map(runs.map((run) => [run.logicalDate?.getTime(), run]));
  const expected = condition.dates === null ? [runs[0]] : condition.dates.map((date) => byDate.get(Date.parse(date)));
  const wanted = new Map<RunId, readonly string[]>();
  if (condition.groupId !== null) await cache.loadVersions(runs.map((run) => run.versionId), new RunReader(on));
  for (const run of runs) wanted.set(run.id, [...(condition.taskIds ?? []), ...(condition.groupId === null ? [] : tasksOfGroup(cache, run, condition.groupId))]);
  const isWhole = condition.taskIds === null && condition.groupId === null;
  const states = isWhole || runs.length === 0 ? [] : await store.instanceStates(runs.map((run) => run.id), [...new Set([...wanted.values()].flat())]);
  const facts = expected.map((run) => {
    if (run === undefined) return { runState: null, tasks: null };
    if (isWhole) return { runState: run.state, tasks: null };
    const taskIds = wanted.get(run.id) ?? [];
    // A group that this run's version does not have is as good as a task without an instance.
    const named = taskIds.length === 0 ? [condition.groupId ?? ''] : taskIds;
    return { runState: run.state, tasks: new Map(named.map((taskId) => [taskId, states.filter((row) => row.runId === run.id && row.taskId === taskId).map((row) => row.state)])) };
  });
  return { verdict: otherRunVerdict(facts, condition), runs };
}

async function runsOf(store: OtherRunsStore, { dagId, runId, dates }: WaitCondition): Promise<OtherRun[]> {
  if (runId !== null) return [await store.named(dagId, runId, null)].flatMap((run) => run ?? []);
  return store.ofDates(dagId, (dates ?? []).map((date) => new Date(date)));
}

function tasksOfGroup(cache: RunCache, run: OtherRun, groupId: string): string[] {
  const { document } = cache.version(run.versionId);
  const inside = new Set([groupId]);
  for (let grew = true; grew; ) {
    const before = inside.size;
    for (const group of document.groups) if (group.parent !== null && inside.has(group.parent)) inside.add(group.groupId);
    grew = inside.size > before;
  }
  return document.tasks.flatMap((task) => (task.group !== null && inside.has(task.group) ? [task.taskId] : []));
}

async function askingOf(tx: Transaction, fence: Fence): Promise<AskingInstance> {
  const me = (await fenced(tx, fence)) === undefined ? undefined : await new OtherRunsStore(tx).asking(fence.instanceId);
  if (me === undefined) throw new MillraceError('conflict', 'this attempt is no longer the current one of its task');
  return me;
}

function newId(): string {
  return uuidV7From(Date.now(), randomBytes(10));
}
