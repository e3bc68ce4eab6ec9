import type { DagVersionId, InstanceId, RunId } from '@millrace/vocabulary';
import { plainArray } from '../database/array-literals.js';
import type { Statement, Transaction } from '../database/database.js';

const RUNS_OF_DAG: Statement = {
  name: 'unfinished-runs-of-dag',
  text: `select id from dag_run where dag_id = $1 and state = 'running'`,
};

/** set-paused: returns whether it changed. */
const SET_PAUSED: Statement = {
  name: 'set-paused',
  text: `update dag set is_paused = $2 where dag_id = $1 returning dag_id as "dagId"`,
};

/** delete-run: the run and all that hangs on it; history and decisions have no foreign key because they are partitioned. */
const DELETE_DECISIONS: Statement = { name: 'delete-run-decisions', text: `delete from run_decision where dag_run_id = $1` };
const DELETE_HISTORY: Statement = { name: 'delete-run-history', text: `delete from task_instance_history where dag_run_id = $1` };
const DELETE_RUN: Statement = { name: 'delete-run', text: `delete from dag_run where id = $1 returning dag_id as "dagId", run_id as "runId"` };

/** selectable-instances: by dag and run, or by a range of logical dates. $1 dag id, $2 run id or null, $3, $4 dates or null. */
const SELECTABLE: Statement = {
  name: 'selectable-instances',
  text: `
select t.id, t.dag_run_id as "dagRunUuid", t.dag_id as "dagId", t.run_id as "runId", t.task_id as "taskId", t.index_path as "indexPath", t.state,
  r.dag_version_id as "versionId", r.logical_date as "logicalDate"
from dag_run r join task_instance t on t.dag_run_id = r.id
where r.dag_id = $1 and ($2::text is null or r.run_id = $2) and (t.expanded_to is null or t.expanded_to = 0)
  and ($3::timestamptz is null or coalesce(r.logical_date, r.run_after) >= $3) and ($4::timestamptz is null or coalesce(r.logical_date, r.run_after) <= $4)
order by r.run_after, r.id, t.task_id, t.index_path`,
};

const RUN_FACTS: Statement = {
  name: 'run-facts',
  text: `select id, dag_id as "dagId", run_id as "runId", state, coalesce(logical_date, run_after) as "orderDate" from dag_run where dag_id = $1 and run_id = $2`,
};

const RUN_BY_ID: Statement = { name: 'run-by-id', text: `select id, dag_id as "dagId", run_id as "runId", state from dag_run where id = $1` };

const AUDIT: Statement = { name: 'audit', text: `insert into audit_log (event, dag_id, run_id, task_id, actor, extra) values ($1, $2, $3, $4, $5, $6)` };

/** What people's commands write. Only inside a transaction. */
export class RunWriter {
  constructor(private readonly tx: Transaction) {}

  async setPaused(dagId: string, paused: boolean): Promise<boolean> {
    return (await this.tx.query(SET_PAUSED, [dagId, paused])).length > 0;
  }

  async delete(id: RunId): Promise<{ dagId: string; runId: string } | undefined> {
    await this.tx.query(DELETE_DECISIONS, [id]);
    await this.tx.query(DELETE_HISTORY, [id]);
    return (await this.tx.query<{ dagId: string; runId: string }>(DELETE_RUN, [id]))[0];
  }

  async audit(event: string, actor: string, facts: { dagId?: string | null; runId?: string | null; taskId?: string | null; extra?: unknown }): Promise<void> {
    await this.tx.query(AUDIT, [event, facts.dagId ?? null, facts.runId ?? null, facts.taskId ?? null, actor, facts.extra === undefined ? null : JSON.stringify(facts.extra)]);
  }
}

export interface SelectableRow {
  readonly id: string;
  readonly dagRunUuid: string;
  readonly dagId: string;
  readonly runId: string;
  readonly taskId: string;
  readonly indexPath: readonly number[];
  readonly state: string | null;
  readonly versionId: DagVersionId;
  readonly logicalDate: Date | null;
}

/** Reads for people's commands. */
export class RunCommandReader {
  constructor(private readonly on: { query: Transaction['query'] }) {}

  async runningRuns(dagId: string): Promise<RunId[]> {
    return (await this.on.query<{ id: RunId }>(RUNS_OF_DAG, [dagId])).map((row) => row.id);
  }

  /** Runs that may be starting at this moment: who starts them has read their dag already. */
  async startingRuns(dagId: string): Promise<RunId[]> {
    const text = `select id from dag_run where dag_id = $1 and state = 'queued' and run_after <= clock_timestamp() order by backfill_order nulls first, run_after, id limit 500`;
    return (await this.on.query<{ id: RunId }>({ name: 'starting-runs-of-dag', text }, [dagId])).map((row) => row.id);
  }

  selectable(dagId: string, runId: string | null, from: Date | null, to: Date | null): Promise<SelectableRow[]> {
    return this.on.query<SelectableRow & Record<string, unknown>>(SELECTABLE, [dagId, runId, from, to]);
  }

  async run(dagId: string, runId: string): Promise<{ id: RunId; dagId: string; runId: string; state: string; orderDate: Date } | undefined> {
    return (await this.on.query<{ id: RunId; dagId: string; runId: string; state: string; orderDate: Date }>(RUN_FACTS, [dagId, runId]))[0];
  }

  async runById(id: RunId): Promise<{ id: RunId; dagId: string; runId: string; state: string } | undefined> {
    return (await this.on.query<{ id: RunId; dagId: string; runId: string; state: string }>(RUN_BY_ID, [id]))[0];
  }

  async instancesOf(id: RunId): Promise<InstanceId[]> {
    const rows = await this.on.query<{ id: InstanceId }>({ name: 'instances-of-run', text: `select id from task_instance where dag_run_id = $1` }, [id]);
    return rows.map((row) => row.id);
  }

  async runsOfInstances(ids: readonly string[]): Promise<{ id: string; dagRunId: RunId; dagId: string; runId: string; taskId: string }[]> {
    return this.on.query(
      { name: 'runs-of-instances-for-commands', text: `select id, dag_run_id as "dagRunId", dag_id as "dagId", run_id as "runId", task_id as "taskId" from task_instance where id = any($1::uuid[])` },
      [plainArray(ids)],
    );
  }
}
