import { randomBytes } from 'node:crypto';
import { lookBack } from '@millrace/engine';
import type { LookBack, Plan } from '@millrace/engine';
import { PastReads, RunReader } from '@millrace/persistence';
import type { OutboxRow, Queryable, Transaction } from '@millrace/persistence';
import { uuidV7From } from '@millrace/vocabulary';
import type { DagVersionId, RunId } from '@millrace/vocabulary';
import type { ApplyRuns } from '../apply-runs/apply-runs.js';
import { tellRun } from '../outbox/tell-run.js';
import type { AfterOutbox, OutboxHandler } from '../outbox/outbox-runner.js';
import type { RunCache } from '../run-cache/run-cache.js';

/** A decision found tasks that only the past keeps from running: look, and tell the run which may go. */
export function pastLookHandler(apply: ApplyRuns, cache: RunCache): OutboxHandler {
  return {
    kind: 'past_look',
    async handle(tx, row) {
      const [run] = await new RunReader(tx).headers([row.runId!]);
      if (run === undefined || run.state !== 'running') return;
      return look(tx, apply, cache, { id: run.id, versionId: run.dagVersionId }, (row.payload as { taskIds: string[] }).taskIds);
    },
  };
}

/** Something that later runs look at ended well: they look again. */
export function pastDoneHandler(apply: ApplyRuns, cache: RunCache): OutboxHandler {
  return {
    kind: 'past_done',
    async handle(tx: Transaction, row: OutboxRow) {
      const reads = new PastReads(tx);
      const after: AfterOutbox[] = [];
      for (const run of await reads.later(row.runId!)) {
        await cache.loadVersions([run.versionId], new RunReader(tx));
        const { plan } = cache.version(run.versionId);
        const taskIds = await reads.undecided(run.id, plan.tasks.flatMap((task) => (task.looksBack ? [task.taskId] : [])));
        const follow = await look(tx, apply, cache, run, taskIds);
        if (follow !== undefined) after.push(follow);
      }
      return () => after.forEach((follow) => follow());
    },
  };
}

async function look(tx: Transaction, apply: ApplyRuns, cache: RunCache, run: { readonly id: RunId; readonly versionId: DagVersionId }, taskIds: readonly string[]): Promise<AfterOutbox | undefined> {
  if (taskIds.length === 0) return undefined;
  const found = await lookAtPast(tx, cache, run, taskIds);
  const open = taskIds.filter((taskId) => found.get(taskId)?.open === true);
  if (open.length === 0) return undefined;
  return tellRun(tx, { apply }, run.id, uuidV7From(Date.now(), randomBytes(10)), { type: 'past', open });
}

/** What the past says to tasks of a run, as stored now. */
export async function lookAtPast(on: Queryable, cache: RunCache, run: { readonly id: RunId; readonly versionId: DagVersionId }, taskIds: readonly string[]): Promise<Map<string, LookBack>> {
  const reader = new RunReader(on);
  const reads = new PastReads(on);
  await cache.loadVersions([run.versionId], reader);
  const { plan, document } = cache.version(run.versionId);
  const tasks = taskIds.flatMap((taskId) => plan.tasks[plan.byId.get(taskId) ?? -1] ?? []);
  const previous = await reads.previous(run.id, document.catchup);
  if (previous === undefined) return new Map(tasks.map((task) => [task.taskId, lookBack(task, { previous: null, anyPrior: false })]));
  const below = (task: Plan['tasks'][number]): string[] => (task.waitForDownstream === true ? task.downstreamTasks.map((position) => plan.tasks[position]!.taskId) : []);
  const wanted = [...new Set(tasks.flatMap((task) => [task.taskId, ...below(task)]))];
  let counts: ReadonlyMap<string, { instances: number; unsuccessful: number }>;
  if (previous.isMade) counts = await reads.counts(previous.id, wanted);
  else {
    // It waits in line: its instances are not stored yet, and none of them has succeeded.
    await cache.loadVersions([previous.versionId], reader);
    const planned = cache.version(previous.versionId).plan;
    const has = (taskId: string): boolean => planned.byId.has(taskId) && (previous.taskSelection === null || previous.taskSelection.includes(taskId));
    counts = new Map(wanted.filter(has).map((taskId) => [taskId, { instances: 1, unsuccessful: 1 }]));
  }
  const prior = await reads.withPrior(run.id, tasks.map((task) => task.taskId));
  return new Map(
    tasks.map((task) => {
      const own = counts.get(task.taskId) ?? { instances: 0, unsuccessful: 0 };
      const unsuccessfulBelow = below(task).reduce((sum, taskId) => sum + (counts.get(taskId)?.unsuccessful ?? 0), 0);
      return [task.taskId, lookBack(task, { previous: { runId: previous.runId, ...own, unsuccessfulBelow }, anyPrior: own.instances > 0 || prior.has(task.taskId) })];
    }),
  );
}
