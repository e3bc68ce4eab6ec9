import { z } from 'zod';
import { INSTANCE_STATES } from '@millrace/vocabulary';
import { dagVersion } from '../dag-versions/version-schemas.js';
import { job } from '../jobs/job-schemas.js';
import { anyObject, named, page, time } from '../openapi/answer-schemas.js';
import type { Answer } from '../openapi/answer-schemas.js';

export const taskInstanceState = named('TaskInstanceState', z.enum(INSTANCE_STATES));
export const trigger = named('TriggerResponse', z.object({
  classpath: z.string(), created_date: time, id: z.int(), kwargs: z.string(), queue: z.string().nullable(), triggerer_id: z.int().nullable(),
}));
export const taskInstance = named('TaskInstanceResponse', z.object({
  dag_display_name: z.string(), dag_id: z.string(), dag_run_id: z.string(), dag_version: dagVersion.nullable(), duration: z.number().nullable(),
  end_date: time.nullable(), executor: z.string().nullable(), executor_config: z.string(), hostname: z.string().nullable(), id: z.uuid(),
  logical_date: time.nullable(), map_index: z.int(), max_tries: z.int(), note: z.string().nullable(), operator: z.string().nullable(),
  operator_name: z.string().nullable(), pid: z.int().nullable(), pool: z.string(), pool_slots: z.int(), priority_weight: z.int().nullable(),
  queue: z.string().nullable(), queued_when: time.nullable(), rendered_fields: anyObject,
  rendered_map_index: z.string().nullable(), run_after: time, scheduled_when: time.nullable(), start_date: time.nullable(),
  state: taskInstanceState.nullable(), task_display_name: z.string(), task_id: z.string(), trigger: trigger.nullable(), triggerer_job: job.nullable(),
  try_number: z.int(), unixname: z.string().nullable(),
}));
export const taskInstanceCollection = page('TaskInstanceCollectionResponse', 'task_instances', taskInstance);
export const taskInstanceHistory = named('TaskInstanceHistoryResponse', z.object({
  dag_display_name: z.string(), dag_id: z.string(), dag_run_id: z.string(), dag_version: dagVersion.nullable(), duration: z.number().nullable(),
  end_date: time.nullable(), executor: z.string().nullable(), executor_config: z.string(), hostname: z.string().nullable(), map_index: z.int(),
  max_tries: z.int(), operator: z.string().nullable(), operator_name: z.string().nullable(), pid: z.int().nullable(), pool: z.string(),
  pool_slots: z.int(), priority_weight: z.int().nullable(), queue: z.string().nullable(), queued_when: time.nullable(),
  scheduled_when: time.nullable(), start_date: time.nullable(), state: taskInstanceState.nullable(), task_display_name: z.string(),
  task_id: z.string(), try_number: z.int(), unixname: z.string().nullable(),
}));
export const taskInstanceHistoryCollection = named('TaskInstanceHistoryCollectionResponse', z.object({
  task_instances: z.array(taskInstanceHistory), total_entries: z.int(),
}));
export const taskDependency = named('TaskDependencyResponse', z.object({ name: z.string(), reason: z.string() }));
export const taskDependencyCollection = named('TaskDependencyCollectionResponse', z.object({ dependencies: z.array(taskDependency) }));
export const extraLinkCollection = named('ExtraLinkCollectionResponse', z.object({ extra_links: z.record(z.string(), z.string().nullable()), total_entries: z.int() }));
export type InstanceAnswer = Answer<typeof taskInstance>;
export type TryAnswer = Answer<typeof taskInstanceHistory>;
