import type { InstanceId, RunId } from '@millrace/vocabulary';
import type { Queryable, Statement, Transaction } from '../database/database.js';

export const EXTERNAL_END_STATES = ['success', 'failed', 'cancelled', 'timed_out'] as const;
export type ExternalEndState = (typeof EXTERNAL_END_STATES)[number];
/** submitting: the request may have been sent, or not. */
export type ExternalState = 'submitting' | 'submitted' | 'running' | ExternalEndState;

/** The correlation key under which an instance waits for its work. */
export function externalKey(id: string): string {
  return `external:${id}`;
}

export interface ExternalTask {
  readonly id: string;
  readonly instanceId: InstanceId;
  readonly runId: RunId;
  readonly tryNumber: number;
  readonly state: ExternalState;
  readonly externalId: string | null;
  readonly result: unknown;
  readonly progress: unknown;
  readonly reason: string | null;
  readonly createdAtMs: number;
  readonly endedAtMs: number | null;
}

export interface ExternalReport {
  readonly source: 'callback' | 'task';
  readonly state: 'running' | ExternalEndState;
  readonly resultJson: string | null;
  readonly progressJson: string | null;
  readonly reason: string | null;
}

/** How a platform is told to stop. */
export interface CancelRequest {
  readonly url: string;
  readonly method?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: string | undefined;
  /** Its login and password, or token, authorise the request. */
  readonly connectionId?: string | undefined;
}

export interface WantedCancel {
  readonly id: string;
  readonly cancel: CancelRequest;
  readonly tries: number;
  readonly externalId: string | null;
  readonly dagId: string;
  readonly team: string | null;
}

export interface ExternalTaskView extends ExternalTask {
  readonly createdAt: Date;
  readonly submittedAt: Date | null;
  readonly reportedAt: Date | null;
  readonly endedAt: Date | null;
  readonly cancelState: string | null;
  readonly cancelError: string | null;
  readonly reports: readonly { readonly at: string; readonly source: string; readonly state: string; readonly body: unknown; readonly counted: boolean; readonly note: string | null }[];
}

const COLUMNS = `
  e.id, e.instance_id as "instanceId", e.dag_run_id as "runId", e.try_number as "tryNumber", e.state, e.external_id as "externalId", e.result, e.progress, e.reason,
  extract(epoch from e.created_at)::float8 * 1000 as "createdAtMs", extract(epoch from e.ended_at)::float8 * 1000 as "endedAtMs"`;

const CURRENT: Statement = { name: 'external-current', text: `select ${COLUMNS} from external_task e where e.instance_id = $1 and e.settled_at is null for update` };
const BY_ID: Statement = { name: 'external-by-id', text: `select ${COLUMNS} from external_task e where e.id = $1 for update` };
const BY_TOKEN: Statement = {
  name: 'external-by-token',
  text: `select ${COLUMNS} from external_task e join external_task_token k on k.external_task_id = e.id where k.hash = $1 for update of e`,
};
const BEGIN: Statement = {
  name: 'external-begin',
  text: `
insert into external_task (id, instance_id, dag_run_id, dag_id, run_id, task_id, index_path, try_number, idempotency_key, state)
select $1::uuid, t.id, t.dag_run_id, t.dag_id, t.run_id, t.task_id, t.index_path, t.try_number, $1::text, 'submitting' from task_instance t where t.id = $2
on conflict (instance_id) where settled_at is null do nothing`,
};
const TOKEN: Statement = { name: 'external-token', text: `insert into external_task_token (hash, external_task_id) values ($1, $2)` };
const CANCEL_REQUEST: Statement = { name: 'external-cancel-request', text: `update external_task set cancel = $2::jsonb where id = $1` };
const SUBMITTED: Statement = {
  name: 'external-submitted',
  text: `
update external_task set external_id = coalesce($2, external_id), cancel = coalesce($3::jsonb, cancel), submitted_at = coalesce(submitted_at, now()),
  state = case state when 'submitting' then 'submitted' else state end
where id = $1`,
};
const PROGRESS: Statement = {
  name: 'external-progress',
  text: `update external_task set state = 'running', progress = coalesce($2::jsonb, progress), reported_at = now() where id = $1`,
};
const END: Statement = {
  name: 'external-end',
  text: `
update external_task set state = $2, result = $3::jsonb, progress = coalesce($4::jsonb, progress), reason = $5, reported_at = now(), ended_at = now()
where id = $1`,
};
const REPORT: Statement = {
  name: 'external-report',
  text: `insert into external_report (external_task_id, source, state, body, counted, note) values ($1, $2, $3, $4::jsonb, $5, $6)`,
};
/** Beyond this many reports of one work only those that count are kept: a platform that repeats itself does not fill the disk. */
const REPORTS_MAX = 1_000;
const REPORT_COUNT: Statement = { name: 'external-report-count', text: `select count(*)::int as count from (select 1 from external_report where external_task_id = $1 limit ${REPORTS_MAX}) c` };

/** external-stop: work nobody waits for any more: of a settled try, or of an instance that ended. $1 instance, $2 why. */
const STOP: Statement = {
  name: 'external-stop',
  text: `
update external_task e set state = 'cancelled', reason = $2, ended_at = now(), cancel_state = case when e.cancel is not null then 'wanted' end, cancel_not_before = now()
from task_instance t
where e.instance_id = $1 and t.id = e.instance_id and e.ended_at is null
  and (e.settled_at is not null or t.state in ('success', 'failed', 'skipped', 'upstream_failed', 'removed'))
returning e.id, e.cancel is not null as "isTold"`,
};
const WANT_CANCEL: Statement = { name: 'external-want-cancel', text: `update external_task set cancel_state = 'wanted', cancel_not_before = now() where id = $1 and cancel is not null and cancel_state is null` };

/** external-take-cancels: platforms to be told now. Taken for $1 ms: who takes one and dies leaves it to others after that. */
const TAKE_CANCELS: Statement = {
  name: 'external-take-cancels',
  text: `
update external_task e set cancel_not_before = clock_timestamp() + $1 * interval '1 millisecond', cancel_tries = e.cancel_tries + 1
where e.id in (select id from external_task where cancel_state = 'wanted' and cancel_not_before <= clock_timestamp() order by cancel_not_before limit $2 for update skip locked)
returning e.id, e.cancel, e.cancel_tries as tries, e.external_id as "externalId", e.dag_id as "dagId", (select d.team from dag d where d.dag_id = e.dag_id) as team`,
};
const CANCEL_DONE: Statement = {
  name: 'external-cancel-done',
  text: `update external_task set cancel_state = $2, cancel_error = $3, cancel_not_before = clock_timestamp() + $4 * interval '1 millisecond' where id = $1`,
};

const VIEW: Statement = {
  name: 'external-view',
  text: `
select ${COLUMNS}, e.created_at as "createdAt", e.submitted_at as "submittedAt", e.reported_at as "reportedAt", e.ended_at as "endedAt", e.cancel_state as "cancelState", e.cancel_error as "cancelError",
  coalesce((select jsonb_agg(jsonb_build_object('at', r.at, 'source', r.source, 'state', r.state, 'body', r.body, 'counted', r.counted, 'note', r.note) order by r.id)
    from (select * from external_report r where r.external_task_id = e.id order by r.id desc limit 100) r), '[]') as reports
from external_task e where e.instance_id = $1 order by e.created_at`,
};

/** Work on other platforms. What writes takes a transaction, fenced by whoever has a right to write. */
export class ExternalTasks {
  constructor(private readonly tx: Transaction) {}

  /** The work this instance goes on with; a new one when there is none. */
  async begin(instanceId: InstanceId, newId: string): Promise<{ task: ExternalTask; isNew: boolean }> {
    const known = await this.current(instanceId);
    if (known !== undefined) return { task: known, isNew: false };
    await this.tx.query(BEGIN, [newId, instanceId]);
    const task = await this.current(instanceId);
    if (task === undefined) throw new Error('there is no such task instance');
    return { task, isNew: task.id === newId };
  }

  async current(instanceId: InstanceId): Promise<ExternalTask | undefined> {
    return (await this.tx.query<ExternalTask & Record<string, unknown>>(CURRENT, [instanceId]))[0];
  }

  async byToken(hash: Buffer): Promise<ExternalTask | undefined> {
    return (await this.tx.query<ExternalTask & Record<string, unknown>>(BY_TOKEN, [hash]))[0];
  }

  async addToken(id: string, hash: Buffer): Promise<void> {
    await this.tx.query(TOKEN, [hash, id]);
  }

  async setCancel(id: string, cancelJson: string): Promise<void> {
    await this.tx.query(CANCEL_REQUEST, [id, cancelJson]);
  }

  async submitted(id: string, externalId: string | null, cancelJson: string | null): Promise<ExternalTask> {
    await this.tx.query(SUBMITTED, [id, externalId, cancelJson]);
    return this.#again(id);
  }

  /** The first final report counts; what comes after one is written down and changes nothing. */
  async report(task: ExternalTask, report: ExternalReport): Promise<{ task: ExternalTask; counted: boolean; note: string | null }> {
    const isOver = task.endedAtMs !== null;
    const note = isOver ? `it had ended as ${task.state} already` : null;
    const kept = (await this.tx.query<{ count: number }>(REPORT_COUNT, [task.id]))[0]?.count ?? 0;
    if (!isOver || kept < REPORTS_MAX) {
      const body = JSON.stringify({ result: parsed(report.resultJson), progress: parsed(report.progressJson), reason: report.reason ?? undefined });
      await this.tx.query(REPORT, [task.id, report.source, report.state, body, !isOver, note]);
    }
    if (isOver) return { task, counted: false, note };
    if (report.state === 'running') await this.tx.query(PROGRESS, [task.id, report.progressJson]);
    else await this.tx.query(END, [task.id, report.state, report.resultJson, report.progressJson, report.reason]);
    if (report.state === 'timed_out' || report.state === 'cancelled') await this.tx.query(WANT_CANCEL, [task.id]);
    return { task: await this.#again(task.id), counted: true, note };
  }

  /** Nobody waits for it any more. @returns what was stopped. */
  stop(instanceId: InstanceId, reason: string): Promise<{ id: string; isTold: boolean }[]> {
    return this.tx.query<{ id: string; isTold: boolean }>(STOP, [instanceId, reason]);
  }

  async #again(id: string): Promise<ExternalTask> {
    return (await this.tx.query<ExternalTask & Record<string, unknown>>(BY_ID, [id]))[0]!;
  }
}

/** Platforms that are to be told to stop. */
export class ExternalCancels {
  constructor(private readonly on: Queryable) {}

  take(forMs: number, limit: number): Promise<WantedCancel[]> {
    return this.on.query<WantedCancel & Record<string, unknown>>(TAKE_CANCELS, [forMs, limit]);
  }

  async told(id: string): Promise<void> {
    await this.on.query(CANCEL_DONE, [id, 'done', null, 0]);
  }

  /** @param inMs until it is tried again; null: given up. */
  async failed(id: string, error: string, inMs: number | null): Promise<void> {
    await this.on.query(CANCEL_DONE, [id, inMs === null ? 'given_up' : 'wanted', error.slice(0, 1_000), inMs ?? 0]);
  }
}

export function readExternalTasks(on: Queryable, instanceId: InstanceId): Promise<ExternalTaskView[]> {
  return on.query<ExternalTaskView & Record<string, unknown>>(VIEW, [instanceId]);
}

function parsed(json: string | null): unknown {
  return json === null ? undefined : (JSON.parse(json) as unknown);
}
