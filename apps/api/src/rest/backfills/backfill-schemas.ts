import { z } from 'zod';
import { BACKFILL_STATES, REPROCESS_BEHAVIORS, RUN_STATES } from '@millrace/vocabulary';
import { anyObject, named, page, time } from '../openapi/answer-schemas.js';
import type { Answer } from '../openapi/answer-schemas.js';

export const reprocessBehavior = named('ReprocessBehavior', z.enum(REPROCESS_BEHAVIORS));
export const backfill = named('BackfillResponse', z.object({
  completed_at: time.nullable(), created_at: time, dag_display_name: z.string(), dag_id: z.string(),
  dag_run_conf: anyObject.nullable(), from_date: time, id: z.int(), is_paused: z.boolean(), max_active_runs: z.int(),
  reprocess_behavior: reprocessBehavior, to_date: time, updated_at: time,
}));
export const backfillCollection = page('BackfillCollectionResponse', 'backfills', backfill);
export const dryRunBackfill = named('DryRunBackfillResponse', z.object({
  logical_date: time.nullable(), partition_date: time.nullable(), partition_key: z.string().nullable(),
}));
export const dryRunBackfillCollection = page('DryRunBackfillCollectionResponse', 'backfills', dryRunBackfill);
export type BackfillAnswer = Answer<typeof backfill>;

/** Why a date gets no run. */
const exceptionReason = z.enum(['in flight', 'already exists', 'unknown']);
/** The dry run with what stands against a date, and counts. */
export const backfillPreview = named('BackfillPreview', z.object({
  runs: z.array(z.object({
    logical_date: time, data_interval_start: time.nullable(), data_interval_end: time.nullable(), partition_key: z.string().nullable(), action: z.enum(['create', 'clear', 'skip']),
    existing_state: z.enum(RUN_STATES).nullable(), exception_reason: exceptionReason.nullable(), why: z.string().nullable(),
  })),
  counts: z.object({ create: z.int(), clear: z.int(), skip: z.int() }), total_entries: z.int(),
}));
/** A backfill with how far it is. */
export const backfillProgress = named('BackfillProgress', backfill.extend({
  state: z.enum(BACKFILL_STATES), run_backwards: z.boolean(), run_on_latest_version: z.boolean(), triggering_user_name: z.string().nullable(), cancelled_at: time.nullable(),
  dates: z.int(), done: z.int(), runs: z.record(z.enum(RUN_STATES), z.int()), skipped: z.partialRecord(exceptionReason, z.int()), deleted: z.int(),
}));
/** Each date with its run, or why it has none. */
export const backfillDates = page('BackfillDateCollection', 'dates', z.object({
  ordinal: z.int(), logical_date: time, dag_run_id: z.string().nullable(), state: z.enum(RUN_STATES).nullable(), exception_reason: exceptionReason.nullable(),
}));
