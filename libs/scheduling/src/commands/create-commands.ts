import { randomBytes } from 'node:crypto';
import { wakePartition } from '@millrace/contracts';
import type { Wake } from '@millrace/contracts';
import type { RunEvent } from '@millrace/engine';
import type { Broker } from '@millrace/messaging';
import { BackfillWriter, DagSchedules, RunCommandReader, RunReader, RunWriter, StuckRuns, completeBackfills, currentVersions, insertRuns, runsInRange, runsOfCancelledBackfills } from '@millrace/persistence';
import type { Database, NewRun, Transaction } from '@millrace/persistence';
import type { Logger } from '@millrace/telemetry';
import { MillraceError, uuidV7From } from '@millrace/vocabulary';
import type { InstanceId, RunId } from '@millrace/vocabulary';
import { ApplyRuns } from '../apply-runs/apply-runs.js';
import type { RunInput } from '../apply-runs/inputs.js';
import { DatabaseClock } from '../clock/database-clock.js';
import { Dispatcher } from '../dispatch/dispatcher.js';
import { groupBy } from '../grouping/group-by.js';
import { RunCache } from '../run-cache/run-cache.js';
import { runNameOf } from '../schedules/run-names.js';
import { lastRunOf, timetableOf } from '../schedules/timetable-of.js';
import { confJsonOf, paramsJsonOf } from './check-conf.js';
import type { BackfillInput, BackfillPlan, Commands, InstanceSelection, SelectedInstance, TriggerInput } from './commands.js';
import { planBackfill } from './plan-backfill.js';
import { selectInstances } from './select-instances.js';
import { TriggerDesk } from './trigger-desk.js';

const DEFAULT_BACKFILL_RUNS = 10;

export interface CommandParts {
  readonly database: Database;
  readonly broker: Broker;
  readonly logger: Logger;
}

/** Commands for a process with the database: decided here and now, under the run's version check, exactly as a scheduler would. */
export function createCommands(parts: CommandParts): Commands {
  return new DatabaseCommands(parts);
}

class DatabaseCommands implements Commands {
  readonly #database: Database;
  readonly #broker: Broker;
  readonly #cache: RunCache;
  readonly #apply: ApplyRuns;
  readonly #triggers: TriggerDesk;

  constructor({ database, broker, logger }: CommandParts) {
    this.#database = database;
    this.#broker = broker;
    const reader = new RunReader(database);
    this.#cache = new RunCache(reader, 0);
    this.#triggers = new TriggerDesk(database, this.#cache, (id, dagId) => this.#ring(id, { runs: [], dags: [dagId] }));
    const dispatcher = new Dispatcher(broker, '');
    this.#apply = new ApplyRuns(database, this.#cache, new DatabaseClock(), new StuckRuns(database), {
      // The scheduler that has the run in memory hears of it, stops what was cancelled, and watches the timers.
      committed: (entry, after) => {
        dispatcher.publish(after.ready);
        this.#ring(entry.row.id, { runs: [entry.row.id], dags: after.finished !== null || entry.run.state === 'queued' ? [entry.row.dagId] : [] });
      },
    }, logger, { batchMax: 200, home: '', continuation: false, window: (queue) => dispatcher.window(queue) });
  }

  trigger(input: TriggerInput): Promise<{ readonly id: RunId; readonly runId: string }> {
    return this.#triggers.trigger(input);
  }

  async setPaused(dagId: string, paused: boolean, actor: string): Promise<void> {
    await this.#database.inTransaction(async (tx) => {
      const writer = new RunWriter(tx);
      if (!(await writer.setPaused(dagId, paused))) throw new MillraceError('dag_not_found', `Dag with id '${dagId}' was not found`);
      await writer.audit(paused ? 'pause_dag' : 'unpause_dag', actor, { dagId });
      // What was missed while it was paused is not made up for, unless the dag catches up: the timetable knows.
      if (!paused) await this.#replan(tx, dagId);
    });
    const running = await new RunCommandReader(this.#database).runningRuns(dagId);
    await Promise.all(running.map((id) => this.#submit(id, undefined, { type: 'paused', paused })));
    this.#ring(dagId as string as RunId, { runs: [], dags: [dagId] });
  }

  selectInstances(selection: InstanceSelection): Promise<readonly SelectedInstance[]> {
    return selectInstances(new RunCommandReader(this.#database), this.#cache, selection);
  }

  clearInstances(instanceIds: readonly InstanceId[], actor: string): Promise<void> {
    // A run that ended goes back in line, so that it starts again under the dag's limit; one that runs goes on.
    return this.#onInstances(instanceIds, 'clear_task_instances', actor, (ids) => [
      { type: 'run_marked', state: 'queued', by: actor },
      { type: 'cleared', instanceIds: ids, by: actor },
    ]);
  }

  markInstances(instanceIds: readonly InstanceId[], state: 'success' | 'failed' | 'skipped', actor: string): Promise<void> {
    return this.#onInstances(instanceIds, `mark_${state}`, actor, (ids) => [{ type: 'marked', instanceIds: ids, state, by: actor }]);
  }

  async markRun(id: RunId, state: 'success' | 'failed' | 'queued', actor: string): Promise<void> {
    await this.#runOrRefuse(id);
    const audit = { event: `mark_dag_run_${state}`, actor, extra: null };
    if (state === 'queued') await this.#putBack(id, actor, audit);
    else await this.#submit(id, audit, { type: 'run_marked', state, by: actor });
  }

  async deleteRun(id: RunId, actor: string): Promise<void> {
    const run = await this.#runOrRefuse(id);
    // What runs is stopped first: an attempt without an instance would end as a refused result.
    if (run.state === 'running') await this.#submit(id, undefined, { type: 'run_marked', state: 'failed', by: actor });
    await this.#database.inTransaction(async (tx) => {
      const writer = new RunWriter(tx);
      await writer.delete(id);
      await writer.audit('delete_dag_run', actor, { dagId: run.dagId, runId: run.runId });
    });
    this.#ring(id, { runs: [id], dags: [run.dagId] });
  }

  async createBackfill(input: BackfillInput, dryRun: boolean): Promise<BackfillPlan> {
    const confJson = confJsonOf(input.conf);
    const maxActiveRuns = input.maxActiveRuns ?? DEFAULT_BACKFILL_RUNS;
    if (!Number.isInteger(maxActiveRuns) || maxActiveRuns < 1) throw new MillraceError('invalid', `max_active_runs must be a whole number > 0, got ${maxActiveRuns}`);
    const cleared: RunId[] = [];
    const plan = await this.#database.inTransaction(async (tx): Promise<BackfillPlan> => {
      const backfills = new BackfillWriter(tx);
      const dag = (await currentVersions(tx, [input.dagId])).get(input.dagId);
      if (dag === undefined) throw new MillraceError('dag_not_found', `Could not find dag ${input.dagId}`);
      await this.#cache.loadVersions([dag.versionId], new RunReader(tx));
      const { document } = this.#cache.version(dag.versionId);
      const existing = await runsInRange(tx, input.dagId, input.fromDate, input.toDate);
      const runs = planBackfill(document, input, existing);
      if (dryRun) return { backfillId: null, runs };
      const open = await backfills.open(input.dagId);
      if (open !== undefined) throw new MillraceError('conflict', `Another backfill is running for Dag ${input.dagId} (backfill ${open}): wait for it, or cancel it`);
      const backfillId = await backfills.insert({
        dagId: input.dagId, fromDate: input.fromDate, toDate: input.toDate, confJson, reprocessBehavior: input.reprocessBehavior ?? 'none',
        runBackwards: input.runBackwards ?? false, maxActiveRuns, userName: input.actor,
        // Runs that are to be cleared still look finished: nobody may take the backfill for done before they are.
        isPaused: runs.some((run) => run.action === 'clear'),
      });
      const byDate = new Map(existing.map((run) => [run.logicalDate.getTime(), run]));
      const paramsJson = paramsJsonOf(document, input.conf);
      const fresh: NewRun[] = [];
      for (const [order, run] of runs.entries()) {
        if (run.action === 'skip') continue;
        if (run.action === 'clear') {
          const id = byDate.get(run.logicalDate.getTime())!.id;
          await backfills.adopt(id, backfillId, order);
          cleared.push(id);
          continue;
        }
        fresh.push({
          id: uuidV7From(dag.nowMs, randomBytes(10)) as string as RunId, dagId: input.dagId, runId: runNameOf('backfill', run.logicalDate.getTime()), versionId: dag.versionId,
          runType: 'backfill', triggeredBy: 'backfill', userName: input.actor, logicalDate: run.logicalDate, intervalStart: run.dataIntervalStart, intervalEnd: run.dataIntervalEnd,
          runAfter: new Date(Math.min(run.logicalDate.getTime(), dag.nowMs)), confJson, paramsJson, note: null, partitionKey: null, taskSelection: null, backfillId, backfillOrder: order,
        });
      }
      const made = await insertRuns(tx, fresh, null);
      const taken = fresh.find((run) => !made.has(run.id));
      if (taken !== undefined) throw new MillraceError('conflict', `A run of dag '${input.dagId}' with logical_date ${taken.logicalDate?.toISOString()} was made meanwhile; ask again`);
      await new RunWriter(tx).audit('create_backfill', input.actor, { dagId: input.dagId, extra: { backfill_id: backfillId, from_date: input.fromDate, to_date: input.toDate } });
      return { backfillId, runs };
    });
    if (plan.backfillId === null) return plan;
    await Promise.all(cleared.map((id) => this.#putBack(id, input.actor)));
    if (cleared.length > 0) await this.#database.inTransaction((tx) => new BackfillWriter(tx).setPaused(plan.backfillId!, false));
    if (plan.runs.every((run) => run.action === 'skip')) await completeBackfills(this.#database, plan.backfillId);
    this.#ring(input.dagId as string as RunId, { runs: [], dags: [input.dagId] });
    return plan;
  }

  async setBackfillPaused(backfillId: number, paused: boolean, actor: string): Promise<void> {
    await this.#onBackfill(paused ? 'pause_backfill' : 'unpause_backfill', backfillId, actor, (backfills) => backfills.setPaused(backfillId, paused));
  }

  async cancelBackfill(backfillId: number, actor: string): Promise<void> {
    await this.#onBackfill('cancel_backfill', backfillId, actor, (backfills) => backfills.cancel(backfillId));
    // What runs may end; what has not begun will not. A scheduler does the same, should this process end here.
    const waiting = await runsOfCancelledBackfills(this.#database, backfillId);
    await Promise.all(waiting.map((id) => this.#submit(id, undefined, { type: 'run_marked', state: 'failed', by: 'the cancelled backfill' })));
  }

  async #onBackfill(event: string, backfillId: number, actor: string, change: (backfills: BackfillWriter) => Promise<string | undefined>): Promise<void> {
    const dagId = await this.#database.inTransaction(async (tx) => {
      const found = await change(new BackfillWriter(tx));
      if (found === undefined) throw new MillraceError('conflict', `Backfill ${backfillId} is already completed or was never there.`);
      await new RunWriter(tx).audit(event, actor, { dagId: found, extra: { backfill_id: backfillId } });
      return found;
    });
    this.#ring(dagId as string as RunId, { runs: [], dags: [dagId] });
  }

  async #onInstances(instanceIds: readonly InstanceId[], event: string, actor: string, make: (ids: InstanceId[]) => RunEvent[]): Promise<void> {
    if (instanceIds.length === 0) return;
    const rows = await new RunCommandReader(this.#database).runsOfInstances(instanceIds);
    const byRun = groupBy(rows, (row) => row.dagRunId);
    await Promise.all(
      [...byRun].map(([runId, instances]) => {
        const audit = { event, actor, extra: JSON.stringify({ task_ids: instances.map((instance) => instance.taskId) }) };
        return this.#submit(runId, audit, ...make(instances.map((instance) => instance.id as InstanceId)));
      }),
    );
  }

  /** The whole run again, in line with the others. */
  async #putBack(id: RunId, actor: string, audit?: RunInput['audit']): Promise<void> {
    const instances = await new RunCommandReader(this.#database).instancesOf(id);
    await this.#submit(id, audit, { type: 'run_marked', state: 'queued', by: actor }, { type: 'cleared', instanceIds: instances, by: actor });
  }

  /** All in one decision. A pause is beside the run, so those who remember the run must be made to read it again. */
  async #submit(id: RunId, audit: RunInput['audit'], ...events: RunEvent[]): Promise<void> {
    const last = events.length - 1;
    const results = await Promise.all(
      events.map((event, index) => this.#apply.submit(id, { event, fresh: true, bump: event.type === 'paused', audit: index === last ? audit : undefined })),
    );
    const later = results.find((result) => result.kind === 'later');
    if (later !== undefined) throw new MillraceError('unavailable', `nothing was changed: ${later.reason}; try again`);
  }

  async #runOrRefuse(id: RunId): Promise<{ dagId: string; runId: string; state: string }> {
    const run = await new RunCommandReader(this.#database).runById(id);
    if (run === undefined) throw new MillraceError('run_not_found', `there is no run ${id}`);
    return run;
  }

  async #replan(tx: Transaction, dagId: string): Promise<void> {
    const schedules = new DagSchedules(tx);
    const dag = await schedules.ofDag(dagId);
    if (dag === undefined) return;
    await this.#cache.loadVersions([dag.versionId], new RunReader(tx));
    await schedules.setNext(dagId, timetableOf(this.#cache.version(dag.versionId).document)?.next(lastRunOf(dag), dag.nowMs) ?? null);
  }

  #ring(id: RunId, wake: Omit<Wake, 'v'>): void {
    this.#broker.ring(wakePartition(id), { v: 1, ...wake });
  }
}
