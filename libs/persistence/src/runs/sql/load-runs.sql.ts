import type { Statement } from '../../database/database.js';

const RUN_COLUMNS = `
  r.id, r.dag_id as "dagId", r.run_id as "runId", r.dag_version_id as "dagVersionId", v.bundle_hash as "bundleHash",
  r.state, r.version, r.run_type as "runType",
  extract(epoch from r.logical_date)::float8 * 1000 as "logicalDateMs",
  extract(epoch from r.data_interval_start)::float8 * 1000 as "intervalStartMs",
  extract(epoch from r.data_interval_end)::float8 * 1000 as "intervalEndMs",
  extract(epoch from r.run_after)::float8 * 1000 as "runAfterMs",
  extract(epoch from r.queued_at)::float8 * 1000 as "queuedAtMs",
  extract(epoch from r.start_date)::float8 * 1000 as "startedAtMs",
  extract(epoch from r.end_date)::float8 * 1000 as "endedAtMs",
  r.reason, r.conf::text as "confJson", r.params::text as "paramsJson", r.partition_key as "partitionKey",
  r.task_selection as "taskSelection", r.backfill_id as "backfillId", r.traceparent, d.is_paused as paused, d.switched_off as "switchedOff",
  r.retries_used as "retriesUsed", extract(epoch from r.retry_at)::float8 * 1000 as "retryAtMs", r.watched, coalesce(r.team, d.team, '') as team`;

/** load-runs: what a scheduler decides on. $1 uuid[] run ids. Index: dag_run_pkey. */
export const LOAD_RUNS: Statement = {
  name: 'load-runs',
  text: `
select ${RUN_COLUMNS}
from dag_run r
join dag d on d.dag_id = r.dag_id
join dag_version v on v.id = r.dag_version_id
where r.id = any($1::uuid[])`,
};

/**
 * startable-runs: queued runs in the order they may start, with the limits over them. $1 text[] dag ids, $2 int how many of each dag at most.
 * Locks: dag rows in dag_id order, until the transaction ends, so that max_active_runs is exact under any number of schedulers.
 * Index: dag_run_active, dag_run_backfill.
 * The function looks after it had the lock and leaves paused dags out; this statement's own snapshot is older, and may still see an unpaused dag as paused.
 * While maintenance is on none may start.
 */
export const STARTABLE_RUNS: Statement = {
  name: 'startable-runs',
  text: `
select ${RUN_COLUMNS.replace('d.is_paused', 'false')},
  exists (
    select 1 from waiter w where w.watched_dag_id = r.dag_id and w.watched_run_id is null and (w.watched_logical_date is null or w.watched_logical_date = r.logical_date)
  ) as "isAwaited",
  s.dag_limit as "dagLimit", s.dag_running as "dagRunning", s.backfill_limit as "backfillLimit", s.backfill_running as "backfillRunning", s.waited_ms as "waitedMs"
from startable_runs($1::text[], $2) s
join dag_run r on r.id = s.id
join dag d on d.dag_id = r.dag_id
join dag_version v on v.id = r.dag_version_id
where (not d.hold_after_failure or dag_holder(r.dag_id) is null) and not exists (select from maintenance where active)
order by s.place`,
};

/** load-instances: every instance of these runs. $1 uuid[] run ids. Index: task_instance (dag_run_id, task_id, index_path). */
export const LOAD_INSTANCES: Statement = {
  name: 'load-instances',
  text: `
select id, dag_run_id as "dagRunId", task_id as "taskId", index_path as "indexPath", state, try_number as "tryNumber",
  max_tries as "maxTries", free_tries as "freeTries", attempt_id as "attemptId", attempt_seq as "attemptSeq",
  extract(epoch from scheduled_at)::float8 * 1000 as "scheduledAtMs",
  extract(epoch from queued_at)::float8 * 1000 as "queuedAtMs",
  extract(epoch from end_date)::float8 * 1000 as "endedAtMs",
  reason, expanded_to as "expandedTo", map_lengths as lengths
from task_instance where dag_run_id = any($1::uuid[])`,
};

/** load-version-documents: dag documents to plan from. $1 uuid[] dag version ids. */
export const LOAD_VERSION_DOCUMENTS: Statement = {
  name: 'load-version-documents',
  text: `select id, document from dag_version where id = any($1::uuid[])`,
};

/** runs-of-instances: which run an instance belongs to. $1 uuid[] instance ids. */
export const RUNS_OF_INSTANCES: Statement = {
  name: 'runs-of-instances',
  text: `select id, dag_run_id as "dagRunId" from task_instance where id = any($1::uuid[])`,
};

/** attempt-fates: what became of attempts, to answer a completion that is sent again. $1 uuid[] instance ids, $2 uuid[] attempt ids. */
export const ATTEMPT_FATES: Statement = {
  name: 'attempt-fates',
  text: `
select attempt_id as "attemptId", claim_token as "claimToken", state from task_instance where id = any($1::uuid[]) and attempt_id = any($2::uuid[])
union all
select attempt_id, claim_token, state from task_instance_history where instance_id = any($1::uuid[]) and attempt_id = any($2::uuid[])`,
};

/** run-versions: $1 uuid[] run ids. Index: dag_run_pkey. */
export const RUN_VERSIONS: Statement = { name: 'run-versions', text: `select id, version from dag_run where id = any($1::uuid[])` };
