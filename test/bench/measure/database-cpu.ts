import type pg from 'pg';
import { cpuSeconds } from './cpu.js';

/**
 * CPU seconds of the backends connected to this database; NaN when its processes can't be seen from here. A backend that ended takes its
 * time with it, so measure while connections stay open. Checkpointer and background writer work for everybody and are left out.
 */
export async function databaseCpuSeconds(database: pg.Client): Promise<number> {
  const { rows } = await database.query<{ pid: number }>('select pid from pg_stat_activity where datname = current_database()');
  return rows.reduce((sum, row) => sum + cpuSeconds(row.pid), 0);
}
