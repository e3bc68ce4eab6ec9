import { z } from 'zod';
import { RUN_STATES, RUN_TYPES, TRIGGERED_BY } from '@millrace/vocabulary';
import { dagVersion } from '../dag-versions/version-schemas.js';
import { anyObject, named, page, time } from '../openapi/answer-schemas.js';
import type { Answer } from '../openapi/answer-schemas.js';

export const dagRunState = named('DagRunState', z.enum(RUN_STATES));
export const dagRunType = named('DagRunType', z.enum(RUN_TYPES));
export const dagRunTriggeredByType = named('DagRunTriggeredByType', z.enum(TRIGGERED_BY));
export const dagRun = named('DAGRunResponse', z.object({
  bundle_version: z.string().nullable(), conf: anyObject.nullable(), dag_display_name: z.string(), dag_id: z.string(),
  dag_run_id: z.string(), dag_versions: z.array(dagVersion), data_interval_end: time.nullable(), data_interval_start: time.nullable(),
  duration: z.number().nullable(), end_date: time.nullable(), last_scheduling_decision: time.nullable(), logical_date: time.nullable(),
  note: z.string().nullable(), partition_key: z.string().nullable(), queued_at: time.nullable(), run_after: time, run_type: dagRunType,
  start_date: time.nullable(), state: dagRunState, triggered_by: dagRunTriggeredByType.nullable(), triggering_user_name: z.string().nullable(),
}));
export const dagRunCollection = page('DAGRunCollectionResponse', 'dag_runs', dagRun);
export type DagRunAnswer = Answer<typeof dagRun>;
