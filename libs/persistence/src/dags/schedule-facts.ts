import type { Queryable, Statement } from '../database/database.js';
import type { NextRunWrite } from './due-dags.js';

/** What is needed to tell when a dag runs; nothing is locked. */
export interface ScheduleFacts {
  readonly document: unknown;
  readonly source: string;
  readonly isPaused: boolean;
  readonly nowMs: number;
  readonly pending: NextRunWrite | null;
  /** Of a timetable written in dag code: whether all its runs are published, and why it could not be gone on with. */
  readonly isComplete: boolean | null;
  readonly error: string | null;
}

/** schedule-facts: of one dag with a version. $1 dag id. */
const SCHEDULE_FACTS: Statement = {
  name: 'schedule-facts',
  text: `
select v.document, v.source, d.is_paused as "isPaused", extract(epoch from clock_timestamp())::float8 * 1000 as "nowMs", t.is_complete as "isComplete", t.error,
  case when d.next_logical_date is not null and d.next_run_after is not null then jsonb_build_object(
    'logicalDateMs', extract(epoch from d.next_logical_date) * 1000, 'intervalStartMs', extract(epoch from coalesce(d.next_interval_start, d.next_logical_date)) * 1000,
    'intervalEndMs', extract(epoch from coalesce(d.next_interval_end, d.next_logical_date)) * 1000, 'runAfterMs', extract(epoch from d.next_run_after) * 1000) end as pending
from dag d join dag_version v on v.id = d.current_version_id left join timetable t on t.dag_id = d.dag_id
where d.dag_id = $1`,
};

export async function scheduleFacts(on: Queryable, dagId: string): Promise<ScheduleFacts | null> {
  return (await on.query<ScheduleFacts & Record<string, unknown>>(SCHEDULE_FACTS, [dagId]))[0] ?? null;
}
