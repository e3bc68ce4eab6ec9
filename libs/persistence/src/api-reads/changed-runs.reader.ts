import type { SqlRunner } from './sql-runner.js';

export interface ChangedRunRow {
  readonly id: string;
  /** Of the newest decision. */
  readonly version: string;
  readonly dag_id: string;
  readonly run_id: string;
  readonly state: string;
}

/** Runs about which something was decided lately, of all dags: who tells others of them asks what each may see. */
export class ChangedRunsReader {
  constructor(private readonly db: SqlRunner) {}

  /** @param backMs so far back, by the clock of the database */
  async within(backMs: number): Promise<readonly ChangedRunRow[]> {
    return (await this.db.query<ChangedRunRow>(CHANGED, [backMs])).rows;
  }
}

/** By the primary key of the partition of now: as cheap as the decisions of a few seconds are few. $1 ms */
const CHANGED = `
select d.dag_run_id as id, d.version::text as version, r.dag_id, r.run_id, r.state
from (select dag_run_id, max(version) as version from run_decision where decided_at > now() - $1::float8 * interval '1 millisecond' group by dag_run_id) d
join dag_run r on r.id = d.dag_run_id`;
