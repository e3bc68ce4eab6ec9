import { z } from 'zod';
import type { RunFilter } from '@millrace/persistence';
import { RUN_STATES, RUN_TYPES } from '@millrace/vocabulary';
import { instant, pageFields, query, rangeFields, rangeOf } from '../validation/fields.js';

const TIMES = ['run_after', 'logical_date', 'start_date', 'end_date', 'updated_at'] as const;
const listOf = <T extends z.ZodType>(item: T) => z.preprocess((value) => (value === undefined ? undefined : Array.isArray(value) ? value : [value]), z.array(item).optional());

export const runsQuery = z.object({
  ...pageFields('id'),
  ...rangeFields(TIMES, query.instant),
  ...rangeFields(['duration'], query.number),
  conf_contains: query.text,
  run_type: listOf(z.enum(RUN_TYPES)),
  state: listOf(z.enum(RUN_STATES)),
  dag_version: query.integers,
  bundle_version: query.text,
  run_id_pattern: query.text,
  triggering_user_name_pattern: query.text,
  dag_id_pattern: query.text,
  partition_key_pattern: query.text,
});
export type RunsQuery = z.infer<typeof runsQuery>;

/** The body of `dagRuns/list`: the same filters as fields of JSON. */
export const runsBatchBody = z.strictObject({
  order_by: z.string().max(100).nullish(),
  page_offset: z.number().int().min(0).default(0),
  page_limit: z.number().int().min(0).default(100),
  dag_ids: z.array(z.string()).nullish(),
  states: z.array(z.enum(RUN_STATES).nullable()).nullish(),
  conf_contains: z.string().nullish(),
  ...rangeFields(['run_after', 'logical_date', 'start_date', 'end_date'], instant.nullish()),
  ...rangeFields(['duration'], z.number().nullish()),
});
export type RunsBatchBody = z.infer<typeof runsBatchBody>;

export function runFilterOf(dagId: string | undefined, values: RunsQuery): RunFilter {
  return {
    dagId,
    ...ranges(values),
    updatedAt: rangeOf(values, 'updated_at'),
    confContains: values.conf_contains,
    runTypes: values.run_type,
    states: values.state,
    versionNumbers: values.dag_version,
    bundleVersion: values.bundle_version,
    runIdPattern: values.run_id_pattern,
    userPattern: values.triggering_user_name_pattern,
    dagIdPattern: values.dag_id_pattern,
    partitionKeyPattern: values.partition_key_pattern,
  };
}

export function runFilterOfBatch(body: RunsBatchBody): RunFilter {
  return { dagIds: body.dag_ids ?? undefined, states: body.states?.filter((state) => state !== null), confContains: body.conf_contains ?? undefined, ...ranges(body) };
}

function ranges(values: Readonly<Record<string, unknown>>): Pick<RunFilter, 'runAfter' | 'logicalDate' | 'startDate' | 'endDate' | 'duration'> {
  return {
    runAfter: rangeOf(values, 'run_after'),
    logicalDate: rangeOf(values, 'logical_date'),
    startDate: rangeOf(values, 'start_date'),
    endDate: rangeOf(values, 'end_date'),
    duration: rangeOf(values, 'duration'),
  };
}
