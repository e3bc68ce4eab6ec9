import { z } from 'zod';
import type { InstanceFilter } from '@millrace/persistence';
import { INSTANCE_STATES } from '@millrace/vocabulary';
import { instant, pageFields, query, rangeFields, rangeOf } from '../validation/fields.js';

const TIMES = ['run_after', 'logical_date', 'start_date', 'end_date', 'updated_at'] as const;
/** `none` (also `no_status`) is the state of what nobody decided yet. */
const stateName = z.enum([...INSTANCE_STATES, 'none', 'no_status']).transform((state) => (state === 'no_status' ? 'none' : state));

export const instancesQuery = z.object({
  ...pageFields('map_index'),
  ...rangeFields(TIMES, query.instant),
  ...rangeFields(['duration'], query.number),
  task_id: query.text,
  task_display_name_pattern: query.text,
  task_group_id: query.text,
  dag_id_pattern: query.text,
  run_id_pattern: query.text,
  state: z.preprocess((value) => (value === undefined ? undefined : [value].flat()), z.array(stateName).optional()),
  pool: query.texts,
  pool_name_pattern: query.text,
  queue: query.texts,
  queue_name_pattern: query.text,
  executor: query.texts,
  version_number: query.integers,
  try_number: query.integers,
  operator: query.texts,
  operator_name_pattern: query.text,
  map_index: query.integers,
});
export type InstancesQuery = z.infer<typeof instancesQuery>;

export const instancesBatchBody = z.strictObject({
  dag_ids: z.array(z.string()).nullish(),
  dag_run_ids: z.array(z.string()).nullish(),
  task_ids: z.array(z.string()).nullish(),
  state: z.array(z.enum(INSTANCE_STATES).nullable()).nullish(),
  pool: z.array(z.string()).nullish(),
  queue: z.array(z.string()).nullish(),
  executor: z.array(z.string()).nullish(),
  order_by: z.string().max(100).nullish(),
  page_offset: z.number().int().min(0).default(0),
  page_limit: z.number().int().min(0).default(100),
  ...rangeFields(['run_after', 'logical_date', 'start_date', 'end_date'], instant.nullish()),
  ...rangeFields(['duration'], z.number().nullish()),
});
export type InstancesBatchBody = z.infer<typeof instancesBatchBody>;

export function instanceFilterOf(values: InstancesQuery): InstanceFilter {
  return {
    ...ranges(values),
    updatedAt: rangeOf(values, 'updated_at'),
    taskId: values.task_id,
    taskPattern: values.task_display_name_pattern,
    dagIdPattern: values.dag_id_pattern,
    runIdPattern: values.run_id_pattern,
    states: values.state,
    pools: values.pool,
    poolPattern: values.pool_name_pattern,
    queues: values.queue,
    queuePattern: values.queue_name_pattern,
    versionNumbers: values.version_number,
    tryNumbers: values.try_number,
    operators: values.operator,
    executors: values.executor,
    operatorPattern: values.operator_name_pattern,
    mapIndexes: values.map_index,
  };
}

export function instanceFilterOfBatch(body: InstancesBatchBody): InstanceFilter {
  return {
    ...ranges(body),
    dagIds: body.dag_ids ?? undefined,
    runIds: body.dag_run_ids ?? undefined,
    taskIds: body.task_ids ?? undefined,
    states: body.state?.map((state) => state ?? 'none'),
    pools: body.pool ?? undefined,
    queues: body.queue ?? undefined,
    executors: body.executor ?? undefined,
  };
}

function ranges(values: Readonly<Record<string, unknown>>): Pick<InstanceFilter, 'runAfter' | 'logicalDate' | 'startDate' | 'endDate' | 'duration'> {
  return {
    runAfter: rangeOf(values, 'run_after'),
    logicalDate: rangeOf(values, 'logical_date'),
    startDate: rangeOf(values, 'start_date'),
    endDate: rangeOf(values, 'end_date'),
    duration: rangeOf(values, 'duration'),
  };
}
