import { fileSeen, seen } from '../visibility/visible-dags.js';
import type { VisibleDags } from '../visibility/visible-dags.js';
import type { SqlRunner } from '../api-reads/sql-runner.js';

export interface Attention {
  readonly dags: { readonly total: number; readonly paused: number };
  readonly runs_by_hour: readonly { readonly hour: string; readonly state: string; readonly runs: number }[];
  readonly failed_runs: readonly AttentionRun[];
  readonly active_runs: readonly (AttentionRun & { readonly done: number; readonly tasks: number; readonly started: number })[];
  readonly late_dags: readonly { readonly dag_id: string; readonly display_name: string; readonly next_run_after: string }[];
  readonly waiting: readonly AttentionInstance[];
  readonly import_errors: readonly { readonly id: number; readonly fileloc: string; readonly line: number | null; readonly message: string; readonly created_at: string }[];
  readonly instances: Record<string, number>;
}

export interface AttentionRun {
  readonly dag_id: string;
  readonly display_name: string;
  readonly run_id: string;
  readonly state: string;
  readonly run_type: string;
  readonly run_after: string;
  readonly queued_at: string | null;
  readonly start_date: string | null;
  readonly end_date: string | null;
  readonly reason: string | null;
  /** Of a failed run: the tasks that failed, at most three. */
  readonly failed_tasks: readonly string[];
}

export interface AttentionInstance {
  readonly dag_id: string;
  readonly run_id: string;
  readonly task_id: string;
  readonly map_index: number;
  readonly state: string;
  readonly since: string;
  readonly queue: string;
  readonly pool: string;
  readonly reason: string | null;
}

/** What the home page says needs a look, in one statement. `hours`: how far back it looks for what failed. */
export class AttentionReader {
  constructor(
    private readonly db: SqlRunner,
    private readonly visible: VisibleDags,
  ) {}

  async read(hours: number, shown: number): Promise<Attention> {
    return (await this.db.query<{ answer: Attention }>(ATTENTION, [hours, shown, this.visible()])).rows[0]!.answer;
  }
}

/** A schedule this much behind is late; an instance that waits this long for a worker or a limit is told. */
const LATE_AFTER = `interval '60 seconds'`;
const WAITING_AFTER = `interval '30 seconds'`;

const ATTENTION = `
with active as (
  select r.*, (select coalesce(display_name, dag_id) from dag where dag.dag_id = r.dag_id) as display_name from dag_run r where r.state in ('queued', 'running') and ${seen('r.dag_id', 3)}
),
shown as (select * from active order by run_after desc limit $2),
failed as (
  select r.*, (select coalesce(display_name, dag_id) from dag where dag.dag_id = r.dag_id) as display_name
  from dag_run r where r.run_after > now() - make_interval(hours => $1) and r.state = 'failed' and ${seen('r.dag_id', 3)} order by r.run_after desc, r.id desc limit $2
),
counts as (
  select coalesce(i.state, 'none') as state, count(*)::int as n from task_instance i
  where i.dag_run_id in (select id from active where state = 'running' order by run_after desc limit 2000) and (i.state is null or i.state in ('scheduled', 'queued', 'running', 'restarting', 'up_for_retry', 'up_for_reschedule', 'deferred', 'awaiting_input'))
  group by 1
)
select jsonb_build_object(
  'dags', (select jsonb_build_object('total', count(*), 'paused', count(*) filter (where is_paused)) from dag where not is_stale and ${seen('dag_id', 3)}),
  'runs_by_hour', coalesce((select jsonb_agg(to_jsonb(h) order by h.hour) from (
      select date_trunc('hour', r.run_after) as hour, r.state, count(*)::int as runs from dag_run r where r.run_after > now() - make_interval(hours => $1) and r.run_after <= now() and ${seen('r.dag_id', 3)} group by 1, 2) h), '[]'),
  'failed_runs', coalesce((select jsonb_agg(jsonb_build_object('dag_id', f.dag_id, 'display_name', f.display_name, 'run_id', f.run_id, 'state', f.state, 'run_type', f.run_type, 'run_after', f.run_after,
      'queued_at', f.queued_at, 'start_date', f.start_date, 'end_date', f.end_date, 'reason', f.reason,
      'failed_tasks', coalesce((select jsonb_agg(t.task_id) from (select distinct i.task_id from task_instance i where i.dag_run_id = f.id and i.state = 'failed' order by 1 limit 3) t), '[]')) order by coalesce(f.end_date, f.run_after) desc) from failed f), '[]'),
  'active_runs', coalesce((select jsonb_agg(jsonb_build_object('dag_id', a.dag_id, 'display_name', a.display_name, 'run_id', a.run_id, 'state', a.state, 'run_type', a.run_type, 'run_after', a.run_after,
      'queued_at', a.queued_at, 'start_date', a.start_date, 'end_date', a.end_date, 'reason', a.reason, 'failed_tasks', '[]'::jsonb, 'done', i.done, 'tasks', i.tasks, 'started', i.started) order by a.run_after desc)
      from shown a cross join lateral (select count(*) filter (where t.state in ('success', 'failed', 'skipped', 'upstream_failed', 'removed')) as done, count(*) as tasks, count(*) filter (where t.state in ('running', 'restarting')) as started from task_instance t where t.dag_run_id = a.id) i), '[]'),
  'late_dags', coalesce((select jsonb_agg(to_jsonb(l)) from (
      select d.dag_id, coalesce(d.display_name, d.dag_id) as display_name, d.next_run_after from dag d
      where d.next_run_after < now() - ${LATE_AFTER} and not d.is_paused and not d.is_stale and ${seen('d.dag_id', 3)}
        and (select count(*) from dag_run r where r.dag_id = d.dag_id and r.state = 'running') < d.max_active_runs
      order by d.next_run_after limit $2) l), '[]'),
  'waiting', coalesce((select jsonb_agg(to_jsonb(w) order by w.since) from (
      select a.dag_id, a.run_id, i.task_id, coalesce(i.index_path[1], -1) as map_index, i.state, coalesce(i.queued_at, i.scheduled_at) as since, i.queue, i.pool, i.reason
      from active a join task_instance i on i.dag_run_id = a.id
      where a.state = 'running' and (i.state = 'awaiting_input' or (i.state in ('scheduled', 'queued') and coalesce(i.queued_at, i.scheduled_at) < now() - ${WAITING_AFTER}))
      order by coalesce(i.queued_at, i.scheduled_at) limit $2) w), '[]'),
  'import_errors', coalesce((select jsonb_agg(jsonb_build_object('id', e.id, 'fileloc', e.relative_fileloc, 'line', e.line, 'message', left(e.stack_trace, 400), 'created_at', e.created_at) order by e.id desc)
      from (select * from import_error x where ${fileSeen('x', 3)} order by id desc limit $2) e), '[]'),
  'instances', coalesce((select jsonb_object_agg(state, n) from counts), '{}')
) as answer`;
