import type { InstanceId, RunId } from '@millrace/vocabulary';
import { plainArray } from '../database/array-literals.js';
import type { Queryable, Statement, Transaction } from '../database/database.js';

export interface AskedSlots {
  readonly key: string;
  readonly runId: RunId;
  readonly dagId: string;
  readonly taskId: string;
  readonly pool: string;
  readonly slots: number;
  readonly kept: number;
  readonly priority: number;
  readonly orderMs: number;
  readonly name: string;
  readonly team: string;
  readonly share: string;
  readonly maxPerTask: number | null;
  readonly maxPerDag: number | null;
  readonly askedAtMs: number;
  /** Its pool is a team's, and its dag is not that team's. */
  readonly isForeign: boolean;
}

/** What is taken and who asks, under the lock. */
export interface SlotsAsked {
  readonly pools: readonly { readonly name: string; readonly slots: number; readonly held: number }[];
  readonly asks: readonly AskedSlots[];
  /** Granted instances: dag id, task id, how many. */
  readonly taken: readonly (readonly [string, string, number])[];
  /** Pool, share, tag; one share is the pool's clock. */
  readonly turns: readonly (readonly [string, string, number])[];
}

export interface GrantedSlots {
  readonly instanceId: InstanceId;
  readonly runId: RunId;
  readonly askedAtMs: number;
}

/** slots-asked: locks slot_lock, then reads. $1 asks of each share at most. Index: slot_request_pool. */
const SLOTS_ASKED: Statement = { name: 'slots-asked', text: `select slots_asked($1) as answer` };

/** grant-slots: waiting → granted; asked anew or given back meanwhile: not. $1 uuid[] instance ids, $2 float8[] when they asked; pairwise. Index: slot_request_pkey. */
const GRANT_SLOTS: Statement = {
  name: 'grant-slots',
  text: `
update slot_request s set state = 'granted', was_deferred = false, granted_at = now()
from unnest($1::uuid[], $2::float8[]) as c(id, asked)
where s.instance_id = any($1::uuid[]) and s.instance_id = c.id and s.asked_at_ms = c.asked and s.state = 'waiting'
returning s.instance_id as "instanceId", s.dag_run_id as "runId", s.asked_at_ms as "askedAtMs"`,
};

/** keep-turns: $1 text[] pools, $2 text[] shares, $3 float8[] tags, pairwise. */
const KEEP_TURNS: Statement = {
  name: 'keep-turns',
  text: `
insert into slot_turn (pool, share, next) select * from unnest($1::text[], $2::text[], $3::float8[])
on conflict (pool, share) do update set next = excluded.next`,
};

/** anybody-asks: whether a pass over the pools is worth it. */
const ANYBODY_ASKS: Statement = { name: 'anybody-asks', text: `select 1 from slot_request where state = 'waiting' limit 1` };

/** unheard-grants: granted, and the instance is not queued: who granted died before it told. $1 ms old at least. */
const UNHEARD_GRANTS: Statement = {
  name: 'unheard-grants',
  text: `
select s.instance_id as "instanceId", s.dag_run_id as "runId", s.asked_at_ms as "askedAtMs"
from slot_request s join task_instance t on t.id = s.instance_id
where s.state = 'granted' and t.state = 'scheduled' and s.granted_at <= now() - $1 * interval '1 millisecond' limit 1000`,
};

/** grants-of-runs: the same for these runs, however young. $1 uuid[] run ids. Index: slot_request_run. */
const GRANTS_OF_RUNS: Statement = {
  name: 'grants-of-runs',
  text: `
select s.instance_id as "instanceId", s.dag_run_id as "runId", s.asked_at_ms as "askedAtMs"
from slot_request s join task_instance t on t.id = s.instance_id
where s.dag_run_id = any($1::uuid[]) and s.state = 'granted' and t.state = 'scheduled'`,
};

/** left-slots: rows of instances that can neither wait for slots nor hold any. Expected: none. */
const LEFT_SLOTS: Statement = {
  name: 'left-slots',
  text: `
delete from slot_request s using task_instance t
where t.id = s.instance_id and s.waiting_since < now() - interval '10 seconds'
  and (t.state is null or t.state not in ('scheduled', 'queued', 'running', 'restarting', 'deferred', 'awaiting_input'))
returning s.instance_id as "instanceId"`,
};

/** adopt-active: instances that were queued before their pool had a limit are counted from now on. $1 pool. Index: dag_run_active. `offset 0`: see unclaimed-attempts. */
const ADOPT_ACTIVE: Statement = {
  name: 'adopt-active',
  text: `
insert into slot_request (instance_id, dag_run_id, dag_id, task_id, state, pool, slots, priority, order_ms, team, share, asked_at_ms, granted_at)
select t.id, t.dag_run_id, t.dag_id, t.task_id, 'granted', t.pool, t.pool_slots, t.priority_weight, extract(epoch from coalesce(r.logical_date, r.run_after))::float8 * 1000, '', 'dag:' || t.dag_id, 0, now()
from dag_run r
cross join lateral (select * from task_instance i where i.dag_run_id = r.id and i.pool = $1 and i.state in ('queued', 'running', 'restarting') offset 0) t
where r.state = 'running' and r.active_instances > 0
on conflict (instance_id) do nothing
returning instance_id as "instanceId"`,
};

const POOL_SLOTS: Statement = { name: 'pool-slots', text: `select slots from pool where name = $1` };

/** slots-of-runs: which instances of these runs ask for slots or have some. $1 uuid[] run ids. Index: slot_request_run. */
const SLOTS_OF_RUNS: Statement = {
  name: 'slots-of-runs',
  text: `select instance_id as "instanceId", asked_at_ms as "askedAtMs" from slot_request where dag_run_id = any($1::uuid[])`,
};

/** Slots counted over all runs: who asks, who has some. */
export class SlotRequests {
  constructor(private readonly on: Queryable) {}

  async anybodyAsks(): Promise<boolean> {
    return (await this.on.query(ANYBODY_ASKS)).length > 0;
  }

  unheard(olderThanMs: number): Promise<GrantedSlots[]> {
    return this.on.query<GrantedSlots & Record<string, unknown>>(UNHEARD_GRANTS, [olderThanMs]);
  }

  grantsOf(runs: readonly RunId[]): Promise<GrantedSlots[]> {
    return this.on.query<GrantedSlots & Record<string, unknown>>(GRANTS_OF_RUNS, [plainArray(runs)]);
  }

  async dropLeft(): Promise<number> {
    return (await this.on.query(LEFT_SLOTS)).length;
  }

  async adopt(pool: string): Promise<number> {
    return (await this.on.query(ADOPT_ACTIVE, [pool])).length;
  }

  /** null: there is no such pool. */
  async slotsOfPool(pool: string): Promise<number | null> {
    return (await this.on.query<{ slots: number }>(POOL_SLOTS, [pool]))[0]?.slots ?? null;
  }

  async ofRuns(runs: readonly RunId[]): Promise<Map<InstanceId, number>> {
    const rows = await this.on.query<{ instanceId: InstanceId; askedAtMs: number }>(SLOTS_OF_RUNS, [plainArray(runs)]);
    return new Map(rows.map((row) => [row.instanceId, row.askedAtMs]));
  }
}

/** One pass under the lock; only in a transaction. */
export class SlotPass {
  constructor(private readonly tx: Transaction) {}

  async asked(perShare: number): Promise<SlotsAsked> {
    return (await this.tx.query<{ answer: SlotsAsked }>(SLOTS_ASKED, [perShare]))[0]!.answer;
  }

  grant(asks: readonly AskedSlots[]): Promise<GrantedSlots[]> {
    return this.tx.query<GrantedSlots & Record<string, unknown>>(GRANT_SLOTS, [plainArray(asks.map((ask) => ask.key)), plainArray(asks.map((ask) => ask.askedAtMs))]);
  }

  async keepTurns(turns: readonly (readonly [string, string, number])[]): Promise<void> {
    await this.tx.query(KEEP_TURNS, [turns.map(([pool]) => pool), turns.map(([, share]) => share), plainArray(turns.map(([, , next]) => next))]);
  }
}
