import { Maintenance, RunWriter } from '@millrace/persistence';
import type { Database, DrainingWorker } from '@millrace/persistence';
import { MillraceError } from '@millrace/vocabulary';

/** Holding everything for a while, and emptying single workers. Each is written into the audit log with the commit that does it. */
export class MaintenanceCommands {
  constructor(private readonly database: Database) {}

  /** @returns whether that changed anything */
  set(active: boolean, reason: string | null, actor: string): Promise<boolean> {
    return this.database.inTransaction(async (tx) => {
      const changed = await new Maintenance(tx).set(active, reason, actor);
      if (changed) await new RunWriter(tx).audit(active ? 'maintenance_on' : 'maintenance_off', actor, { extra: reason === null ? {} : { reason } });
      return changed;
    });
  }

  /** Tells the workers of that name, with their next heartbeats, to drain. @throws MillraceError not_found: none of that name lives */
  drain(workerName: string, actor: string): Promise<DrainingWorker[]> {
    return this.database.inTransaction(async (tx) => {
      const workers = await new Maintenance(tx).askDrain(workerName, actor);
      if (workers.length === 0) throw new MillraceError('not_found', `There is no living worker named ${workerName}; GET /api/millrace/v1/workers (millrace workers list) names them`);
      await new RunWriter(tx).audit('drain_worker', actor, { extra: { worker: workerName, sessions: workers.map(({ id }) => id) } });
      return workers;
    });
  }
}
