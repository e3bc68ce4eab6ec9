import type { Queryable, Statement } from '../database/database.js';

export interface WaitingInstances {
  readonly queue: string;
  readonly pool: string;
  readonly state: string;
  readonly count: number;
  readonly slots: number;
  /** Seconds the oldest of them has been `queued`; null for other states. */
  readonly oldestSeconds: number | null;
}

/** How things stand in the whole installation, as stored; the same whoever asks. */
export interface Census {
  readonly instances: readonly WaitingInstances[];
  readonly pools: readonly { readonly pool: string; readonly slots: number }[];
  readonly runsQueued: number;
  readonly runsRunning: number;
  readonly runsQuarantined: number;
  readonly dagsActive: number;
  readonly dagsPaused: number;
  readonly importErrors: number;
  /** Due for more than two seconds. */
  readonly timersOverdue: number;
  readonly eventsWaiting: number;
  /** Of this database, by the role that asks (others only with pg_read_all_stats). */
  readonly oldestTransactionSeconds: number;
  /** Maintenance mode is on. */
  readonly maintenance: boolean;
}

/** census-instances: instances of active runs that are neither new nor ended. Index: dag_run_active, task_instance (dag_run_id, …). `offset 0`: see unclaimed-attempts. */
const INSTANCES: Statement = {
  name: 'census-instances',
  text: `
select t.queue, t.pool, t.state, count(*)::int as count, sum(t.pool_slots)::int as slots,
  max(extract(epoch from now() - t.queued_at)) filter (where t.state = 'queued')::float8 as "oldestSeconds"
from dag_run r
cross join lateral (
  select * from task_instance i
  where i.dag_run_id = r.id and i.state in ('scheduled', 'queued', 'running', 'restarting', 'up_for_retry', 'up_for_reschedule', 'deferred', 'awaiting_input') offset 0
) t
where r.state = 'running'
group by 1, 2, 3`,
};

const POOLS: Statement = { name: 'census-pools', text: 'select name as pool, slots from pool order by name limit 200' };

/** census-totals: one row. Index: dag_run_active, timer_due; the rest are small tables. */
const TOTALS: Statement = {
  name: 'census-totals',
  text: `
select
  (select count(*)::int from dag_run where state = 'queued') as "runsQueued",
  (select count(*)::int from dag_run where state = 'running') as "runsRunning",
  (select count(*)::int from dag_run where state in ('queued', 'running') and quarantined_at is not null) as "runsQuarantined",
  (select count(*)::int from dag where not is_stale and not is_paused) as "dagsActive",
  (select count(*)::int from dag where not is_stale and is_paused) as "dagsPaused",
  (select count(*)::int from import_error) as "importErrors",
  (select count(*)::int from timer where due_at < now() - interval '2 seconds') as "timersOverdue",
  (select count(*)::int from run_event) as "eventsWaiting",
  (select coalesce(max(extract(epoch from now() - xact_start)), 0)::float8 from pg_stat_activity where datname = current_database() and xact_start is not null) as "oldestTransactionSeconds",
  exists (select from maintenance where active) as maintenance`,
};

type Totals = Omit<Census, 'instances' | 'pools'>;

export async function takeCensus(on: Queryable): Promise<Census> {
  const instances = await on.query<WaitingInstances & Record<string, unknown>>(INSTANCES);
  const pools = await on.query<{ pool: string; slots: number }>(POOLS);
  const [totals] = await on.query<Totals & Record<string, unknown>>(TOTALS);
  return { ...(totals as Totals), instances, pools };
}
