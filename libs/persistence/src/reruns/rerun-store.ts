import { mapIndexSql } from '../database/map-index.js';
import type { DagVersionId, InstanceId, RunId } from '@millrace/vocabulary';
import type { Queryable, Statement } from '../database/database.js';

export type RerunState = 'draft' | 'applying' | 'done' | 'cancelled' | 'failed';

export interface RerunView {
  readonly id: string;
  readonly dagId: string;
  readonly state: RerunState;
  readonly request: unknown;
  readonly note: string | null;
  readonly createdBy: string;
  readonly createdAt: Date;
  readonly appliedBy: string | null;
  readonly appliedAt: Date | null;
  readonly endedAt: Date | null;
  readonly runs: number;
  readonly instances: number;
  readonly waiting: number;
  readonly done: number;
  readonly failed: number;
  readonly cancelled: number;
}

export interface RerunItem {
  readonly place: number;
  readonly dagRunId: RunId;
  readonly runId: string;
  readonly logicalDate: Date | null;
  readonly partitionKey: string | null;
  readonly instanceIds: readonly InstanceId[];
  readonly state: string;
  readonly outcome: string | null;
  readonly doneAt: Date | null;
}

export interface ChosenRun {
  readonly id: RunId;
  readonly runId: string;
  readonly state: string;
  readonly versionId: DagVersionId;
  readonly logicalDate: Date | null;
  readonly partitionKey: string | null;
}

export interface RunChoice {
  readonly runIds: readonly string[] | null;
  readonly from: Date | null;
  readonly to: Date | null;
  readonly states: readonly string[] | null;
  readonly partitionKeys: readonly string[] | null;
}

/** choose-runs: $1 dag, $2 text[] run ids, $3, $4 dates, $5 text[] states, $6 text[] partition keys, $7 how many at most; each but the first may be null. */
const CHOOSE: Statement = {
  name: 'choose-runs',
  text: `
select id, run_id as "runId", state, dag_version_id as "versionId", logical_date as "logicalDate", partition_key as "partitionKey" from dag_run
where dag_id = $1 and ($2::text[] is null or run_id = any($2)) and ($3::timestamptz is null or coalesce(logical_date, run_after) >= $3)
  and ($4::timestamptz is null or coalesce(logical_date, run_after) <= $4) and ($5::text[] is null or state = any($5)) and ($6::text[] is null or partition_key = any($6))
order by coalesce(logical_date, run_after), id limit $7`,
};

const VIEW = `
select p.id, p.dag_id as "dagId", p.state, p.request, p.note, p.created_by as "createdBy", p.created_at as "createdAt", p.applied_by as "appliedBy", p.applied_at as "appliedAt", p.ended_at as "endedAt",
  c.runs, c.instances, c.waiting, c.done, c.failed, c.cancelled
from rerun_plan p cross join lateral (
  select count(*)::int as runs, coalesce(sum(cardinality(i.instance_ids)), 0)::int as instances, count(*) filter (where i.state = 'waiting')::int as waiting, count(*) filter (where i.state = 'done')::int as done,
    count(*) filter (where i.state = 'failed')::int as failed, count(*) filter (where i.state = 'cancelled')::int as cancelled
  from rerun_item i where i.plan_id = p.id
) c`;

const ITEM = `place, dag_run_id as "dagRunId", run_id as "runId", logical_date as "logicalDate", partition_key as "partitionKey", instance_ids as "instanceIds", state, outcome, done_at as "doneAt"`;

const INSERT_ITEMS: Statement = {
  name: 'insert-rerun-items',
  text: `
insert into rerun_item (plan_id, place, dag_run_id, run_id, logical_date, partition_key, instance_ids)
select $1, n."place", n."dagRunId", n."runId", n."logicalDate", n."partitionKey", array(select jsonb_array_elements_text(n."instanceIds"))::uuid[]
from jsonb_to_recordset($2::jsonb) as n("place" int, "dagRunId" uuid, "runId" text, "logicalDate" timestamptz, "partitionKey" text, "instanceIds" jsonb)`,
};

/** put-input: a value in place of what an instance's current try pushed; kept with what it was. $1 instance, $2 key, $3 json, $4 plan, $5 who, $6 id. */
const PUT_INPUT: Statement = {
  name: 'put-rerun-input',
  text: `
with t as (select id, dag_run_id, dag_id, run_id, task_id, index_path, try_number, attempt_id from task_instance where id = $1),
was as (select x.value from xcom x join t on x.instance_id = t.id and x.try_number = t.try_number and x.key = $2),
put as (
  insert into xcom (instance_id, try_number, key, dag_run_id, dag_id, run_id, task_id, index_path, attempt_id, value)
  select t.id, t.try_number, $2, t.dag_run_id, t.dag_id, t.run_id, t.task_id, t.index_path, t.attempt_id, $3::jsonb from t
  on conflict (instance_id, try_number, key) do update set value = excluded.value, location = null
)
insert into xcom_override (id, plan_id, instance_id, try_number, key, before, after, by_user) select $6, $4, t.id, t.try_number, $2, (select value from was), $3::jsonb, $5 from t`,
};

/** Plans of re-runs: what was chosen, and how far it is. */
export class RerunStore {
  constructor(private readonly on: Queryable) {}

  choose(dagId: string, c: RunChoice, limit: number): Promise<ChosenRun[]> {
    return this.on.query<ChosenRun & Record<string, unknown>>(CHOOSE, [dagId, c.runIds, c.from, c.to, c.states, c.partitionKeys, limit]);
  }

  async insert(plan: { readonly id: string; readonly dagId: string; readonly requestJson: string; readonly note: string | null; readonly by: string }, items: readonly { readonly place: number; readonly dagRunId: RunId; readonly runId: string; readonly logicalDate: Date | null; readonly partitionKey: string | null; readonly instanceIds: readonly string[] }[]): Promise<void> {
    await this.on.query({ name: 'insert-rerun', text: `insert into rerun_plan (id, dag_id, state, request, note, created_by) values ($1, $2, 'draft', $3::jsonb, $4, $5)` }, [plan.id, plan.dagId, plan.requestJson, plan.note, plan.by]);
    await this.on.query(INSERT_ITEMS, [plan.id, JSON.stringify(items)]);
  }

  async view(id: string): Promise<RerunView | undefined> {
    return (await this.on.query<RerunView & Record<string, unknown>>({ name: 'rerun-view', text: `${VIEW} where p.id = $1` }, [id]))[0];
  }

  list(dagId: string, limit: number, offset: number): Promise<RerunView[]> {
    return this.on.query<RerunView & Record<string, unknown>>({ name: 'rerun-list', text: `${VIEW} where p.dag_id = $1 order by p.created_at desc, p.id limit $2 offset $3` }, [dagId, limit, offset]);
  }

  async count(dagId: string): Promise<number> {
    return (await this.on.query<{ count: number }>({ name: 'rerun-count', text: `select count(*)::int as count from rerun_plan where dag_id = $1` }, [dagId]))[0]!.count;
  }

  items(id: string, limit: number, offset: number): Promise<RerunItem[]> {
    return this.on.query<RerunItem & Record<string, unknown>>({ name: 'rerun-items', text: `select ${ITEM} from rerun_item where plan_id = $1 order by place limit $2 offset $3` }, [id, limit, offset]);
  }

  /** From draft to applying. @returns false: it is no draft. */
  async begin(id: string, by: string): Promise<boolean> {
    return (await this.on.query({ name: 'begin-rerun', text: `update rerun_plan set state = 'applying', applied_by = $2, applied_at = now() where id = $1 and state = 'draft' returning id` }, [id, by])).length > 0;
  }

  /** What was not put in line yet will not be. @returns false: it is over already. */
  async cancel(id: string): Promise<boolean> {
    const rows = await this.on.query({ name: 'cancel-rerun', text: `update rerun_plan set state = 'cancelled', ended_at = now() where id = $1 and state in ('draft', 'applying') returning id` }, [id]);
    if (rows.length > 0) await this.on.query({ name: 'cancel-rerun-items', text: `update rerun_item set state = 'cancelled', outcome = 'the plan was cancelled' where plan_id = $1 and state = 'waiting'` }, [id]);
    return rows.length > 0;
  }

  /** The plan, locked, if it is being applied. */
  async lockApplying(id: string): Promise<{ dagId: string; request: unknown; appliedBy: string; room: number } | undefined> {
    return (
      await this.on.query<{ dagId: string; request: unknown; appliedBy: string; room: number }>(
        {
          name: 'lock-rerun',
          text: `
select p.dag_id as "dagId", p.request, p.applied_by as "appliedBy",
  coalesce((p.request ->> 'max_active_runs')::int, d.max_active_runs) - (
    select count(*)::int from rerun_item i join dag_run r on r.id = i.dag_run_id where i.plan_id = p.id and i.state = 'done' and (r.state in ('queued', 'running') or exists (select 1 from run_event e where e.dag_run_id = r.id))
  ) as room
from rerun_plan p join dag d on d.dag_id = p.dag_id where p.id = $1 and p.state = 'applying' for update of p`,
        },
        [id],
      )
    )[0];
  }

  next(id: string, limit: number): Promise<RerunItem[]> {
    return this.on.query<RerunItem & Record<string, unknown>>({ name: 'next-rerun-items', text: `select ${ITEM} from rerun_item where plan_id = $1 and state = 'waiting' order by place limit $2` }, [id, limit]);
  }

  async settle(id: string, place: number, state: 'done' | 'failed', outcome: string): Promise<void> {
    await this.on.query({ name: 'settle-rerun-item', text: `update rerun_item set state = $3, outcome = $4, done_at = now() where plan_id = $1 and place = $2` }, [id, place, state, outcome]);
  }

  async finishIfDone(id: string): Promise<boolean> {
    const text = `update rerun_plan p set state = 'done', ended_at = now() where id = $1 and not exists (select 1 from rerun_item i where i.plan_id = p.id and i.state = 'waiting') returning id`;
    return (await this.on.query({ name: 'finish-rerun', text }, [id])).length > 0;
  }

  /** The next page is owed, in so many ms. */
  async owePage(outboxId: string, planId: string, inMs: number): Promise<void> {
    await this.on.query(
      { name: 'owe-rerun-page', text: `insert into outbox (id, kind, payload, not_before) values ($1, 'rerun_page', jsonb_build_object('planId', $2::text), clock_timestamp() + $3 * interval '1 millisecond')` },
      [outboxId, planId, inMs],
    );
  }

  async setConf(id: RunId, confJson: string, paramsJson: string): Promise<void> {
    await this.on.query({ name: 'set-rerun-conf', text: `update dag_run set conf = $2::jsonb, params = $3::jsonb where id = $1` }, [id, confJson, paramsJson]);
  }

  async instancesAt(runId: RunId, taskId: string, mapIndex: number): Promise<InstanceId[]> {
    const text = `select id from task_instance where dag_run_id = $1 and task_id = $2 and ${mapIndexSql('index_path')} = $3::int8`;
    return (await this.on.query<{ id: InstanceId }>({ name: 'rerun-input-instance', text }, [runId, taskId, mapIndex])).map((row) => row.id);
  }

  async putInput(instanceId: InstanceId, key: string, json: string, planId: string, by: string, id: string): Promise<void> {
    await this.on.query(PUT_INPUT, [instanceId, key, json, planId, by, id]);
  }
}
