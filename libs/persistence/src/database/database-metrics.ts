import type { Metrics } from '@millrace/telemetry';
import type { Database } from './database.js';

/** Connections of a service's pools; asked when somebody asks. */
export function observeDatabase(metrics: Metrics, database: () => Database | null | undefined): void {
  metrics.gauge({ name: 'database_connections', help: 'Database connections by pool (general, hot) and state: used, idle, and waiting, which are callers for whom there is none.', labels: ['pool', 'state'] as const, collect: (gauge) => {
    gauge.reset();
    for (const { pool, used, idle, waiting } of database()?.connections ?? []) {
      gauge.set({ pool, state: 'used' }, used);
      gauge.set({ pool, state: 'idle' }, idle);
      gauge.set({ pool, state: 'waiting' }, waiting);
    }
  } });
  metrics.gauge({ name: 'database_connections_max', help: 'Largest number of database connections, by pool.', labels: ['pool'] as const, collect: (gauge) => {
    gauge.reset();
    for (const { pool, max } of database()?.connections ?? []) gauge.set({ pool }, max);
  } });
}
