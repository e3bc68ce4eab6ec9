import type { RunId } from '@millrace/vocabulary';
import type { Queryable, Statement } from '../database/database.js';

/** switch-task: $1 dag, $2 task, $3 off or on, $4 who, $5 note. Keeps `dag.switched_off`, which is read with every run, in step. */
const SWITCH_OFF: Statement = {
  name: 'switch-task-off',
  text: `insert into task_switch (dag_id, task_id, off_by, note) values ($1, $2, $3, $4) on conflict (dag_id, task_id) do nothing returning task_id`,
};
const SWITCH_ON: Statement = { name: 'switch-task-on', text: `delete from task_switch where dag_id = $1 and task_id = $2 returning task_id` };
const SYNC_SWITCHES: Statement = {
  name: 'sync-switches',
  text: `update dag set switched_off = coalesce((select array_agg(s.task_id order by s.task_id) from task_switch s where s.dag_id = $1), '{}') where dag_id = $1 returning switched_off as "switchedOff"`,
};

/** failed-in-a-row: whether the newest $2 ended runs of a dag all failed. Index: dag_run_recent. Locks the dag's row. */
const FAILED_IN_A_ROW: Statement = {
  name: 'failed-in-a-row',
  text: `
select d.is_paused as "isPaused", (
  select count(*) = $2 and bool_and(x.state = 'failed') from (
    select r.state from dag_run r where r.dag_id = d.dag_id and r.state in ('success', 'failed') order by r.run_after desc, r.id desc limit $2
  ) x
) as "allFailed"
from dag d where d.dag_id = $1 for no key update`,
};

export interface TaskSwitch {
  readonly taskId: string;
  readonly offBy: string;
  readonly offAt: Date;
  readonly note: string | null;
}

/** What people (and dags themselves) set about a dag's running. */
export class ControlWriter {
  constructor(private readonly on: Queryable) {}

  /** @returns the tasks that are off now, and whether this changed anything. */
  async switchTask(dagId: string, taskId: string, off: boolean, by: string, note: string | null): Promise<{ changed: boolean; switchedOff: readonly string[] }> {
    const rows = off ? await this.on.query(SWITCH_OFF, [dagId, taskId, by, note]) : await this.on.query(SWITCH_ON, [dagId, taskId]);
    const [dag] = await this.on.query<{ switchedOff: string[] }>(SYNC_SWITCHES, [dagId]);
    return { changed: rows.length > 0, switchedOff: dag?.switchedOff ?? [] };
  }

  async failedInARow(dagId: string, count: number): Promise<{ isPaused: boolean; allFailed: boolean | null } | undefined> {
    return (await this.on.query<{ isPaused: boolean; allFailed: boolean | null }>(FAILED_IN_A_ROW, [dagId, count]))[0];
  }

  /** What failed until now holds nothing up any more. @returns the run that did, if any; undefined: there is no such dag. */
  async release(dagId: string): Promise<{ heldBy: RunId | null } | undefined> {
    return (
      await this.on.query<{ heldBy: RunId | null }>(
        { name: 'release-dag', text: `with held as (select dag_holder($1) as run) update dag set hold_released_at = clock_timestamp() from held where dag_id = $1 returning held.run as "heldBy"` },
        [dagId],
      )
    )[0];
  }

  switches(dagId: string): Promise<TaskSwitch[]> {
    return this.on.query<TaskSwitch & Record<string, unknown>>(
      { name: 'task-switches', text: `select task_id as "taskId", off_by as "offBy", off_at as "offAt", note from task_switch where dag_id = $1 order by task_id` },
      [dagId],
    );
  }

  async holder(dagId: string): Promise<{ id: RunId; runId: string; endedAt: Date } | undefined> {
    return (
      await this.on.query<{ id: RunId; runId: string; endedAt: Date }>(
        { name: 'dag-holder', text: `select r.id, r.run_id as "runId", r.end_date as "endedAt" from dag_run r where r.id = dag_holder($1)` },
        [dagId],
      )
    )[0];
  }
}
