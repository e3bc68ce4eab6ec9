import type { DagVersionId, RunId } from '@millrace/vocabulary';
import type { Queryable, Statement } from '../database/database.js';

/** previous-run: the run before by logical date. $1 run id, $2 whether runs made by hand are passed over. Index: dag_run_logical_date. */
const PREVIOUS_RUN: Statement = {
  name: 'previous-run',
  text: `
select p.id, p.run_id as "runId", p.dag_version_id as "versionId", p.task_selection as "taskSelection", p.state,
  exists (select 1 from task_instance t where t.dag_run_id = p.id) as "isMade"
from dag_run r
cross join lateral (
  select * from dag_run p where p.dag_id = r.dag_id and p.logical_date < r.logical_date and (not $2 or p.run_type <> 'manual') order by p.logical_date desc limit 1
) p
where r.id = $1`,
};

/** past-counts: instances of these tasks in a run (not those a shorter list removed, or stand-ins of mapped ones), and those that neither succeeded nor were skipped. $1 run id, $2 text[] task ids. */
const PAST_COUNTS: Statement = {
  name: 'past-counts',
  text: `
select task_id as "taskId", count(*)::int as instances, count(*) filter (where state is null or state not in ('success', 'skipped'))::int as unsuccessful
from task_instance where dag_run_id = $1 and task_id = any($2::text[]) and state is distinct from 'removed' group by task_id`,
};

/** tasks-with-prior: those of these tasks that any earlier run has an instance of. $1 run id, $2 text[] task ids. Index: task_instance_by_task. */
const TASKS_WITH_PRIOR: Statement = {
  name: 'tasks-with-prior',
  text: `
select w.task_id as "taskId" from dag_run r cross join unnest($2::text[]) as w(task_id)
where r.id = $1 and exists (
  select 1 from task_instance t join dag_run p on p.id = t.dag_run_id where t.dag_id = r.dag_id and t.task_id = w.task_id and p.logical_date < r.logical_date
)`,
};

/**
 * later-runs: running runs whose run before is this one, or could be: up to the next that was not made by hand. $1 run id.
 * Index: dag_run_logical_date, dag_run_active.
 */
const LATER_RUNS: Statement = {
  name: 'later-runs',
  text: `
select n.id, n.dag_version_id as "versionId" from dag_run r join dag_run n on n.dag_id = r.dag_id and n.state = 'running' and n.logical_date > r.logical_date
where r.id = $1 and n.logical_date <= coalesce(
  (select min(x.logical_date) from dag_run x where x.dag_id = r.dag_id and x.logical_date > r.logical_date and x.run_type <> 'manual'), 'infinity'::timestamptz)
order by n.logical_date`,
};

export interface PreviousRun {
  readonly id: RunId;
  readonly runId: string;
  readonly versionId: DagVersionId;
  readonly taskSelection: readonly string[] | null;
  readonly state: string;
  /** Its instances are stored. */
  readonly isMade: boolean;
}

/** What tasks that look back want to know of other runs. */
export class PastReads {
  constructor(private readonly on: Queryable) {}

  async previous(id: RunId, automatedOnly: boolean): Promise<PreviousRun | undefined> {
    return (await this.on.query<PreviousRun & Record<string, unknown>>(PREVIOUS_RUN, [id, automatedOnly]))[0];
  }

  async counts(id: RunId, taskIds: readonly string[]): Promise<Map<string, { instances: number; unsuccessful: number }>> {
    const rows = await this.on.query<{ taskId: string; instances: number; unsuccessful: number }>(PAST_COUNTS, [id, taskIds]);
    return new Map(rows.map((row) => [row.taskId, row]));
  }

  async withPrior(id: RunId, taskIds: readonly string[]): Promise<Set<string>> {
    const rows = await this.on.query<{ taskId: string }>(TASKS_WITH_PRIOR, [id, taskIds]);
    return new Set(rows.map((row) => row.taskId));
  }

  later(id: RunId): Promise<{ id: RunId; versionId: DagVersionId }[]> {
    return this.on.query(LATER_RUNS, [id]);
  }

  /** Tasks of a run with instances nothing was decided about. */
  async undecided(id: RunId, taskIds: readonly string[]): Promise<string[]> {
    const rows = await this.on.query<{ taskId: string }>(
      { name: 'undecided-tasks', text: `select distinct task_id as "taskId" from task_instance where dag_run_id = $1 and task_id = any($2::text[]) and state is null` },
      [id, taskIds],
    );
    return rows.map((row) => row.taskId);
  }
}
