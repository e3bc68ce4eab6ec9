import { z } from 'zod';
import { RUN_STATES } from '@millrace/vocabulary';
import { anyJson, named, page, time } from '../openapi/answer-schemas.js';

/** Whether a report counted, and how the work stands now. */
export const externalReport = named('ExternalReport', z.object({ counted: z.boolean(), state: z.string(), note: z.string().optional() }));
export const resumed = named('Resumed', z.object({ resumed: z.int() }));
export const externalTaskCollection = page('ExternalTaskCollection', 'external_tasks', named('ExternalTask', z.object({
  id: z.uuid(), try_number: z.int(), state: z.string(), external_id: z.string().nullable(), progress: anyJson, result: anyJson, reason: z.string().nullable(),
  created_at: time, submitted_at: time.nullable(), reported_at: time.nullable(), ended_at: time.nullable(), cancel_state: z.string().nullable(), cancel_error: z.string().nullable(),
  reports: z.array(z.object({ at: time, source: z.string(), state: z.string(), body: anyJson, counted: z.boolean(), note: z.string().nullable() })),
})));
export const runResult = named('RunResult', z.object({ dag_id: z.string(), dag_run_id: z.string(), state: z.enum(RUN_STATES), result_task: z.string(), result: anyJson }));
