import type { InstanceState } from '@millrace/vocabulary';

/** `none` stands for null, Airflow's state of an instance nothing was decided about. */
export type StateName = Exclude<InstanceState, null> | 'none';

/**
 * Every arrow an instance may take. What a person may say of any instance (marked success, failed, skipped; cleared) is
 * here too; what no event may do is absent: nothing reaches `running` but through `queued`, nothing `queued` but through
 * `scheduled`, and what has ended only begins again by way of `none`.
 */
export const NEXT = {
  none: ['scheduled', 'success', 'failed', 'skipped', 'upstream_failed', 'removed'],
  scheduled: ['none', 'queued', 'success', 'failed', 'skipped', 'removed'],
  /** `scheduled`: the attempt was lost before it started. */
  queued: ['none', 'scheduled', 'running', 'success', 'failed', 'skipped', 'removed'],
  running: ['success', 'failed', 'skipped', 'up_for_retry', 'up_for_reschedule', 'deferred', 'awaiting_input', 'restarting', 'removed'],
  /** Cleared while it ran: asked to stop, then begins again. */
  restarting: ['none', 'success', 'failed', 'skipped', 'removed'],
  up_for_retry: ['none', 'success', 'failed', 'skipped', 'removed'],
  up_for_reschedule: ['none', 'scheduled', 'success', 'failed', 'skipped', 'removed'],
  deferred: ['none', 'scheduled', 'success', 'failed', 'skipped', 'up_for_retry', 'removed'],
  awaiting_input: ['none', 'scheduled', 'success', 'failed', 'skipped', 'up_for_retry', 'removed'],
  success: ['none', 'failed', 'skipped', 'removed'],
  failed: ['none', 'success', 'skipped', 'removed'],
  skipped: ['none', 'success', 'failed', 'removed'],
  upstream_failed: ['none', 'success', 'failed', 'skipped', 'removed'],
  removed: ['none'],
} as const satisfies Record<StateName, readonly StateName[]>;

export function isArrow(from: InstanceState, to: InstanceState): boolean {
  return (NEXT[from ?? 'none'] as readonly StateName[]).includes(to ?? 'none');
}
