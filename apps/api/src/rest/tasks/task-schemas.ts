import { z } from 'zod';
import { anyObject, named, page, time } from '../openapi/answer-schemas.js';
import type { Answer } from '../openapi/answer-schemas.js';

export const timeDelta = named('TimeDelta', z.object({ __type: z.string(), days: z.int(), microseconds: z.int(), seconds: z.int() }));
export const task = named('TaskResponse', z.object({
  class_ref: anyObject.nullable(), depends_on_past: z.boolean(), doc_md: z.string().nullable(),
  downstream_task_ids: z.array(z.string()).nullable(), end_date: time.nullable(), execution_timeout: timeDelta.nullable(),
  extra_links: z.array(z.string()), is_mapped: z.boolean().nullable(), operator_name: z.string().nullable(), owner: z.string().nullable(),
  params: anyObject.nullable(), pool: z.string().nullable(), pool_slots: z.number().nullable(),
  priority_weight: z.number().nullable(), queue: z.string().nullable(), retries: z.number().nullable(), retry_delay: timeDelta.nullable(),
  retry_exponential_backoff: z.number(), start_date: time.nullable(), task_display_name: z.string().nullable(), task_id: z.string().nullable(),
  template_fields: z.array(z.string()).nullable(), trigger_rule: z.string().nullable(), ui_color: z.string().nullable(),
  ui_fgcolor: z.string().nullable(), wait_for_downstream: z.boolean(), weight_rule: z.string().nullable(),
}));
export const taskCollection = page('TaskCollectionResponse', 'tasks', task);
export type TaskAnswer = Answer<typeof task>;
