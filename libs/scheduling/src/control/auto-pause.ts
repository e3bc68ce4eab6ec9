import { randomBytes } from 'node:crypto';
import { ControlWriter, RunCommandReader, RunReader, RunWriter } from '@millrace/persistence';
import type { Logger } from '@millrace/telemetry';
import { uuidV7From } from '@millrace/vocabulary';
import type { ApplyRuns } from '../apply-runs/apply-runs.js';
import type { AfterOutbox, OutboxHandler } from '../outbox/outbox-runner.js';
import { tellRun } from '../outbox/tell-run.js';

/** A dag that failed so many times in a row pauses itself, as `max_consecutive_failed_dag_runs` does in Airflow; the audit log says why. */
export function autoPauseHandler(apply: ApplyRuns, logger: Logger): OutboxHandler {
  return {
    kind: 'auto_pause',
    async handle(tx, row) {
      const [run] = await new RunReader(tx).headers([row.runId!]);
      if (run === undefined) return;
      const { after } = row.payload as { after: number };
      const found = await new ControlWriter(tx).failedInARow(run.dagId, after);
      if (found === undefined || found.isPaused || found.allFailed !== true) return;
      const writer = new RunWriter(tx);
      await writer.setPaused(run.dagId, true);
      await writer.audit('pause_dag', 'millrace', { dagId: run.dagId, runId: run.runId, extra: { reason: `its last ${after} runs failed (maxConsecutiveFailedRuns)` } });
      // Runs under way queue nothing new either; those who remember them must hear of it.
      const follow: AfterOutbox[] = [];
      for (const id of await new RunCommandReader(tx).runningRuns(run.dagId)) follow.push(await tellRun(tx, { apply }, id, uuidV7From(Date.now(), randomBytes(10)), { type: 'paused', paused: true }));
      return () => {
        for (const tell of follow) tell();
        logger.warn('dag paused: its last runs all failed', { dag_id: run.dagId, failed_runs: after });
      };
    },
  };
}
