import type { RunId, SessionId } from '@millrace/vocabulary';
import { plainArray } from '../database/array-literals.js';
import type { Queryable, Statement } from '../database/database.js';

/** The worker all tasks of a run share. */
export interface RunWorker {
  readonly sessionId: SessionId;
  readonly workerName: string;
  /** Counts the workers the run has had, from 1. */
  readonly generation: number;
}

/** pin-runs: from now on these runs are for one worker each, which is chosen when they queue something. $1 uuid[] run ids. */
const PIN_RUNS: Statement = { name: 'pin-runs', text: `insert into run_worker (dag_run_id) select unnest($1::uuid[]) on conflict do nothing` };

/**
 * bind-run: chooses a worker for a run that has none, or whose worker is gone or drains: of those that take all its queues the one with the fewest runs.
 * $1 run id, $2 text[] queues. Locks: the run's row. Who waited for it finds a living worker and changes nothing.
 */
const BIND_RUN: Statement = {
  name: 'bind-run',
  text: `
with current as (select dag_run_id from run_worker where dag_run_id = $1 for update), chosen as (
  select w.id, w.worker_name from worker_session w
  where w.state = 'active' and w.lease_expires_at > now() and w.queues @> $2::text[]
  order by (select count(*) from run_worker o join dag_run r on r.id = o.dag_run_id where o.session_id = w.id and r.state = 'running'), w.started_at, w.id limit 1
)
update run_worker b set session_id = c.id, worker_name = c.worker_name, generation = b.generation + 1, bound_at = now()
from current x, chosen c
where b.dag_run_id = x.dag_run_id
  and not exists (select 1 from worker_session w where w.id = b.session_id and w.state = 'active' and w.lease_expires_at > now())`,
};

const RUN_WORKER: Statement = {
  name: 'run-worker',
  text: `
select b.session_id as "sessionId", b.worker_name as "workerName", b.generation from run_worker b join worker_session w on w.id = b.session_id
where b.dag_run_id = $1 and w.state = 'active' and w.lease_expires_at > now()`,
};

/** runs-left: of these runs, those that are over or have another worker than this one. $1 uuid[] run ids, $2 session id. */
const RUNS_LEFT: Statement = {
  name: 'runs-left',
  text: `
select c.id from unnest($1::uuid[]) as c(id)
where not exists (select 1 from run_worker b join dag_run r on r.id = b.dag_run_id where b.dag_run_id = c.id and b.session_id = $2 and r.state in ('queued', 'running'))`,
};

/** Which worker a run with placement `single-worker` is on. */
export class RunWorkers {
  constructor(private readonly on: Queryable) {}

  async pin(runs: readonly RunId[]): Promise<void> {
    if (runs.length > 0) await this.on.query(PIN_RUNS, [plainArray(runs)]);
  }

  /** The run's worker, chosen anew when the last one is gone or drains; undefined: nobody living takes all its queues. */
  async bind(run: RunId, queues: readonly string[]): Promise<RunWorker | undefined> {
    const known = await this.#of(run);
    if (known !== undefined) return known;
    await this.on.query(BIND_RUN, [run, queues]);
    return this.#of(run);
  }

  async left(runs: readonly RunId[], session: SessionId): Promise<RunId[]> {
    return (await this.on.query<{ id: RunId }>(RUNS_LEFT, [plainArray(runs), session])).map((row) => row.id);
  }

  async #of(run: RunId): Promise<RunWorker | undefined> {
    return (await this.on.query<RunWorker & Record<string, unknown>>(RUN_WORKER, [run]))[0];
  }
}
