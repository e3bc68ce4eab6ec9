import type { IndexPath, InstanceId, RunId } from '@millrace/vocabulary';
import { plainArray } from '../database/array-literals.js';
import type { Queryable, Statement } from '../database/database.js';

/** A signal whose instance waits for it. */
export interface PendingSignal {
  readonly id: string;
  readonly runId: RunId;
  readonly instanceId: InstanceId;
  /** The wait it ends: a later one is another. */
  readonly attemptSeq: number;
}

export interface WaitingInstance {
  readonly instanceId: InstanceId;
  readonly runId: RunId;
  readonly dagId: string;
  readonly runName: string;
  readonly taskId: string;
  readonly indexPath: IndexPath;
}

/** pending-signals: what has been reported to instances that wait for it. $1 uuid[] instance ids, or null for all. One for each instance, the oldest. Index: instance_signal_instance. */
const PENDING: Statement = {
  name: 'pending-signals',
  text: `
select distinct on (s.instance_id) s.id, s.dag_run_id as "runId", s.instance_id as "instanceId", t.attempt_seq as "attemptSeq"
from instance_signal s join task_instance t on t.id = s.instance_id
where ($1::uuid[] is null or s.instance_id = any($1::uuid[])) and t.state in ('deferred', 'awaiting_input') and t.correlation_key = s.key
order by s.instance_id, s.created_at, s.id limit 5000`,
};

/** waiting-for: instances that wait for a key now. $1 key. Index: task_instance_correlation. */
const WAITING_FOR: Statement = {
  name: 'waiting-for-key',
  text: `
select id as "instanceId", dag_run_id as "runId", dag_id as "dagId", run_id as "runName", task_id as "taskId", index_path as "indexPath"
from task_instance where correlation_key = $1 and state in ('deferred', 'awaiting_input') order by id limit 10000`,
};

const ADD: Statement = {
  name: 'add-signals',
  text: `
insert into instance_signal (id, instance_id, dag_run_id, key, payload)
select s.id, t.id, t.dag_run_id, $3, $4::jsonb from unnest($1::uuid[], $2::uuid[]) as s(id, instance_id) join task_instance t on t.id = s.instance_id
on conflict (id) do nothing`,
};

/** forget-signals: of instances that have ended, and so will never wait for them. $1 minutes old at least. */
const FORGET: Statement = {
  name: 'forget-signals',
  text: `
delete from instance_signal s using task_instance t
where t.id = s.instance_id and t.state in ('success', 'failed', 'skipped', 'upstream_failed', 'removed') and s.created_at < now() - $1 * interval '1 minute'`,
};

/** What was reported to correlation keys. A signal is durable before anybody is told, and goes away with the decision that uses it. */
export class Signals {
  constructor(private readonly on: Queryable) {}

  /** @param of these instances; null: of all. */
  pending(of: readonly InstanceId[] | null): Promise<PendingSignal[]> {
    return this.on.query<PendingSignal & Record<string, unknown>>(PENDING, [of === null ? null : plainArray(of)]);
  }

  waitingFor(key: string): Promise<WaitingInstance[]> {
    return this.on.query<WaitingInstance & Record<string, unknown>>(WAITING_FOR, [key]);
  }

  /** @param ids one for each instance; the same id again is the same signal. */
  async add(ids: readonly string[], instanceIds: readonly InstanceId[], key: string, payloadJson: string | null): Promise<void> {
    if (ids.length > 0) await this.on.query(ADD, [plainArray(ids), plainArray(instanceIds), key, payloadJson]);
  }

  async forgetOfEnded(olderThanMinutes: number): Promise<void> {
    await this.on.query(FORGET, [olderThanMinutes]);
  }
}
