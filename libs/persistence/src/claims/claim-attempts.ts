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
  readonly startMs: number;
}

/**
 * claim-attempts: queued → running for the attempts workers name, many workers at once. The same token again gets the same answer.
 * $1 uuid[] instance ids, $2 uuid[] attempt ids, $3 uuid[] tokens, $4 uuid[] session ids, $5 text[] worker names; pairwise.
 * Index: task_instance_pkey. Locks: instance rows. An attempt that is not the current one, or a session that ended, gets nothing.
 */
const CLAIM_ATTEMPTS: Statement = {
  name: 'claim-attempts',
  text: `
update task_instance t set state = 'running', claim_token = c.token, session_id = c.session_id, hostname = c.worker,
  start_date = case when t.state = 'queued' then now() else t.start_date end
from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[]) as c(id, attempt_id, token, session_id, worker)
where t.id = any($1::uuid[]) and t.id = c.id and t.attempt_id = c.attempt_id
  and (t.state = 'queued' or (t.state = 'running' and t.claim_token = c.token and t.session_id = c.session_id))
  and exists (select 1 from worker_session w where w.id = c.session_id and w.state in ('active', 'draining'))
returning t.id as "instanceId", t.attempt_id as "attemptId", t.claim_token as token, t.dag_run_id as "runId", t.task_id as "taskId", t.index_path as "indexPath",
  t.try_number as "tryNumber", t.max_tries as "maxTries", t.resume::text as "resumeJson", extract(epoch from t.start_date)::float8 * 1000 as "startMs"`,
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
