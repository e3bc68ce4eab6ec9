import { seen } from '../visibility/visible-dags.js';
import type { VisibleDags } from '../visibility/visible-dags.js';
import type { SqlRunner } from './sql-runner.js';

/** A task that asks for what its pool cannot give. */
export interface PoolWarningRow {
  readonly dag_id: string;
  readonly display_name: string | null;
  readonly task_id: string;
  readonly pool: string;
  readonly pool_slots: number;
  /** null: there is no such pool. */
  readonly slots: number | null;
  /** The pool is a team's, and the dag is not that team's. */
  readonly is_foreign: boolean;
  readonly since: Date;
}

/** Tasks of current dag versions whose pool does not exist, is too small for them, or is another team's. Reads documents: not for the hot path. */
export class PoolWarningsReader {
  constructor(
    private readonly db: SqlRunner,
    private readonly visible: VisibleDags,
  ) {}

  async all(dagId: string | null): Promise<readonly PoolWarningRow[]> {
    return (await this.db.query<PoolWarningRow>(WARNINGS, [dagId, this.visible()])).rows;
  }
}

const WARNINGS = `
select d.dag_id, d.display_name, t.task ->> 'taskId' as task_id, t.pool, t.pool_slots, p.slots, coalesce(p.team is distinct from d.team and p.team is not null, false) as is_foreign, v.created_at as since
from dag d join dag_version v on v.id = d.current_version_id
cross join lateral (
  select x.task, coalesce(x.task ->> 'pool', 'default_pool') as pool, coalesce((x.task ->> 'poolSlots')::int, 1) as pool_slots
  from jsonb_array_elements(v.document -> 'tasks') as x(task) where x.task ? 'pool' or x.task ? 'poolSlots'
) t
left join pool p on p.name = t.pool
where not d.is_stale and ($1::text is null or d.dag_id = $1) and ${seen('d.dag_id', 2)} and (p.name is null or (p.slots > 0 and t.pool_slots > p.slots) or (p.team is not null and p.team is distinct from d.team))
order by d.dag_id, t.pool, t.task ->> 'taskId'`;
