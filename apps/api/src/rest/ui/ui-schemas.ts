import { z } from 'zod';
import { REPROCESS_BEHAVIORS, RUN_STATES, RUN_TYPES, TRIGGERED_BY } from '@millrace/vocabulary';
import { ACTIONS, RESOURCES } from '@millrace/access';
import { maintenance } from '../maintenance/maintenance-schemas.js';
import { anyJson, anyObject, named, page, time } from '../openapi/answer-schemas.js';
import { taskInstance } from '../task-instances/instance-schemas.js';
import type { Answer } from '../openapi/answer-schemas.js';

/** How many instances or runs are in each state. */
const byState = z.record(z.string(), z.int());

export const session = named('UiSession', z.object({
  user: z.object({ name: z.string(), role: z.string() }).nullable(), may: z.partialRecord(z.enum(ACTIONS), z.array(z.enum(RESOURCES))),
  sso: z.object({ label: z.string(), url: z.string() }).nullable(), version: z.string(), renew_after_seconds: z.int(),
}));
export type SessionAnswer = Answer<typeof session>;

export const dagOverviewCollection = page('UiDagCollection', 'dags', named('UiDag', z.object({
  dag_id: z.string(), display_name: z.string(), description: z.string().nullable(), owners: z.array(z.string()), tags: z.array(z.string()), schedule: z.string().nullable(), schedule_description: z.string().nullable(),
  is_paused: z.boolean(), is_stale: z.boolean(), has_import_errors: z.boolean(), has_params: z.boolean(), is_favorite: z.boolean(), next_run_after: time.nullable(), next_logical_date: time.nullable(),
  tasks: z.int(), queued: z.int(), running: z.int(),
  recent: z.array(z.object({ run_id: z.string(), state: z.string(), run_type: z.string(), run_after: time, start_date: time.nullable(), end_date: time.nullable() })),
})));
const facet = z.object({ name: z.string(), dags: z.int() });
export const facets = named('UiFacets', z.object({ tags: z.array(facet), owners: z.array(facet), total: z.int(), paused: z.int(), failed: z.int(), running: z.int() }));

const attentionRun = z.object({
  dag_id: z.string(), display_name: z.string(), run_id: z.string(), state: z.string(), run_type: z.string(), run_after: time, queued_at: time.nullable(), start_date: time.nullable(), end_date: time.nullable(),
  reason: z.string().nullable(), failed_tasks: z.array(z.string()),
});
export const home = named('UiHome', z.object({
  dags: z.object({ total: z.int(), paused: z.int() }), runs_by_hour: z.array(z.object({ hour: time, state: z.string(), runs: z.int() })),
  failed_runs: z.array(attentionRun), active_runs: z.array(attentionRun.extend({ done: z.int(), tasks: z.int(), started: z.int() })),
  late_dags: z.array(z.object({ dag_id: z.string(), display_name: z.string(), next_run_after: time })),
  waiting: z.array(z.object({ dag_id: z.string(), run_id: z.string(), task_id: z.string(), map_index: z.int(), state: z.string(), since: time, queue: z.string(), pool: z.string(), reason: z.string().nullable() })),
  import_errors: z.array(z.object({ id: z.int(), fileloc: z.string(), line: z.int().nullable(), message: z.string(), created_at: time })), instances: byState,
  maintenance, services: z.array(z.object({ kind: z.string(), alive: z.boolean(), last_beat_at: time.nullable() })), workers: z.object({ count: z.int(), slots: z.int(), free_slots: z.int() }),
}));

export const structure = named('UiStructure', z.object({
  tasks: z.array(z.object({
    id: z.string(), label: z.string(), operator: z.string(), upstream: z.array(z.string()), group: z.string().nullable(), rule: z.string(), mapped: z.boolean(), setup: z.boolean(), teardown: z.boolean(), sensor: z.boolean(),
    queue: z.string(), pool: z.string(), retries: z.int(), doc: z.string().nullable(), defined_at: z.string().nullable(), inlets: z.array(z.string()), outlets: z.array(z.string()),
  })),
  groups: z.array(z.object({ id: z.string(), label: z.string(), parent: z.string().nullable(), tooltip: z.string(), mapped: z.boolean() })),
  edge_labels: z.record(z.string(), z.record(z.string(), z.string())), schedule: anyObject.nullable(),
}));
export type StructureAnswer = Answer<typeof structure>;

/** Runs × tasks: each run has one letter for each of `tasks`. */
export const board = named('UiBoard', z.object({
  tasks: z.array(z.string()),
  runs: z.array(z.object({
    run_id: z.string(), state: z.string(), run_type: z.string(), run_after: time, logical_date: time.nullable(), queued_at: time.nullable(), start_date: time.nullable(), end_date: time.nullable(),
    version: z.int(), note: z.string().nullable(), backfill_id: z.string().nullable(), cells: z.string(), mapped: z.record(z.string(), byState).optional(),
  })),
  before: time.nullable(),
}));
export type BoardAnswer = Answer<typeof board>;

export const runTasks = named('UiRunTasks', z.object({
  run: z.object({
    run_id: z.string(), state: z.enum(RUN_STATES), run_type: z.enum(RUN_TYPES), run_after: time, logical_date: time.nullable(), data_interval_start: time.nullable(), data_interval_end: time.nullable(), queued_at: time.nullable(),
    start_date: time.nullable(), end_date: time.nullable(), reason: z.string().nullable(), note: z.string().nullable(), conf: anyObject.nullable(), version_number: z.int(),
    triggered_by: z.enum(TRIGGERED_BY).nullable(), triggering_user_name: z.string().nullable(), partition_key: z.string().nullable(), result: anyJson,
  }),
  tasks: z.array(z.object({
    task_id: z.string(), instances: z.int(), states: byState, try_number: z.int(), scheduled_at: time.nullable(), queued_at: time.nullable(), start_date: time.nullable(), end_date: time.nullable(),
  })),
}));
export const calendar = named('UiCalendar', z.object({ days: z.array(z.object({ day: z.string(), state: z.string(), runs: z.int() })) }));
export const durations = named('UiDurations', z.object({
  tasks: z.array(z.object({
    task_id: z.string(), tries: z.int(), failures: z.int(), wait_median: z.number().nullable(), run_median: z.number().nullable(), run_p95: z.number().nullable(), run_max: z.number().nullable(),
  })),
}));
export const backfillOverviewCollection = page('UiBackfillCollection', 'backfills', named('UiBackfill', z.object({
  id: z.int(), dag_id: z.string(), display_name: z.string(), from_date: time, to_date: time, is_paused: z.boolean(), reprocess_behavior: z.enum(REPROCESS_BEHAVIORS), run_backwards: z.boolean(), max_active_runs: z.int(),
  triggering_user_name: z.string().nullable(), created_at: time, completed_at: time.nullable(), cancelled_at: time.nullable(), runs: byState,
})));

const neighbour = z.object({ task_id: z.string(), state: z.string().nullable() });
export const instancePage = named('UiTaskInstance', z.object({
  instance: taskInstance.extend({ reason: z.string().nullable() }).nullable(), mapped: z.object({ total: z.int(), states: byState }).nullable(),
  tries: z.array(z.object({
    try_number: z.int(), state: z.string().nullable(), queued_at: time.nullable(), start_date: time.nullable(), end_date: time.nullable(), hostname: z.string().nullable(), pid: z.int().nullable(), queue: z.string(), reason: z.string().nullable(),
  })),
  task: z.object({
    label: z.string(), operator: z.string(), rule: z.string(), retries: z.int(), queue: z.string(), pool: z.string(), owner: z.string(), doc: z.string().nullable(), fields: anyObject, group: z.string().nullable(),
    defined_at: z.string().nullable(), timeout_seconds: z.number().nullable(), retry_delay_seconds: z.number(), mapped: z.boolean(),
  }).nullable(),
  upstream: z.array(neighbour), downstream: z.array(neighbour),
}));
