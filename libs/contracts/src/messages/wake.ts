import { z } from 'zod';
import { WAKE_PARTITIONS } from '@millrace/vocabulary';

/** anyone → scheduler, exchange `millrace.wake` (direct, transient), key = partition. Losing it costs at most one sweep. */
export const wakeSchema = z.object({
  v: z.literal(1),
  runs: z.array(z.uuid()).max(1_000),
  dags: z.array(z.string().max(250)).max(1_000),
  /** Dags for whose assets something happened, or that wait for others now. */
  assets: z.array(z.string().max(250)).max(1_000).optional(),
  /** Runs with instances that got the slots they asked for. */
  grants: z.array(z.uuid()).max(1_000).optional(),
  /** Pools were changed, or slots given back: who asks for some is to be looked at. */
  slots: z.boolean().optional(),
});
export type Wake = z.infer<typeof wakeSchema>;

export const WAKE_EXCHANGE = 'millrace.wake';

/** Doorbell partition of a run or dag id: FNV-1a over its text, so that every service agrees without asking. */
export function wakePartition(id: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % WAKE_PARTITIONS;
}
