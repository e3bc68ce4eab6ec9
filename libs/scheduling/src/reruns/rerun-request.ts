import { RUN_STATES } from '@millrace/vocabulary';
import { z } from 'zod';

const instant = z.iso.datetime({ offset: true });

/** What is to run again, and how. As it comes in by the api, and as it is stored with the plan. */
export const rerunRequest = z.strictObject({
  /** Which runs: all of these that are given hold. */
  run_ids: z.array(z.string()).min(1).max(10_000).nullish(),
  from_date: instant.nullish(),
  to_date: instant.nullish(),
  run_states: z.array(z.enum(RUN_STATES)).min(1).nullish(),
  partition_keys: z.array(z.string()).min(1).max(10_000).nullish(),
  /** Which tasks of them; left out: all. */
  task_ids: z.array(z.string()).min(1).max(10_000).nullish(),
  include_upstream: z.boolean().default(false),
  include_downstream: z.boolean().default(false),
  only_failed: z.boolean().default(false),
  order: z.enum(['oldest_first', 'newest_first']).default('oldest_first'),
  /** Runs of the plan under way at once; left out: the dag's limit. */
  max_active_runs: z.number().int().min(1).max(10_000).nullish(),
  /** In place of the runs' own. */
  conf: z.record(z.string(), z.unknown()).nullish(),
  version: z.enum(['original', 'latest']).default('original'),
  /** Values in place of what tasks that do not run again have pushed. */
  inputs: z.array(z.strictObject({ task_id: z.string(), map_index: z.number().int().min(-1).default(-1), key: z.string().min(1).max(512).default('return_value'), value: z.unknown() })).max(100).default([]),
  note: z.string().max(1_000).nullish(),
});
export type RerunRequest = z.infer<typeof rerunRequest>;
