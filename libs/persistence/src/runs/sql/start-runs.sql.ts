import type { Statement } from '../../database/database.js';

/** lock-dags: whoever starts runs of a dag holds its row, so that max_active_runs is exact under any number of schedulers. $1 text[] dag ids. Locks: dag, dag_id order. */
export const LOCK_DAGS: Statement = {
  name: 'lock-dags',
  text: `
select dag_id as "dagId", is_paused as paused, max_active_runs as "maxActiveRuns"
from dag where dag_id = any($1::text[]) order by dag_id for no key update`,
};

/** count-running-runs: by dag and backfill; a backfill has a limit of its own. $1 text[] dag ids. Index: dag_run_active. */
export const COUNT_RUNNING_RUNS: Statement = {
  name: 'count-running-runs',
  text: `
select dag_id as "dagId", backfill_id as "backfillId", count(*) as running
from dag_run where state = 'running' and dag_id = any($1::text[]) group by dag_id, backfill_id`,
};

/**
 * startable-runs: queued runs in the order they may start. $1 text[] dag ids, $2 int how many of each dag at most.
 * Runs of paused, cancelled or completed backfills wait; quarantined runs are left alone. Index: dag_run_active.
 */
export const STARTABLE_RUNS: Statement = {
  name: 'startable-runs',
  text: `
select q.id, q.dag_id as "dagId", q.backfill_id as "backfillId", q.max_active as "backfillMaxActive", q.waited_ms as "waitedMs"
from unnest($1::text[]) as d(dag_id)
cross join lateral (
  select r.id, r.dag_id, r.backfill_id, b.max_active_runs as max_active, r.run_after, r.backfill_order,
    extract(epoch from clock_timestamp() - r.queued_at)::float8 * 1000 as waited_ms
  from dag_run r left join backfill b on b.id = r.backfill_id
  where r.state = 'queued' and r.dag_id = d.dag_id and r.run_after <= clock_timestamp() and r.quarantined_at is null
    and (b.id is null or (not b.is_paused and b.cancelled_at is null))
  order by r.backfill_order nulls first, r.run_after, r.id
  limit $2
) q
order by q.dag_id, q.backfill_order nulls first, q.run_after, q.id`,
};

/** dags-with-queued-runs: dags whose queued runs may start now. Index: dag_run_active. */
export const DAGS_WITH_QUEUED_RUNS: Statement = {
  name: 'dags-with-queued-runs',
  text: `
select distinct r.dag_id as "dagId" from dag_run r join dag d on d.dag_id = r.dag_id
where r.state = 'queued' and not d.is_paused and r.run_after <= clock_timestamp() and r.quarantined_at is null`,
};
