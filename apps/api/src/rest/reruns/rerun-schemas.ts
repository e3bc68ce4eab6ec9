import { z } from 'zod';
import { anyJson, named, page, time } from '../openapi/answer-schemas.js';
import type { Answer } from '../openapi/answer-schemas.js';

export const rerun = named('Rerun', z.object({
  id: z.uuid(), dag_id: z.string(), state: z.enum(['draft', 'applying', 'done', 'cancelled', 'failed']), request: anyJson, note: z.string().nullable(), created_by: z.string(), created_at: time,
  applied_by: z.string().nullable(), applied_at: time.nullable(), ended_at: time.nullable(), runs: z.int(), task_instances: z.int(),
  progress: z.object({ waiting: z.int(), done: z.int(), failed: z.int(), cancelled: z.int() }),
}));
export type RerunAnswer = Answer<typeof rerun>;
export const rerunCollection = page('RerunCollection', 'reruns', rerun);
export const rerunItem = named('RerunItem', z.object({
  place: z.int(), dag_run_id: z.string(), logical_date: time.nullable(), partition_key: z.string().nullable(), task_instances: z.int(), state: z.string(), outcome: z.string().nullable(), done_at: time.nullable(),
}));
export type RerunItemAnswer = Answer<typeof rerunItem>;
export const rerunItemCollection = page('RerunItemCollection', 'items', rerunItem);
/** A draft with the beginning of what it would do. */
export const rerunPlan = named('RerunPlan', rerun.extend({ left_out: z.array(z.object({ dag_run_id: z.string(), why: z.string() })), left_out_total: z.int(), items: z.array(rerunItem) }));
