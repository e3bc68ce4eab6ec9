import type { CallbackPayload } from '@millrace/engine';
import { Callbacks } from '@millrace/persistence';
import type { RunId } from '@millrace/vocabulary';
import type { RunCache } from '../run-cache/run-cache.js';
import type { OutboxHandler } from '../outbox/outbox-runner.js';
import { Unrepairable } from '../outbox/outbox-runner.js';

/** An owed callback becomes a row of its own, which workers are given until one reports it. */
export function callbackHandler(cache: RunCache, poke: () => void): OutboxHandler {
  return {
    kind: 'callback',
    async handle(tx, row) {
      const payload = row.payload as CallbackPayload;
      const runId = row.runId as RunId;
      const header = cache.get(runId)?.row ?? (await cache.headers([runId])).get(runId);
      if (header === undefined) throw new Unrepairable('its run is gone');
      const { plan } = cache.version(header.dagVersionId);
      await new Callbacks(tx).add({
        id: row.id,
        dagId: header.dagId,
        runId,
        instanceId: row.instanceId,
        taskId: payload.taskId,
        tryNumber: payload.tryNumber,
        kind: payload.on,
        reason: payload.reason,
        queue: plan.tasks[0]?.queue ?? 'default',
        deadline: null,
      });
      return poke;
    },
  };
}
