import type { InstanceId, RunId } from '@millrace/vocabulary';
import type { Queryable, Statement } from '../database/database.js';

export interface DueTimer {
  readonly id: string;
  readonly runId: RunId;
  readonly instanceId: InstanceId | null;
  readonly kind: 'retry' | 'resume' | 'run_timeout';
  readonly attemptSeq: number;
}

/** due-timers: due for at least $1 ms, oldest first, at most $2. Index: timer_due. */
const DUE_TIMERS: Statement = {
  name: 'due-timers',
  text: `
select id, dag_run_id as "runId", instance_id as "instanceId", kind, attempt_seq as "attemptSeq" from timer
where due_at <= now() - $1 * interval '1 millisecond' order by due_at limit $2`,
};

/** Times that something waits for: retries, deferrals, run time-outs. A row goes away with the decision that used it. */
export class Timers {
  constructor(private readonly on: Queryable) {}

  due(overdueMs: number, limit: number): Promise<DueTimer[]> {
    return this.on.query<DueTimer & Record<string, unknown>>(DUE_TIMERS, [overdueMs, limit]);
  }
}
