import { z } from 'zod';
import { named, page, time } from '../openapi/answer-schemas.js';
import type { Answer } from '../openapi/answer-schemas.js';

export const eventLog = named('EventLogResponse', z.object({
  dag_display_name: z.string().nullable(), dag_id: z.string().nullable(), event: z.string(), event_log_id: z.int(), extra: z.string().nullable(),
  logical_date: time.nullable(), map_index: z.int().nullable(), owner: z.string().nullable(), run_id: z.string().nullable(),
  task_display_name: z.string().nullable(), task_id: z.string().nullable(), try_number: z.int().nullable(), when: time,
}));
export const eventLogCollection = page('EventLogCollectionResponse', 'event_logs', eventLog);
export type EventLogAnswer = Answer<typeof eventLog>;
