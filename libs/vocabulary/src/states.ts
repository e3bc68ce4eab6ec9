export const RUN_STATES = ['queued', 'running', 'success', 'failed'] as const;
export type RunState = (typeof RUN_STATES)[number];

export const INSTANCE_STATES = [
  'scheduled', 'queued', 'running', 'success', 'failed', 'skipped', 'upstream_failed',
  'up_for_retry', 'up_for_reschedule', 'deferred', 'awaiting_input', 'restarting', 'removed',
] as const;
/** `null` is Airflow's state "none": not decided yet. */
export type InstanceState = (typeof INSTANCE_STATES)[number] | null;

export const FINISHED_STATES = ['success', 'failed', 'skipped', 'upstream_failed', 'removed'] as const;
export type FinishedState = (typeof FINISHED_STATES)[number];

export function isFinished(state: InstanceState): state is FinishedState {
  return state === 'success' || state === 'failed' || state === 'skipped' || state === 'upstream_failed' || state === 'removed';
}

export const TRIGGER_RULES = [
  'all_success', 'all_failed', 'all_done', 'all_done_min_one_success', 'all_skipped', 'one_success', 'one_failed',
  'one_done', 'none_failed', 'none_failed_min_one_success', 'none_skipped', 'always',
] as const;
export type TriggerRule = (typeof TRIGGER_RULES)[number];

export const RUN_TYPES = ['backfill', 'scheduled', 'manual', 'asset_triggered', 'asset_materialization'] as const;
export type RunType = (typeof RUN_TYPES)[number];

export const TRIGGERED_BY = ['cli', 'operator', 'rest_api', 'ui', 'test', 'timetable', 'asset', 'backfill'] as const;
export type TriggeredBy = (typeof TRIGGERED_BY)[number];

/** How one attempt ended, as a worker reports it. `lost` is only ever said by the scheduler. */
export const OUTCOMES = ['success', 'failed', 'skipped', 'deferred', 'rescheduled', 'awaiting_input'] as const;
export type Outcome = (typeof OUTCOMES)[number];

export const BACKFILL_STATES = ['running', 'paused', 'completed', 'cancelled'] as const;
export type BackfillState = (typeof BACKFILL_STATES)[number];

export const REPROCESS_BEHAVIORS = ['none', 'failed', 'completed'] as const;
export type ReprocessBehavior = (typeof REPROCESS_BEHAVIORS)[number];
