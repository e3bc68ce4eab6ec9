import { randomBytes } from 'node:crypto';
import type { RunEvent } from '@millrace/engine';
import { RefitWriter, RunCommandReader, RunReader, RunWriter, currentVersions } from '@millrace/persistence';
import type { Database } from '@millrace/persistence';
import { MillraceError, uuidV7From } from '@millrace/vocabulary';
import type { InstanceId, RunId } from '@millrace/vocabulary';
import { groupBy } from '../grouping/group-by.js';
import type { RunCache } from '../run-cache/run-cache.js';
import { taskColumnsOf } from '../run-cache/task-columns.js';
import type { ClearOptions } from './commands.js';
import type { Submit } from './control-commands.js';

/** Clearing, on the run's version or the newest; and what has to come into being before something can be said of it. */
export class RunAgain {
  constructor(
    private readonly database: Database,
    private readonly cache: RunCache,
    private readonly submit: Submit,
    private readonly ring: (id: RunId, dagId: string) => void,
  ) {}

  async clearInstances(instanceIds: readonly InstanceId[], actor: string, { keepRuns = false, latest = false }: ClearOptions = {}): Promise<void> {
    if (instanceIds.length === 0) return;
    const rows = await new RunCommandReader(this.database).runsOfInstances(instanceIds);
    const byRun = groupBy(rows, (row) => row.dagRunId);
    if (latest) await this.#ontoLatest([...byRun].map(([id, [row]]) => ({ id, dagId: row!.dagId, runId: row!.runId })), actor);
    await Promise.all(
      [...byRun].map(([id, instances]) => {
        const audit = { event: 'clear_task_instances', actor, extra: JSON.stringify({ task_ids: instances.map((instance) => instance.taskId), ...(latest ? { run_on_latest_version: true } : {}), ...(keepRuns ? { reset_dag_runs: false } : {}) }) };
        const cleared: RunEvent = { type: 'cleared', instanceIds: instances.map((instance) => instance.id as InstanceId), by: actor, ...(keepRuns ? { keepRun: true } : {}) };
        // A run that ended goes back in line, so that it starts again under the dag's limit; one that runs goes on.
        return keepRuns ? this.submit(id, audit, cleared) : this.submit(id, audit, { type: 'run_marked', state: 'queued', by: actor }, cleared);
      }),
    );
  }

  /** The whole run again, in line with the others. */
  async clearRun(id: RunId, actor: string, { latest = false }: Pick<ClearOptions, 'latest'> = {}): Promise<void> {
    const reader = new RunCommandReader(this.database);
    const run = await reader.runById(id);
    if (run === undefined) throw new MillraceError('run_not_found', `there is no run ${id}`);
    if (latest) await this.#ontoLatest([run], actor);
    const instanceIds = await reader.instancesOf(id);
    const audit = { event: 'clear_dag_run', actor, extra: latest ? JSON.stringify({ run_on_latest_version: true }) : null };
    await this.submit(id, audit, { type: 'run_marked', state: 'queued', by: actor }, { type: 'cleared', instanceIds, by: actor });
  }

  /** Stores the instances of runs that have not started, so that something can be said of them. Runs that have theirs are left as they are. */
  async makeInstances(ids: readonly RunId[]): Promise<void> {
    await Promise.all(ids.map((id) => this.submit(id, undefined, { type: 'made' })));
  }

  /** Removes instances of a run that has ended, with their history. 409 while it has not. */
  async deleteInstances(id: RunId, instanceIds: readonly InstanceId[], actor: string): Promise<void> {
    await this.database.inTransaction(async (tx) => {
      const run = await new RunCommandReader(tx).runById(id);
      if (run === undefined) throw new MillraceError('run_not_found', `there is no run ${id}`);
      if (!(await new RefitWriter(tx).delete(id, instanceIds))) throw new MillraceError('conflict', `run ${run.runId} is ${run.state}: instances can be deleted once it has ended; cancel it, or mark them`);
      await new RunWriter(tx).audit('delete_task_instance', actor, { dagId: run.dagId, runId: run.runId, extra: { instances: instanceIds.length } });
    });
  }

  /** @throws MillraceError conflict, before anything is changed, when one of the runs has not ended. */
  async #ontoLatest(runs: readonly { readonly id: RunId; readonly dagId: string; readonly runId: string }[], actor: string): Promise<void> {
    await this.database.inTransaction(async (tx) => {
      const reader = new RunReader(tx);
      const versions = await currentVersions(tx, [...new Set(runs.map((run) => run.dagId))]);
      await this.cache.loadVersions([...versions.values()].map((version) => version.versionId), reader);
      const headers = new Map((await reader.headers(runs.map((run) => run.id))).map((row) => [row.id, row]));
      for (const run of runs) {
        const version = versions.get(run.dagId);
        if (version === undefined) throw new MillraceError('conflict', `dag ${run.dagId} has no current version: its file is gone`);
        if (headers.get(run.id)?.dagVersionId === version.versionId) continue;
        if (!(await new RefitWriter(tx).onto(run.id, version.versionId))) {
          throw new MillraceError('conflict', `run ${run.runId} of dag ${run.dagId} has not ended, so it cannot be moved to the latest version: what is cleared of it runs on its own; wait for its end, or cancel it`);
        }
        await new RefitWriter(tx).fit([run.id], taskColumnsOf(this.cache.version(version.versionId)), () => uuidV7From(version.nowMs, randomBytes(10)));
        await new RunWriter(tx).audit('move_run_to_latest_version', actor, { dagId: run.dagId, runId: run.runId });
      }
    });
    for (const run of runs) this.ring(run.id, run.dagId);
  }
}
