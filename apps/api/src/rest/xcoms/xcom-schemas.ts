import { z } from 'zod';
import { anyJson, named, page, time } from '../openapi/answer-schemas.js';
import type { Answer } from '../openapi/answer-schemas.js';

export const xcom = named('XComResponse', z.object({
  dag_display_name: z.string(), dag_id: z.string(), key: z.string(), logical_date: time.nullable(), map_index: z.int(), run_after: time,
  run_id: z.string(), task_display_name: z.string(), task_id: z.string(), timestamp: time,
}));
export const xcomCollection = page('XComCollectionResponse', 'xcom_entries', xcom);
export const xcomResponseNative = named('XComResponseNative', xcom.extend({ value: anyJson }));
export const xcomResponseString = named('XComResponseString', xcom.extend({ value: z.string().nullable() }));
export type XcomAnswer = Answer<typeof xcom>;
