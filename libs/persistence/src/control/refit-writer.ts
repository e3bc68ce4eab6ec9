import type { DagVersionId, InstanceId, RunId } from '@millrace/vocabulary';
import { plainArray } from '../database/array-literals.js';
import type { Statement, Transaction } from '../database/database.js';

/**
 * refit-run: a run that ended becomes one of another version; or, with null, has other instances. Its version goes up, so that whoever remembers it
 * reads it again, and the decision's place is taken by a line that says so: from there on the rows, not the decisions before, are what counts.
 */
const REFIT: Statement = {
  name: 'refit-run',
  text: `
with moved as (
  update dag_run set dag_version_id = coalesce($2::uuid, dag_version_id), version = version + 1 where id = $1 and state in ('success', 'failed') returning id, version
)
insert into run_decision (dag_run_id, version, decided_at, events)
select id, version, now(), jsonb_build_object('now', extract(epoch from now()) * 1000, 'refitted', true, 'events', '[]'::jsonb) from moved
returning version`,
};

const DELETE_HISTORY: Statement = { name: 'delete-instance-history', text: `delete from task_instance_history where instance_id = any($1::uuid[])` };
const DELETE: Statement = { name: 'delete-instances', text: `delete from task_instance where id = any($2::uuid[]) and dag_run_id = $1` };

const GONE = 'the version it was run on again does not have this task';

/** retire-instances: of tasks a run's new version does not have; their last try is history. $1 uuid[] run ids, $2 text[] its task ids. */
const RETIRE_INSTANCES: Statement = {
  name: 'retire-instances',
  text: `
with gone as (
  select * from task_instance where dag_run_id = any($1::uuid[]) and task_id <> all($2::text[]) and state is distinct from 'removed' for update
), kept as (
  insert into task_instance_history (instance_id, dag_run_id, dag_id, run_id, task_id, index_path, try_number, attempt_id, claim_token, session_id, state, reason,
    max_tries, scheduled_at, queued_at, start_date, end_date, queue, pool, pool_slots, priority_weight, operator, hostname, pid, unixname, rendered_fields, note)
  select t.id, t.dag_run_id, t.dag_id, t.run_id, t.task_id, t.index_path, t.try_number, t.attempt_id, t.claim_token, t.session_id, t.state, t.reason,
    t.max_tries, t.scheduled_at, t.queued_at, t.start_date, coalesce(t.end_date, now()), t.queue, t.pool, t.pool_slots, t.priority_weight, t.operator, t.hostname, t.pid,
    t.unixname, t.rendered_fields, t.note
  from gone t where t.attempt_id is not null
)
update task_instance t set state = 'removed', attempt_id = null, reason = '${GONE}' from gone where t.id = gone.id`,
};

/** fit-instances: tasks that are in both versions take what the new one says of them; what an earlier move removed is undecided again. $1 uuid[] run ids, $2 json array of tasks. */
const FIT_INSTANCES: Statement = {
  name: 'fit-instances',
  text: `
update task_instance t set queue = n.queue, pool = n.pool, pool_slots = n."poolSlots", priority_weight = n."priorityWeight", operator = n.operator, owner = n.owner,
  state = case when t.state = 'removed' and t.reason = '${GONE}' then null else t.state end, reason = case when t.state = 'removed' and t.reason = '${GONE}' then null else t.reason end
from jsonb_to_recordset($2::jsonb) as n("taskId" text, queue text, pool text, "poolSlots" int, "priorityWeight" int, operator text, owner text)
where t.dag_run_id = any($1::uuid[]) and t.task_id = n."taskId"`,
};

/** add-instances: of tasks that are new in a run's version, undecided. $1 json array. */
const ADD_INSTANCES: Statement = {
  name: 'add-instances',
  text: `
insert into task_instance (id, dag_run_id, dag_id, run_id, task_id, index_path, max_tries, queue, pool, pool_slots, priority_weight, operator, owner)
select n.id, r.id, r.dag_id, r.run_id, n."taskId", '{}', n."maxTries", n.queue, n.pool, n."poolSlots", n."priorityWeight", n.operator, n.owner
from jsonb_to_recordset($1::jsonb) as n(id uuid, "runId" uuid, "taskId" text, "maxTries" int, queue text, pool text, "poolSlots" int, "priorityWeight" int, operator text, owner text)
join dag_run r on r.id = n."runId"
where not exists (select from task_instance t where t.dag_run_id = r.id and t.task_id = n."taskId")`,
};

export interface TaskColumns {
  readonly taskId: string;
  readonly maxTries: number;
  readonly queue: string;
  readonly pool: string;
  readonly poolSlots: number;
  readonly priorityWeight: number;
  readonly operator: string;
  readonly owner: string;
}

/** Changes of ended runs that no decision makes. */
export class RefitWriter {
  constructor(private readonly tx: Transaction) {}

  /** @returns false: the run has not ended. */
  async onto(id: RunId, versionId: DagVersionId): Promise<boolean> {
    return (await this.tx.query(REFIT, [id, versionId])).length > 0;
  }

  /** Makes the instances of finished runs those of another version: what is gone is removed, what is new is undecided. @param ids made for each run and task */
  async fit(runs: readonly RunId[], tasks: readonly TaskColumns[], ids: (run: RunId, taskId: string) => string): Promise<void> {
    const list = plainArray(runs);
    await this.tx.query(RETIRE_INSTANCES, [list, tasks.map((task) => task.taskId)]);
    await this.tx.query(FIT_INSTANCES, [list, JSON.stringify(tasks)]);
    await this.tx.query(ADD_INSTANCES, [JSON.stringify(runs.flatMap((runId) => tasks.map((task) => ({ ...task, runId, id: ids(runId, task.taskId) }))))]);
  }

  /** @returns false, and nothing is deleted: the run has not ended. */
  async delete(id: RunId, instanceIds: readonly InstanceId[]): Promise<boolean> {
    if ((await this.tx.query(REFIT, [id, null])).length === 0) return false;
    await this.tx.query(DELETE_HISTORY, [plainArray(instanceIds)]);
    await this.tx.query(DELETE, [id, plainArray(instanceIds)]);
    return true;
  }
}
