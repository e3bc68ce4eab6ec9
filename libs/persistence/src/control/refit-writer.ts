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

/** Changes of ended runs that no decision makes. */
export class RefitWriter {
  constructor(private readonly tx: Transaction) {}

  /** @returns false: the run has not ended. */
  async onto(id: RunId, versionId: DagVersionId): Promise<boolean> {
    return (await this.tx.query(REFIT, [id, versionId])).length > 0;
  }

  /** @returns false, and nothing is deleted: the run has not ended. */
  async delete(id: RunId, instanceIds: readonly InstanceId[]): Promise<boolean> {
    if ((await this.tx.query(REFIT, [id, null])).length === 0) return false;
    await this.tx.query(DELETE_HISTORY, [plainArray(instanceIds)]);
    await this.tx.query(DELETE, [id, plainArray(instanceIds)]);
    return true;
  }
}
