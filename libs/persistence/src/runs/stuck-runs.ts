import type { AttemptId, InstanceId, RunId } from '@millrace/vocabulary';
import type { Queryable, Statement } from '../database/database.js';

/**
 * unclaimed-attempts: queued longer than $1 ms. Index: dag_run_active, task_instance (dag_run_id, …); `offset 0` keeps the planner from
 * reading all instances there ever were when its statistics are old (after a restore, for one).
 */
const UNCLAIMED_ATTEMPTS: Statement = {
  name: 'unclaimed-attempts',
  text: `
select t.id as "instanceId", t.attempt_id as "attemptId", t.queue, t.dag_run_id as "runId", exists (select 1 from run_worker b where b.dag_run_id = r.id) as "isPinned", extract(epoch from now() - t.queued_at)::float8 * 1000 as "waitedMs"
from dag_run r
cross join lateral (select * from task_instance i where i.dag_run_id = r.id and i.state = 'queued' and i.queued_at < now() - $1 * interval '1 millisecond' offset 0) t
where r.state = 'running' and r.active_instances > 0
order by t.queued_at limit 5000`,
};

/**
 * idle-runs: running runs that nothing will move: nothing active, no timer, not finished, untouched for $1 ms. Expected: none.
 * Paused dags and deferred instances that wait for a person or a platform are no such thing.
 */
const IDLE_RUNS: Statement = {
  name: 'idle-runs',
  text: `
select r.id from dag_run r join dag d on d.dag_id = r.dag_id
where r.state = 'running' and r.active_instances = 0 and not d.is_paused and r.quarantined_at is null
  and r.last_scheduling_decision < now() - $1 * interval '1 millisecond'
  and not exists (select 1 from timer t where t.dag_run_id = r.id and t.kind <> 'run_timeout')
  and not exists (select 1 from slot_request s where s.dag_run_id = r.id)
  and not exists (select 1 from task_instance t where t.dag_run_id = r.id and t.state in ('deferred', 'awaiting_input'))
limit 1000`,
};

/** runs-with-events: asked for and not applied. $1 ms old at least. */
const RUNS_WITH_EVENTS: Statement = {
  name: 'runs-with-events',
  text: `
select e.id, e.dag_run_id as "runId", e.payload from run_event e join dag_run r on r.id = e.dag_run_id
where r.quarantined_at is null and e.created_at <= now() - $1 * interval '1 millisecond' order by e.id limit 1000`,
};

/** quarantine: a run that cannot be applied is set aside, with why, so that the others go on. */
const QUARANTINE: Statement = {
  name: 'quarantine-run',
  text: `update dag_run set quarantined_at = now(), reason = $2 where id = $1`,
};

export interface UnclaimedAttempt {
  readonly instanceId: InstanceId;
  readonly attemptId: AttemptId;
  readonly queue: string;
  readonly runId: RunId;
  /** Its run is for one worker. */
  readonly isPinned: boolean;
  readonly waitedMs: number;
}

/** What the sweeper looks for. */
export class StuckRuns {
  constructor(private readonly on: Queryable) {}

  unclaimed(olderThanMs: number): Promise<UnclaimedAttempt[]> {
    return this.on.query<UnclaimedAttempt & Record<string, unknown>>(UNCLAIMED_ATTEMPTS, [olderThanMs]);
  }

  async idle(olderThanMs: number): Promise<RunId[]> {
    return (await this.on.query<{ id: RunId }>(IDLE_RUNS, [olderThanMs])).map((row) => row.id);
  }

  async withEvents(olderThanMs: number): Promise<{ id: string; runId: RunId; payload: unknown }[]> {
    return this.on.query(RUNS_WITH_EVENTS, [olderThanMs]);
  }

  async quarantine(id: RunId, why: string): Promise<void> {
    await this.on.query(QUARANTINE, [id, why]);
  }
}
