import { sqlState } from '../database/database.js';
import type { Database } from '../database/database.js';

/** Tables that are partitioned by time, and how long a partition is. */
const PARTITIONED = [
  { table: 'run_decision', step: 'day', ahead: 7 },
  { table: 'task_instance_history', step: 'month', ahead: 2 },
  { table: 'audit_log', step: 'month', ahead: 2 },
] as const;
export type PartitionedTable = (typeof PARTITIONED)[number]['table'];

/** Days that are kept; absent or 0: all. */
export type KeptDays = { readonly [Table in PartitionedTable]?: number };

/** Any number; the same in every version. */
const ADVISORY_LOCK = 7_281_993_002;

export interface PartitionReport {
  readonly made: readonly string[];
  readonly dropped: readonly string[];
  /** What could not be done now, with why: locks that were not had within two seconds, rows that are there already. It is tried again. */
  readonly postponed: readonly string[];
}

/**
 * Makes the partitions of the days to come, so that rows find their own, and drops those that are wholly older than what is kept: no row is deleted one by
 * one. Rows of a time for which no partition was made are in the default one and stay there until `cleanDatabase`. Harmless from several places at once.
 * @param now the database's clock
 */
export async function maintainPartitions(database: Database, now: Date, kept: KeptDays): Promise<PartitionReport> {
  const report = { made: [] as string[], dropped: [] as string[], postponed: [] as string[] };
  const once = async (what: string, done: string[], work: () => Promise<unknown>): Promise<void> => {
    try {
      await work();
      done.push(what);
    } catch (error) {
      // 42P07: somebody else made it this moment. 42P01: dropped it.
      if (!['42P07', '42P01'].includes(sqlState(error) ?? '')) report.postponed.push(`${what}: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  for (const { table, step, ahead } of PARTITIONED) {
    const there = await partitionsOf(database, table);
    for (let i = 1; i <= ahead; i++) {
      const [from, to] = [startOf(now, step, i), startOf(now, step, i + 1)];
      const name = `${table}_p${from.toISOString().slice(0, 10).replaceAll('-', '')}`;
      if (there.some((partition) => partition.name === name)) continue;
      await once(name, report.made, () => database.inTransaction(async (tx) => {
        await tx.query({ name: 'partitions-one-at-a-time', text: 'select pg_advisory_xact_lock($1)' }, [ADVISORY_LOCK]);
        const [{ there: madeMeanwhile } = { there: true }] = await tx.query<{ there: boolean }>({ name: 'partition-there', text: 'select to_regclass($1) is not null as there' }, [name]);
        if (madeMeanwhile) throw Object.assign(new Error('made by somebody else'), { code: '42P07' });
        // Made beside and attached: that locks out writers of the default partition only, and only for the moment. Numbers come from the parent's
        // identity column; since version 17 PostgreSQL refuses to attach a table with one of its own.
        await tx.query({ name: `make-${name}`, text: `create table ${name} (like ${table} including all excluding identity)` });
        await tx.query({ name: `attach-${name}`, text: `alter table ${table} attach partition ${name} for values from ('${from.toISOString()}') to ('${to.toISOString()}')` });
      }));
    }
    const days = kept[table] ?? 0;
    if (days === 0) continue;
    const oldest = now.getTime() - days * 86_400_000;
    for (const { name, to } of there) if (to !== null && to.getTime() <= oldest) await once(name, report.dropped, () => database.query({ name: `drop-${name}`, text: `drop table ${name}` }));
  }
  return report;
}

async function partitionsOf(database: Database, table: string): Promise<{ readonly name: string; readonly to: Date | null }[]> {
  const rows = await database.query<{ name: string; bound: string }>({
    name: 'partitions-of', text: `select c.relname as name, pg_get_expr(c.relpartbound, c.oid) as bound from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = $1::regclass order by c.relname`,
  }, [table]);
  return rows.map(({ name, bound }) => {
    const to = / TO \('([^']+)'\)/.exec(bound)?.[1];
    return { name, to: to === undefined ? null : new Date(to) };
  });
}

function startOf(now: Date, step: 'day' | 'month', offset: number): Date {
  return step === 'day' ? new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate() + offset)) : new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + offset, 1));
}
