import type { SqlRunner } from './sql-runner.js';

export interface PoolUsageRow {
  readonly pool: string;
  readonly running_slots: number;
  readonly queued_slots: number;
  readonly scheduled_slots: number;
  readonly deferred_slots: number;
}

/** Slots taken in each of these pools now; only active runs can hold any. */
export class PoolUsageReader {
  constructor(private readonly db: SqlRunner) {}

  async of(pools: readonly string[]): Promise<ReadonlyMap<string, PoolUsageRow>> {
    const { rows } = await this.db.query<PoolUsageRow>(USAGE, [pools]);
    return new Map(rows.map((row) => [row.pool, row]));
  }
}

const USAGE = `
select i.pool,
  coalesce(sum(i.pool_slots) filter (where i.state in ('running', 'restarting')), 0)::int as running_slots,
  coalesce(sum(i.pool_slots) filter (where i.state = 'queued'), 0)::int as queued_slots,
  coalesce(sum(i.pool_slots) filter (where i.state = 'scheduled'), 0)::int as scheduled_slots,
  coalesce(sum(i.pool_slots) filter (where i.state = 'deferred'), 0)::int as deferred_slots
from dag_run r join task_instance i on i.dag_run_id = r.id
where r.state in ('queued', 'running') and i.pool = any($1::text[])
group by i.pool`;
