import type { OutboxPayloads } from '@millrace/engine';
import type { InstanceId } from '@millrace/vocabulary';
import type { OutboxHandler } from '../outbox/outbox-runner.js';
import { recordAssetEvents } from './record-events.js';

/** What a successful task with outlets owes: its events, exactly once, because the row that says so goes away with them. */
export function assetUpdatesHandler(look: (dagIds: readonly string[]) => void): OutboxHandler {
  return {
    kind: 'asset_updates',
    async handle(tx, row) {
      const { updates } = row.payload as OutboxPayloads['asset_updates'];
      const { dagIds } = await recordAssetEvents(tx, updates.map((update) => ({ ...update, instanceId: row.instanceId as InstanceId | null })));
      return dagIds.length === 0 ? undefined : () => look(dagIds);
    },
  };
}
