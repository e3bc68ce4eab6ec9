import { z } from 'zod';
import { named, page, time } from '../openapi/answer-schemas.js';
import type { Answer } from '../openapi/answer-schemas.js';

export const job = named('JobResponse', z.object({
  dag_display_name: z.string().nullable(), dag_id: z.string().nullable(), end_date: time.nullable(), executor_class: z.string().nullable(),
  hostname: z.string().nullable(), id: z.int(), job_type: z.string().nullable(), latest_heartbeat: time.nullable(), start_date: time.nullable(),
  state: z.string().nullable(), unixname: z.string().nullable(),
}));
export const jobCollection = page('JobCollectionResponse', 'jobs', job);
export type JobAnswer = Answer<typeof job>;
