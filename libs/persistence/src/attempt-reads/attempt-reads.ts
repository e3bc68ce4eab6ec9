import type { AttemptId, ClaimToken, IndexPath, InstanceId } from '@millrace/vocabulary';
import { pathLiteral } from '../database/array-literals.js';
import type { Queryable, Statement } from '../database/database.js';

export interface XComRead {
  readonly dagId: string;
  readonly runId: string;
  readonly taskIds: readonly string[];
  readonly key: string;
  /** null: every instance of each task. */
  readonly indexPath: IndexPath | null;
  readonly includePriorDates: boolean;
}

export interface FoundXComRow {
  readonly taskId: string;
  readonly indexPath: IndexPath;
  readonly json: string | null;
}

/** xcoms-of-run: values of the current tries. $1 dag id, $2 run id, $3 text[] task ids, $4 key, $5 int[] index path or null. Index: dag_run (dag_id, run_id), xcom_run. */
const XCOMS_OF_RUN: Statement = {
  name: 'xcoms-of-run',
  text: `
select x.task_id as "taskId", x.index_path as "indexPath", x.value::text as json
from dag_run r
join xcom x on x.dag_run_id = r.id
join task_instance t on t.id = x.instance_id and t.try_number = x.try_number
where r.dag_id = $1 and r.run_id = $2 and x.task_id = any($3::text[]) and x.key = $4 and ($5::int[] is null or x.index_path = $5::int[])
order by x.task_id, x.index_path`,
};

/** xcoms-of-prior-run: the same from the newest earlier run that has a value for the task. Index: dag_run_recent, xcom_run. */
const XCOMS_OF_PRIOR_RUN: Statement = {
  name: 'xcoms-of-prior-run',
  text: `
select x.task_id as "taskId", x.index_path as "indexPath", x.value::text as json
from dag_run me
join lateral (
  select r.id from dag_run r
  where r.dag_id = me.dag_id and r.run_after <= me.run_after and r.id <> me.id
    and exists (select 1 from xcom x where x.dag_run_id = r.id and x.task_id = any($3::text[]) and x.key = $4)
  order by r.run_after desc, r.id desc limit 1
) p on true
join xcom x on x.dag_run_id = p.id
join task_instance t on t.id = x.instance_id and t.try_number = x.try_number
where me.dag_id = $1 and me.run_id = $2 and x.task_id = any($3::text[]) and x.key = $4 and ($5::int[] is null or x.index_path = $5::int[])
order by x.task_id, x.index_path`,
};

/** is-running: the dag and run of a running attempt, if this claim is its current one. */
const IS_RUNNING: Statement = {
  name: 'is-running',
  text: `select dag_id as "dagId", run_id as "runId" from task_instance where id = $1 and attempt_id = $2 and claim_token = $3 and state in ('running', 'restarting')`,
};

const VARIABLE: Statement = { name: 'variable-of-task', text: `select value, is_encrypted as "isEncrypted" from variable where key = $1` };

const CONNECTION: Statement = {
  name: 'connection-of-task',
  text: `
select connection_id as "connectionId", conn_type as "connType", host, schema_name as schema, login, port,
  password_encrypted as "passwordEncrypted", extra_encrypted as "extraEncrypted" from connection where connection_id = $1`,
};

export interface StoredConnection {
  readonly connectionId: string;
  readonly connType: string;
  readonly host: string | null;
  readonly schema: string | null;
  readonly login: string | null;
  readonly port: number | null;
  readonly passwordEncrypted: string | null;
  readonly extraEncrypted: string | null;
}

/** What a running attempt may read. */
export class AttemptReads {
  constructor(private readonly on: Queryable) {}

  /** undefined: the claim is not the current one of a running attempt. */
  async running(instanceId: InstanceId, attemptId: AttemptId, token: ClaimToken): Promise<{ dagId: string; runId: string } | undefined> {
    return (await this.on.query<{ dagId: string; runId: string }>(IS_RUNNING, [instanceId, attemptId, token]))[0];
  }

  async xcoms(read: XComRead): Promise<FoundXComRow[]> {
    const values = [read.dagId, read.runId, read.taskIds, read.key, read.indexPath === null ? null : pathLiteral(read.indexPath)];
    const rows = await this.on.query<FoundXComRow & Record<string, unknown>>(XCOMS_OF_RUN, values);
    return rows.length > 0 || !read.includePriorDates ? rows : this.on.query<FoundXComRow & Record<string, unknown>>(XCOMS_OF_PRIOR_RUN, values);
  }

  async variable(key: string): Promise<{ value: string; isEncrypted: boolean } | undefined> {
    return (await this.on.query<{ value: string; isEncrypted: boolean }>(VARIABLE, [key]))[0];
  }

  async connection(id: string): Promise<StoredConnection | undefined> {
    return (await this.on.query<StoredConnection & Record<string, unknown>>(CONNECTION, [id]))[0];
  }
}
