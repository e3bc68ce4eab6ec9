import type { AttemptId, DagVersionId, InstanceId, RunId } from '@millrace/vocabulary';
import { plainArray } from '../database/array-literals.js';
import type { Queryable, Statement } from '../database/database.js';

export interface AskingInstance {
  readonly runId: RunId;
  readonly runQueuedAtMs: number;
  readonly logicalDate: Date | null;
  readonly dagId: string;
  readonly taskId: string;
  readonly tryNumber: number;
}

export interface OtherRun {
  readonly id: RunId;
  readonly dagId: string;
  readonly runId: string;
  readonly logicalDate: Date | null;
  readonly state: string;
  readonly versionId: DagVersionId;
  readonly watched: boolean;
  readonly triggeredBy: InstanceId | null;
  readonly triggeredByTry: number | null;
}

export interface Waiter {
  readonly id: string;
  readonly instanceId: InstanceId;
  readonly attemptId: AttemptId;
  readonly condition: unknown;
}

export interface NewWaiter {
  readonly id: string;
  readonly instanceId: InstanceId;
  readonly attemptId: AttemptId;
  readonly runId: RunId;
  readonly watchedRunId: RunId | null;
  readonly watchedDagId: string;
  readonly watchedLogicalDate: Date | null;
  readonly conditionJson: string;
}

const COLUMNS = `r.id, r.dag_id as "dagId", r.run_id as "runId", r.logical_date as "logicalDate", r.state, r.dag_version_id as "versionId", r.watched, r.triggered_by_instance as "triggeredBy", r.triggered_by_try as "triggeredByTry"`;

const ASKING: Statement = {
  name: 'asking-instance',
  text: `
select r.id as "runId", extract(epoch from r.queued_at)::float8 * 1000 as "runQueuedAtMs", r.logical_date as "logicalDate", t.dag_id as "dagId", t.task_id as "taskId", t.try_number as "tryNumber"
from task_instance t join dag_run r on r.id = t.dag_run_id where t.id = $1`,
};

/** last-triggered: the run an instance asked for last. Index: dag_run_triggered_by_instance. */
const LAST_TRIGGERED: Statement = {
  name: 'last-triggered',
  text: `select ${COLUMNS} from dag_run r where r.triggered_by_instance = $1 order by r.triggered_by_try desc, r.id desc limit 1`,
};

/** ended-well-between: whether a try from $2 on, before $3, ended by itself as success or skipped: then a later one is a new beginning. */
const ENDED_WELL: Statement = {
  name: 'ended-well-between',
  text: `select 1 from task_instance_history where instance_id = $1 and try_number >= $2 and try_number < $3 and state in ('success', 'skipped')`,
};

const BY_NAMES: Statement = {
  name: 'other-run-by-names',
  text: `select ${COLUMNS} from dag_run r where r.dag_id = $1 and (r.run_id = $2 or r.logical_date = $3) order by (r.run_id = $2) desc limit 1`,
};

const BY_DATES: Statement = { name: 'other-runs-by-dates', text: `select ${COLUMNS} from dag_run r where r.dag_id = $1 and r.logical_date = any($2::timestamptz[])` };

const MARK: Statement = { name: 'mark-triggered', text: `update dag_run set triggered_by_instance = $2, triggered_by_try = $3, watched = watched or $4 where id = $1` };

const UPSERT_WAITER: Statement = {
  name: 'upsert-waiter',
  text: `
insert into waiter (id, instance_id, attempt_id, dag_run_id, watched_run_id, watched_dag_id, watched_logical_date, condition) values ($1, $2, $3, $4, $5, $6, $7, $8::jsonb)
on conflict (instance_id) do update set attempt_id = excluded.attempt_id, watched_run_id = excluded.watched_run_id, watched_dag_id = excluded.watched_dag_id,
  watched_logical_date = excluded.watched_logical_date, condition = excluded.condition`,
};

/** waiters-of-run: who waits for a run, by its id or by what names it. $1 run id. Index: waiter_run, waiter_date. Locks them. */
const WAITERS_OF: Statement = {
  name: 'waiters-of-run',
  text: `
select w.id, w.instance_id as "instanceId", w.attempt_id as "attemptId", w.condition from dag_run r join waiter w
  on w.watched_run_id = r.id or (w.watched_run_id is null and w.watched_dag_id = r.dag_id and (w.watched_logical_date is null or w.watched_logical_date = r.logical_date))
where r.id = $1 for update of w`,
};

/** What tasks have to do with other runs: runs they asked for, runs they wait for. */
export class OtherRunsStore {
  constructor(private readonly on: Queryable) {}

  async asking(id: InstanceId): Promise<AskingInstance | undefined> {
    return (await this.on.query<AskingInstance & Record<string, unknown>>(ASKING, [id]))[0];
  }

  async lastTriggeredBy(id: InstanceId): Promise<OtherRun | undefined> {
    return (await this.on.query<OtherRun & Record<string, unknown>>(LAST_TRIGGERED, [id]))[0];
  }

  async endedWell(id: InstanceId, fromTry: number, beforeTry: number): Promise<boolean> {
    return (await this.on.query(ENDED_WELL, [id, fromTry, beforeTry])).length > 0;
  }

  async named(dagId: string, runId: string, logicalDate: Date | null): Promise<OtherRun | undefined> {
    return (await this.on.query<OtherRun & Record<string, unknown>>(BY_NAMES, [dagId, runId, logicalDate]))[0];
  }

  ofDates(dagId: string, dates: readonly Date[]): Promise<OtherRun[]> {
    return this.on.query<OtherRun & Record<string, unknown>>(BY_DATES, [dagId, dates.map((date) => date.toISOString())]);
  }

  async markTriggered(id: RunId, by: InstanceId, tryNumber: number, watched: boolean): Promise<void> {
    await this.on.query(MARK, [id, by, tryNumber, watched]);
  }

  async wait(w: NewWaiter): Promise<void> {
    await this.on.query(UPSERT_WAITER, [w.id, w.instanceId, w.attemptId, w.runId, w.watchedRunId, w.watchedDagId, w.watchedLogicalDate, w.conditionJson]);
  }

  waitersOf(id: RunId): Promise<Waiter[]> {
    return this.on.query<Waiter & Record<string, unknown>>(WAITERS_OF, [id]);
  }

  async forget(instanceIds: readonly InstanceId[]): Promise<void> {
    if (instanceIds.length > 0) await this.on.query({ name: 'forget-waiters', text: `delete from waiter where instance_id = any($1::uuid[])` }, [plainArray(instanceIds)]);
  }

  instanceStates(runIds: readonly RunId[], taskIds: readonly string[]): Promise<{ runId: RunId; taskId: string; state: string }[]> {
    return this.on.query(
      { name: 'other-instance-states', text: `select dag_run_id as "runId", task_id as "taskId", coalesce(state, 'none') as state from task_instance where dag_run_id = any($1::uuid[]) and task_id = any($2::text[]) and state is distinct from 'removed'` },
      [plainArray(runIds), taskIds],
    );
  }

  async isPaused(dagId: string): Promise<boolean> {
    return (await this.on.query({ name: 'is-dag-paused', text: `select 1 from dag where dag_id = $1 and is_paused` }, [dagId])).length > 0;
  }
}
