import { ExternalTasks } from '@millrace/persistence';
import type { OutboxHandler } from '../outbox/outbox-runner.js';

/** Work on another platform is nobody's any more: it is called cancelled here at once, and the platform is told as often as it takes. */
export function externalStopHandler(stop: () => void): OutboxHandler {
  return {
    kind: 'external_stop',
    async handle(tx, row) {
      if (row.instanceId === null) return undefined;
      const { reason } = row.payload as { reason: string };
      const stopped = await new ExternalTasks(tx).stop(row.instanceId, `nobody waits for it any more: ${reason}`.slice(0, 2_000));
      return stopped.some((work) => work.isTold) ? stop : undefined;
    },
  };
}
