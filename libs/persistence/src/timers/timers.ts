import type { InstanceId, RunId } from '@millrace/vocabulary';
import type { Queryable, Statement } from '../database/database.js';

export interface DueTimer {
  readonly id: string;
  readonly runId: RunId;
  readonly instanceId: InstanceId | null;
  /** As the engine named it: retry, resume, run_timeout, give_up_… */
  readonly kind: string;
  readonly attemptSeq: number;
  /** Until its moment, by the database's clock; negative: overdue. */
  readonly inMs: number;
  /** As PostgreSQL writes it, to go on behind it. */
  readonly dueAt: string;
}

/** upcoming-timers: due within $1 ms, the earliest first, at most $2, behind ($3, $4). Index: timer_due. */
const UPCOMING: Statement = {
  name: 'upcoming-timers',
  text: `
select id, dag_run_id as "runId", instance_id as "instanceId", kind, attempt_seq as "attemptSeq", extract(epoch from due_at - now())::float8 * 1000 as "inMs", due_at::text as "dueAt"
from timer where due_at <= now() + $1 * interval '1 millisecond' and due_at >= $3::timestamptz and (due_at > $3::timestamptz or id > $4::uuid) order by due_at, id limit $2`,
};

const NIL = '00000000-0000-0000-0000-000000000000';

/** Times that something waits for: retries, deferrals, time-outs. A row goes away with the decision that used it. */
export class Timers {
  constructor(private readonly on: Queryable) {}

  upcoming(aheadMs: number, limit: number, after: Pick<DueTimer, 'id' | 'dueAt'> | null): Promise<DueTimer[]> {
    return this.on.query<DueTimer & Record<string, unknown>>(UPCOMING, [aheadMs, limit, after?.dueAt ?? '-infinity', after?.id ?? NIL]);
  }
}
