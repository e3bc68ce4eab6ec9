import type { Statement } from '../../database/database.js';

/** dags-with-queued-runs: dags whose queued runs may start now. Index: dag_run_active. */
export const DAGS_WITH_QUEUED_RUNS: Statement = {
  name: 'dags-with-queued-runs',
  text: `
select distinct r.dag_id as "dagId" from dag_run r join dag d on d.dag_id = r.dag_id
where r.state = 'queued' and not d.is_paused and r.run_after <= clock_timestamp() and r.quarantined_at is null`,
};
