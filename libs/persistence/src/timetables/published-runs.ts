import type { NextRunWrite } from '../dags/due-dags.js';
import type { Queryable, Statement } from '../database/database.js';

/** What a schedule looks at: what is not made yet is fewer (see TimetableWriter). */
const RUNS_TO_SCHEDULE = 3_000;

/** published-runs: of timetables written in dag code, newest kept, ascending. $1 text[] dag ids, $2 how many of each at most. Index: timetable_run_pkey. */
const PUBLISHED_RUNS: Statement = {
  name: 'published-runs',
  text: `
select d.dag_id as "dagId", extract(epoch from p.logical_date)::float8 * 1000 as "logicalDateMs", extract(epoch from p.interval_start)::float8 * 1000 as "intervalStartMs",
  extract(epoch from p.interval_end)::float8 * 1000 as "intervalEndMs", extract(epoch from p.run_after)::float8 * 1000 as "runAfterMs"
from unnest($1::text[]) as d (dag_id)
cross join lateral (select * from timetable_run t where t.dag_id = d.dag_id order by t.logical_date desc limit $2) p
order by d.dag_id, p.logical_date`,
};

/** What custom timetables published, by dag, ascending by logical date; dags without any are missing. */
export async function publishedRuns(on: Queryable, dagIds: readonly string[], most = RUNS_TO_SCHEDULE): Promise<Map<string, NextRunWrite[]>> {
  const found = new Map<string, NextRunWrite[]>();
  if (dagIds.length === 0) return found;
  for (const { dagId, ...run } of await on.query<NextRunWrite & { dagId: string }>(PUBLISHED_RUNS, [dagIds, most])) {
    const runs = found.get(dagId);
    if (runs === undefined) found.set(dagId, [run]);
    else runs.push(run);
  }
  return found;
}
