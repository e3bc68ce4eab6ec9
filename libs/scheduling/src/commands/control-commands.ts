import type { RunEvent } from '@millrace/engine';
import { ControlWriter, RunCommandReader, RunReader, RunWriter, currentVersions } from '@millrace/persistence';
import type { Database } from '@millrace/persistence';
import { MillraceError } from '@millrace/vocabulary';
import type { RunId } from '@millrace/vocabulary';
import type { RunInput } from '../apply-runs/inputs.js';
import type { RunCache } from '../run-cache/run-cache.js';
import type { SwitchInput } from './commands.js';

export type Submit = (id: RunId, audit: RunInput['audit'], ...events: RunEvent[]) => Promise<void>;

/** Cancelling, switching, releasing: what people do to stop and let go. */
export class ControlCommands {
  constructor(
    private readonly database: Database,
    private readonly cache: RunCache,
    private readonly submit: Submit,
    private readonly ringDag: (dagId: string) => void,
  ) {}

  async cancelRun(id: RunId, actor: string): Promise<void> {
    const run = await new RunCommandReader(this.database).runById(id);
    if (run === undefined) throw new MillraceError('run_not_found', `there is no run ${id}`);
    if (run.state === 'success' || run.state === 'failed') throw new MillraceError('conflict', `run ${run.runId} has ended already (${run.state}); there is nothing to cancel`);
    await this.submit(id, { event: 'cancel_dag_run', actor, extra: null }, { type: 'run_cancelled', by: actor });
  }

  async switchTask({ dagId, taskId, off, note, actor }: SwitchInput): Promise<{ changed: boolean }> {
    const { changed, switchedOff } = await this.database.inTransaction(async (tx) => {
      const dag = (await currentVersions(tx, [dagId])).get(dagId);
      if (dag === undefined) throw new MillraceError('dag_not_found', `Dag with id '${dagId}' was not found`);
      await this.cache.loadVersions([dag.versionId], new RunReader(tx));
      // A task that is gone may still be switched on again.
      if (off && !this.cache.version(dag.versionId).plan.byId.has(taskId)) throw new MillraceError('task_not_found', `Task '${taskId}' not found in DAG '${dagId}'`);
      const result = await new ControlWriter(tx).switchTask(dagId, taskId, off, actor, note ?? null);
      if (result.changed) await new RunWriter(tx).audit(off ? 'switch_task_off' : 'switch_task_on', actor, { dagId, taskId, extra: note ? { note } : {} });
      return result;
    });
    if (!changed) return { changed };
    const reader = new RunCommandReader(this.database);
    // Also to runs that are starting just now: the new version of the run makes their start be decided anew.
    const heard = [...(await reader.startingRuns(dagId)), ...(await reader.runningRuns(dagId))];
    await Promise.all(heard.map((id) => this.submit(id, undefined, { type: 'switched', off: switchedOff })));
    return { changed };
  }

  async releaseDag(dagId: string, actor: string): Promise<{ heldBy: RunId | null }> {
    const released = await this.database.inTransaction(async (tx) => {
      const found = await new ControlWriter(tx).release(dagId);
      if (found === undefined) throw new MillraceError('dag_not_found', `Dag with id '${dagId}' was not found`);
      await new RunWriter(tx).audit('release_dag', actor, { dagId });
      return found;
    });
    this.ringDag(dagId);
    return released;
  }
}
