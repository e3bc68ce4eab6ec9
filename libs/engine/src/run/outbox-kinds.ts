import type { AssetUpdate } from '../assets/outlet-events.js';
import type { InstanceId } from '@millrace/vocabulary';

/**
 * What can follow from a decision and must happen exactly as durably as it: one line for each kind, with what its handler is told.
 * Stored as JSON beside the decision; a kind this version does not know is left for one that does.
 */
export interface OutboxPayloads {
  /** Code of the author's that is told of a change: run by a worker. */
  readonly callback: CallbackPayload;
  /** Nobody waits any more for what an instance started on another platform: the platform is told. */
  readonly external_stop: { readonly reason: string };
  /** An instance with outlets has succeeded: events of assets are recorded, and what waits for them is looked at. */
  readonly asset_updates: { readonly updates: readonly AssetUpdate[] };
  /** Tasks that could run ask whether the run before lets them. */
  readonly past_look: { readonly taskIds: readonly string[] };
  /** Something later runs may wait for has ended well. */
  readonly past_done: Readonly<Record<string, never>>;
  /** A run failed of a dag that pauses itself after so many. */
  readonly auto_pause: { readonly after: number };
  /** A run that is waited for, or a task of it, has ended. */
  readonly watched: { readonly ended: boolean };
}

/** What code of the author's can be told of. `deadline`: a run, or none, missed it. */
export type CallbackOn = 'success' | 'failure' | 'retry' | 'skipped' | 'deadline';

export interface CallbackPayload {
  readonly on: CallbackOn;
  /** null: of the run. */
  readonly taskId: string | null;
  readonly tryNumber: number;
  readonly reason: string;
}

export type OutboxKind = keyof OutboxPayloads;

export type OutboxEffect = {
  [K in OutboxKind]: { readonly type: 'outbox'; readonly kind: K; readonly instanceId: InstanceId | null; readonly payload: OutboxPayloads[K] };
}[OutboxKind];
