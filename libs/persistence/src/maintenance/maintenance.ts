import type { Queryable, Statement } from '../database/database.js';

/** maintenance: one row whatever there is, with what still moves. Index: dag_run_active. */
const STATE: Statement = {
  name: 'maintenance',
  text: `
select coalesce(m.active, false) as active, m.reason, m.by_user as "byUser", m.since, x.running::int, x.queued::int, (select count(*)::int from dag_run where state = 'queued') as "runsQueued"
from (select true) as always left join maintenance m on true
cross join lateral (
  select count(*) filter (where t.state in ('running', 'restarting')) as running, count(*) filter (where t.state = 'queued') as queued
  from dag_run r cross join lateral (select i.state from task_instance i where i.dag_run_id = r.id and i.state in ('queued', 'running', 'restarting') offset 0) t
  where r.state = 'running' and r.active_instances > 0
) x`,
};

const IS_ON: Statement = { name: 'is-maintenance-on', text: `select exists (select from maintenance where active) as active` };

/** set-maintenance: $1 on or off, $2 reason, $3 who. Returns a row when that changed something; a new reason is told, and does not begin it anew. */
const SET: Statement = {
  name: 'set-maintenance',
  text: `
insert into maintenance as m (active, reason, by_user) select $1, $2, $3 where $1 or exists (select from maintenance)
on conflict (one) do update set active = excluded.active, reason = excluded.reason, by_user = excluded.by_user, since = case when m.active = excluded.active then m.since else now() end
where m.active is distinct from excluded.active or (excluded.active and m.reason is distinct from excluded.reason)
returning true as changed`,
};

/** ask-drain: $1 worker's name, $2 who. Sessions that live; one that was asked before keeps who asked first. */
const ASK_DRAIN: Statement = {
  name: 'ask-drain',
  text: `
update worker_session set drain_asked_at = coalesce(drain_asked_at, now()), drain_asked_by = coalesce(drain_asked_by, $2)
where worker_name = $1 and state in ('active', 'draining') and lease_expires_at > now()
returning id, worker_name as "workerName", state, slots, free_slots as "freeSlots", cardinality(running) as running, drain_asked_at as "drainAskedAt", drain_asked_by as "drainAskedBy"`,
};

export interface MaintenanceState {
  readonly active: boolean;
  readonly reason: string | null;
  /** Who switched it last; null: nobody ever did. */
  readonly byUser: string | null;
  readonly since: Date | null;
  /** Task instances that run; those queued and not taken; runs that wait for their start. */
  readonly running: number;
  readonly queued: number;
  readonly runsQueued: number;
}

export interface DrainingWorker {
  readonly id: string;
  readonly workerName: string;
  readonly state: 'active' | 'draining';
  readonly slots: number;
  readonly freeSlots: number;
  readonly running: number;
  readonly drainAskedAt: Date;
  readonly drainAskedBy: string;
}

/** While it is on no run starts and nothing queued is claimed: both statements look at the row themselves, so a scheduler that has not heard of it holds too. */
export class Maintenance {
  constructor(private readonly on: Queryable) {}

  async state(): Promise<MaintenanceState> {
    return (await this.on.query<MaintenanceState & Record<string, unknown>>(STATE))[0]!;
  }

  async isOn(): Promise<boolean> {
    return (await this.on.query<{ active: boolean }>(IS_ON))[0]!.active;
  }

  /** @returns whether that changed anything */
  async set(active: boolean, reason: string | null, by: string): Promise<boolean> {
    return (await this.on.query(SET, [active, reason, by])).length > 0;
  }

  /** @returns the living sessions of workers of that name; empty: there is none. */
  askDrain(workerName: string, by: string): Promise<DrainingWorker[]> {
    return this.on.query<DrainingWorker & Record<string, unknown>>(ASK_DRAIN, [workerName, by]);
  }
}
