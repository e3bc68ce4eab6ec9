import type { AttemptId, ClaimToken, IndexPath, InstanceId, RunId, SessionId } from '@millrace/vocabulary';
import { plainArray } from '../database/array-literals.js';
import type { Queryable, Statement } from '../database/database.js';

export interface ClaimRow {
  readonly instanceId: InstanceId;
  readonly attemptId: AttemptId;
  readonly token: ClaimToken;
  readonly sessionId: SessionId;
  readonly workerName: string;
}

export interface ClaimedRow {
  readonly instanceId: InstanceId;
  readonly attemptId: AttemptId;
  readonly token: ClaimToken;
  readonly runId: RunId;
  readonly taskId: string;
  readonly indexPath: IndexPath;
  readonly tryNumber: number;
  readonly maxTries: number;
  readonly resumeJson: string | null;
  /** null: it never waited. */
  /** Workers a run that is for one has had; 0: it is for any. */
  readonly generation: number;
  readonly wait: ClaimedWait | null;
  readonly startMs: number;
}

/** What a claimed instance waited for before. */
export interface ClaimedWait {
  readonly firstMs: number;
  readonly looks: number;
  /** It was this try that waited, and not one before. */
  readonly isOwn: boolean;
  /** null: its time came. */
  readonly by: 'event' | 'timeout' | null;
  /** JSON text. */
  readonly payload: string | null;
}

/**
 * claim-attempts: queued → running for the attempts workers name, many workers at once. The same token again gets the same answer.
 * $1 uuid[] instance ids, $2 uuid[] attempt ids, $3 uuid[] tokens, $4 uuid[] session ids, $5 text[] worker names; pairwise.
 * Index: task_instance_pkey. Locks: instance rows. An attempt of a run that is for another worker, an attempt that is not the current one, or a session that ended, gets nothing; nor does what is queued while maintenance is on.
 */
const CLAIM_ATTEMPTS: Statement = {
  name: 'claim-attempts',
  text: `
update task_instance t set state = 'running', claim_token = c.token, session_id = c.session_id, hostname = c.worker,
  start_date = case when t.state = 'queued' then now() else t.start_date end
from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[]) as c(id, attempt_id, token, session_id, worker)
where t.id = any($1::uuid[]) and t.id = c.id and t.attempt_id = c.attempt_id
  and ((t.state = 'queued' and not exists (select from maintenance where active)) or (t.state = 'running' and t.claim_token = c.token and t.session_id = c.session_id))
  and exists (select 1 from worker_session w where w.id = c.session_id and w.state in ('active', 'draining'))
  and not exists (select 1 from run_worker b where b.dag_run_id = t.dag_run_id and b.session_id is distinct from c.session_id)
returning t.id as "instanceId", t.attempt_id as "attemptId", t.claim_token as token, t.dag_run_id as "runId", t.task_id as "taskId", t.index_path as "indexPath",
  t.try_number as "tryNumber", t.max_tries as "maxTries", t.resume::text as "resumeJson", extract(epoch from t.start_date)::float8 * 1000 as "startMs",
  case when t.attempt_seq > 1 then (select json_build_object('firstMs', extract(epoch from w.first_started_at)::float8 * 1000, 'looks', w.looks, 'isOwn', w.try_number = t.try_number,
    'by', case when w.try_number = t.try_number then w.resumed_by end, 'payload', case when w.try_number = t.try_number then w.payload::text end)
    from instance_wait w where w.instance_id = t.id) end as wait,
  coalesce((select b.generation from run_worker b where b.dag_run_id = t.dag_run_id), 0) as generation`,
};

export function claimAttempts(on: Queryable, claims: readonly ClaimRow[]): Promise<ClaimedRow[]> {
  return on.query<ClaimedRow & Record<string, unknown>>(CLAIM_ATTEMPTS, [
    plainArray(claims.map((c) => c.instanceId)),
    plainArray(claims.map((c) => c.attemptId)),
    plainArray(claims.map((c) => c.token)),
    plainArray(claims.map((c) => c.sessionId)),
    claims.map((c) => c.workerName),
  ]);
}
