import type { InstanceId, RunId } from '@millrace/vocabulary';

/** An instance that asks for slots counted over all runs, from this decision on. */
export interface SlotAskWrite {
  readonly instanceId: InstanceId;
  readonly runId: RunId;
  readonly dagId: string;
  readonly taskId: string;
  readonly pool: string;
  readonly slots: number;
  readonly priority: number;
  readonly orderMs: number;
  readonly team: string;
  readonly share: string;
  readonly maxPerTask: number | null;
  readonly maxPerDag: number | null;
  readonly askedAtMs: number;
}

/** What decisions say of slots. */
export interface SlotWrites {
  readonly asks: readonly SlotAskWrite[];
  /** Deferred: counted on where the pool counts these. */
  readonly kept: readonly InstanceId[];
  readonly givenBack: readonly InstanceId[];
}

/** Parts of the decisions' one statement; they join its `gate`. Each with its letter in the statement's name. Index: slot_request_pkey. */
export function slotParts(slots: SlotWrites, p: (value: unknown) => string, plain: (items: readonly (string | number | null)[]) => string): { variant: string; parts: string[] } {
  const { asks, kept, givenBack } = slots;
  let variant = '';
  const parts: string[] = [];
  if (asks.length > 0) {
    variant += 'q';
    parts.push(`asked as (
  insert into slot_request as s (instance_id, dag_run_id, dag_id, task_id, pool, slots, priority, order_ms, team, share, max_per_task, max_per_dag, asked_at_ms)
  select c.id, c.run_id, c.dag_id, c.task_id, c.pool, c.slots, c.priority, c.order_ms, c.team, c.share, c.max_per_task, c.max_per_dag, c.asked
  from unnest(${plain(asks.map((a) => a.instanceId))}::uuid[], ${plain(asks.map((a) => a.runId))}::uuid[], ${p(asks.map((a) => a.dagId))}::text[], ${p(asks.map((a) => a.taskId))}::text[], ${p(asks.map((a) => a.pool))}::text[],
    ${plain(asks.map((a) => a.slots))}::int[], ${plain(asks.map((a) => a.priority))}::int[], ${plain(asks.map((a) => a.orderMs))}::float8[], ${p(asks.map((a) => a.team))}::text[], ${p(asks.map((a) => a.share))}::text[],
    ${plain(asks.map((a) => a.maxPerTask))}::int[], ${plain(asks.map((a) => a.maxPerDag))}::int[], ${plain(asks.map((a) => a.askedAtMs))}::float8[])
    as c(id, run_id, dag_id, task_id, pool, slots, priority, order_ms, team, share, max_per_task, max_per_dag, asked)
  join gate g on g.id = c.run_id
  on conflict (instance_id) do update set state = 'waiting', was_deferred = s.state = 'deferred', pool = excluded.pool, slots = excluded.slots, priority = excluded.priority,
    max_per_task = excluded.max_per_task, max_per_dag = excluded.max_per_dag, asked_at_ms = excluded.asked_at_ms, waiting_since = now(), granted_at = null
)`);
  }
  if (kept.length > 0) {
    variant += 'w';
    parts.push(`kept as (update slot_request set state = 'deferred', granted_at = null where instance_id = any(${plain(kept)}::uuid[]) and dag_run_id in (select id from gate))`);
  }
  if (givenBack.length > 0) {
    variant += 'v';
    parts.push(`given_back as (delete from slot_request where instance_id = any(${plain(givenBack)}::uuid[]) and dag_run_id in (select id from gate))`);
  }
  return { variant, parts };
}
