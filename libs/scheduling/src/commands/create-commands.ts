import { wakePartition } from '@millrace/contracts';
import type { Wake } from '@millrace/contracts';
import type { RunEvent } from '@millrace/engine';
import type { Broker } from '@millrace/messaging';
import { RunCommandReader, RunReader, RunWriter, SlotRequests, StuckRuns } from '@millrace/persistence';
import type { Database } from '@millrace/persistence';
import type { Logger } from '@millrace/telemetry';
import { MillraceError, WAKE_PARTITIONS } from '@millrace/vocabulary';
import type { InstanceId, RunId } from '@millrace/vocabulary';
import { BackfillDesk } from '../backfills/backfill-desk.js';
import { ApplyRuns } from '../apply-runs/apply-runs.js';
import type { RunInput } from '../apply-runs/inputs.js';
import { DefaultPool } from '../admission/default-pool.js';
import { DatabaseClock } from '../clock/database-clock.js';
import { Dispatcher } from '../dispatch/dispatcher.js';
import { groupBy } from '../grouping/group-by.js';
import { RunCache } from '../run-cache/run-cache.js';
import { replan } from '../schedules/scheduled-runs.js';
import type { AssetEventInput, BackfillInput, BackfillPlan, ClearOptions, Commands, InstanceSelection, SelectedInstance, SwitchInput, TriggerInput } from './commands.js';
import { ControlCommands } from './control-commands.js';
import { MaintenanceCommands } from './maintenance-commands.js';
import { RunAgain } from './run-again.js';
import { selectInstances } from './select-instances.js';
import { recordAssetEvents } from '../assets/record-events.js';
import { createWaitingCommands } from './waiting-commands.js';
import type { WaitingCommands } from './waiting-commands.js';
import { TriggerDesk } from './trigger-desk.js';

/** What a person's command queues of a run at most; the scheduler that has the run goes on with the rest. */
const QUEUED_BY_A_COMMAND = 64;

export interface CommandParts {
  readonly database: Database;
  readonly broker: Broker;
  readonly logger: Logger;
  /** core.max_map_length. @default 1024 */
  readonly maxMapLength?: number;
}

/** Commands for a process with the database: decided here and now, under the run's version check, exactly as a scheduler would. */
export function createCommands(parts: CommandParts): Commands {
  return new DatabaseCommands(parts);
}

class DatabaseCommands implements Commands {
  readonly waiting: WaitingCommands;
  readonly maintenance: MaintenanceCommands;
  readonly #database: Database;
  readonly #broker: Broker;
  readonly #defaultPool: DefaultPool;
  readonly #cache: RunCache;
  readonly #apply: ApplyRuns;
  readonly #triggers: TriggerDesk;
  readonly #backfills: BackfillDesk;
  readonly #control: ControlCommands;
  readonly #again: RunAgain;

  constructor({ database, broker, logger, maxMapLength }: CommandParts) {
    this.#database = database;
    this.#broker = broker;
    const reader = new RunReader(database);
    this.#defaultPool = new DefaultPool(new SlotRequests(database));
    this.#cache = new RunCache(reader, 0, () => this.#defaultPool.isCounted);
    this.#triggers = new TriggerDesk(database, this.#cache, (id, dagId) => this.#ring(id, { runs: [], dags: [dagId] }));
    this.#control = new ControlCommands(database, this.#cache, (id, audit, ...events) => this.#submit(id, audit, ...events), (dagId) => this.#ring(dagId as string as RunId, { runs: [], dags: [dagId] }));
    this.maintenance = new MaintenanceCommands(database);
    this.#again = new RunAgain(database, this.#cache, (id, audit, ...events) => this.#submit(id, audit, ...events), (id, dagId) => this.#ring(id, { runs: [id], dags: [dagId] }));
    const dispatcher = new Dispatcher(broker, '');
    this.#apply = new ApplyRuns(database, this.#cache, new DatabaseClock(), new StuckRuns(database), {
      // The scheduler that has the run in memory hears of it, stops what was cancelled, and watches the timers.
      committed: (entry, after) => {
        dispatcher.publish(after.ready);
        this.#ring(entry.row.id, { runs: [entry.row.id], dags: after.finished !== null || entry.run.state === 'queued' ? [entry.row.dagId] : [], slots: after.movedSlots });
      },
    }, logger, { batchMax: 200, home: '', continuation: () => false, room: { roomFor: ({ run }) => ({ window: run.plan.queues.map(() => (run.plan.placement === 'any' ? QUEUED_BY_A_COMMAND : 0)), isDefaultPoolCounted: this.#defaultPool.isCounted, maxMapLength }), decided: () => {}, dropped: () => {} } });
    this.waiting = createWaitingCommands(database, this.#apply);
    this.#backfills = new BackfillDesk(database, this.#cache, { submit: (id, event) => this.#apply.submit(id, event), ring: (dagId) => this.#ring(dagId as string as RunId, { runs: [], dags: [dagId] }) });
  }

  poolsChanged(): void {
    for (let partition = 0; partition < WAKE_PARTITIONS; partition++) this.#broker.ring(partition, { v: 1, runs: [], dags: [], slots: true });
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
      if (!paused) await replan(tx, this.#cache, dagId);
    });
    const running = await new RunCommandReader(this.#database).runningRuns(dagId);
    await Promise.all(running.map((id) => this.#submit(id, undefined, { type: 'paused', paused })));
    this.#ring(dagId as string as RunId, { runs: [], dags: [dagId], assets: [dagId] });
  }

  selectInstances(selection: InstanceSelection): Promise<readonly SelectedInstance[]> {
    return selectInstances(new RunCommandReader(this.#database), this.#cache, selection);
  }

  clearInstances(instanceIds: readonly InstanceId[], actor: string, options?: ClearOptions): Promise<void> {
    return this.#again.clearInstances(instanceIds, actor, options);
  }

  clearRun(id: RunId, actor: string, options?: Pick<ClearOptions, 'latest'>): Promise<void> {
    return this.#again.clearRun(id, actor, options);
  }

  makeInstances(ids: readonly RunId[]): Promise<void> {
    return this.#again.makeInstances(ids);
  }

  deleteInstances(id: RunId, instanceIds: readonly InstanceId[], actor: string): Promise<void> {
    return this.#again.deleteInstances(id, instanceIds, actor);
  }

  markInstances(instanceIds: readonly InstanceId[], state: 'success' | 'failed' | 'skipped', actor: string): Promise<void> {
    return this.#onInstances(instanceIds, `mark_${state}`, actor, (ids) => [{ type: 'marked', instanceIds: ids, state, by: actor }]);
  }

  async markRun(id: RunId, state: 'success' | 'failed' | 'queued', actor: string): Promise<void> {
    await this.#runOrRefuse(id);
    await this.#submit(id, { event: `mark_dag_run_${state}`, actor, extra: null }, { type: 'run_marked', state, by: actor });
  }

  pokeEffects(): void {
    // A ring about no run in particular: schedulers look for effects whenever they hear of runs.
    this.#broker.ring(0, { v: 1, runs: ['00000000-0000-0000-0000-000000000000'], dags: [] });
  }

  cancelRun(id: RunId, actor: string): Promise<void> {
    return this.#control.cancelRun(id, actor);
  }

  switchTask(input: SwitchInput): Promise<{ readonly changed: boolean }> {
    return this.#control.switchTask(input);
  }

  releaseDag(dagId: string, actor: string): Promise<{ readonly heldBy: RunId | null }> {
    return this.#control.releaseDag(dagId, actor);
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

  createBackfill(input: BackfillInput, dryRun: boolean): Promise<BackfillPlan> {
    return this.#backfills.create(input, dryRun);
  }

  setBackfillPaused(backfillId: number, paused: boolean, actor: string): Promise<void> {
    return this.#backfills.setPaused(backfillId, paused, actor);
  }

  async recordAssetEvent(input: AssetEventInput): Promise<number> {
    const recorded = await this.#database.inTransaction((tx) => recordAssetEvents(tx, [{ ...input, group: null, aliases: [], instanceId: null }]));
    for (const dagId of recorded.dagIds) this.#ring(dagId as string as RunId, { runs: [], dags: [], assets: [dagId] });
    return recorded.events[0]!.id;
  }

  cancelBackfill(backfillId: number, actor: string): Promise<void> {
    return this.#backfills.cancel(backfillId, actor);
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

  /** All in one decision. A pause is beside the run, so those who remember the run must be made to read it again. */
  async #submit(id: RunId, audit: RunInput['audit'], ...events: RunEvent[]): Promise<void> {
    await this.#defaultPool.look();
    const last = events.length - 1;
    const results = await Promise.all(
      events.map((event, index) => this.#apply.submit(id, { event, fresh: true, bump: event.type === 'paused' || event.type === 'switched', audit: index === last ? audit : undefined })),
    );
    const later = results.find((result) => result.kind === 'later');
    if (later !== undefined) throw new MillraceError('unavailable', `nothing was changed: ${later.reason}; try again`);
  }

  async #runOrRefuse(id: RunId): Promise<{ dagId: string; runId: string; state: string }> {
    const run = await new RunCommandReader(this.#database).runById(id);
    if (run === undefined) throw new MillraceError('run_not_found', `there is no run ${id}`);
    return run;
  }

  #ring(id: RunId, wake: Omit<Wake, 'v'>): void {
    this.#broker.ring(wakePartition(id), { v: 1, ...wake });
  }
}
