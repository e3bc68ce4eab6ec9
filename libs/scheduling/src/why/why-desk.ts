import { inLine, whyInstance, whyRun } from '@millrace/engine';
import type { InstanceFacts, Reason, RunWhyFacts } from '@millrace/engine';
import { RunReader, WhyReads } from '@millrace/persistence';
import type { AroundRun, Database } from '@millrace/persistence';
import { MillraceError } from '@millrace/vocabulary';
import type { InstanceId, RunId } from '@millrace/vocabulary';
import { lookAtPast } from '../past/past-desk.js';
import { RunCache } from '../run-cache/run-cache.js';
import type { CachedRun } from '../run-cache/run-cache.js';

/** Says of any run and instance what it waits for: from the same state, plan and rules a scheduler decides with. Reads only. */
export class WhyDesk {
  readonly #cache: RunCache;

  constructor(private readonly database: Database) {
    this.#cache = new RunCache(new RunReader(database), 0);
  }

  /** @throws MillraceError run_not_found */
  async ofRun(id: RunId): Promise<Reason[]> {
    const { entry, around } = await this.#load(id);
    const reasons = whyRun(entry.run, runFacts(around));
    return entry.run.state === 'queued' ? heldFirst(around, reasons) : reasons;
  }

  /** @param instanceId null: of a task whose run has not started, and that is not stored yet. @throws MillraceError run_not_found, instance_not_found */
  async ofInstance(id: RunId, instanceId: InstanceId | null): Promise<Reason[]> {
    const { entry, around } = await this.#load(id);
    const { run } = entry;
    const instance = instanceId === null ? undefined : run.instances.get(instanceId);
    if (instance === undefined) {
      if (run.state === 'queued') return heldFirst(around, [{ kind: 'run_queued', data: { runId: entry.row.runId }, sentence: 'its run has not started yet' }, ...inLine(runFacts(around))]);
      throw new MillraceError('instance_not_found', `run ${entry.row.runId} has no such task instance`);
    }
    const reads = new WhyReads(this.database);
    const beside = await reads.aroundInstance(instance.id);
    const timers = await reads.timers(id, instance.id);
    if (beside === undefined) throw new MillraceError('instance_not_found', `run ${entry.row.runId} has no such task instance`);
    const task = run.plan.tasks[instance.task]!;
    const taskDocument = this.#cache.version(entry.row.dagVersionId).document.tasks.find(({ taskId }) => taskId === task.taskId);
    const past = task.looksBack && instance.state === null ? (await lookAtPast(this.database, this.#cache, { id, versionId: entry.row.dagVersionId }, [task.taskId])).get(task.taskId) : undefined;
    const facts: InstanceFacts = {
      nowMs: around.nowMs,
      quarantined: around.quarantined,
      past: past?.open === false ? past : null,
      timers,
      correlationKey: beside.correlationKey,
      waitsForRun: beside.watchedDagId === null ? null : { dagId: beside.watchedDagId, runId: beside.watchedRunId, logicalDateMs: beside.watchedDateMs },
      worker: beside.workerName === null || beside.heardMs === null ? null : { name: beside.workerName, heardMs: beside.heardMs },
      startedAtMs: beside.startedAtMs,
      listeners: { workers: beside.workers, freeSlots: beside.freeSlots },
      pool: beside.poolSlots === null ? null : { slots: beside.poolSlots, used: beside.poolUsed, holders: beside.poolHolders ?? [] },
      taskLimits: [
        ...(taskDocument?.maxActivePerDag == null ? [] : [{ scope: 'dag' as const, limit: taskDocument.maxActivePerDag, active: beside.dagActive }]),
        ...(taskDocument?.maxActivePerRun == null ? [] : [{ scope: 'run' as const, limit: taskDocument.maxActivePerRun, active: beside.runActive }]),
      ],
      ofRun: run.state === 'queued' ? inLine(runFacts(around)) : [],
    };
    const holds = instance.state === null || instance.state === 'scheduled' || instance.state === 'queued';
    const reasons = whyInstance(run, instance, facts);
    return holds ? heldFirst(around, reasons) : reasons;
  }

  async #load(id: RunId): Promise<{ entry: CachedRun; around: AroundRun }> {
    const around = await new WhyReads(this.database).aroundRun(id);
    const entry = (await this.#cache.load([id])).get(id);
    if (around === undefined || entry === undefined) throw new MillraceError('run_not_found', `there is no run ${id}`);
    return { entry, around };
  }
}

/** What holds everything comes first; that nothing else holds it up would then be misread. */
function heldFirst({ maintenance: on }: AroundRun, reasons: readonly Reason[]): Reason[] {
  if (on === null) return [...reasons];
  return [{ kind: 'maintenance', data: on, sentence: `maintenance is on${on.reason === null ? '' : ` (${on.reason})`}, switched on by ${on.by} at ${new Date(on.sinceMs).toISOString()}: nothing new starts until somebody ends it` }, ...reasons.filter(({ kind }) => kind !== 'to_be_decided')];
}

function runFacts(around: AroundRun): RunWhyFacts {
  const { backfillId, backfillPaused, backfillLimit, backfillRunning, maintenance: _, ...facts } = around;
  return { ...facts, backfill: backfillId === null ? null : { id: backfillId, paused: backfillPaused ?? false, running: backfillRunning, limit: backfillLimit ?? 1 } };
}
