import type { ReprocessBehavior } from '@millrace/vocabulary';
import { seen } from '../visibility/visible-dags.js';
import type { VisibleDags } from '../visibility/visible-dags.js';
import type { SqlRunner } from '../api-reads/sql-runner.js';

export interface BackfillOverview {
  readonly id: number;
  readonly dag_id: string;
  readonly display_name: string;
  readonly from_date: Date;
  readonly to_date: Date;
  readonly is_paused: boolean;
  readonly reprocess_behavior: ReprocessBehavior;
  readonly run_backwards: boolean;
  readonly max_active_runs: number;
  readonly triggering_user_name: string | null;
  readonly created_at: Date;
  readonly completed_at: Date | null;
  readonly cancelled_at: Date | null;
  /** Its runs by state. */
  readonly runs: Record<string, number>;
  readonly total: number;
}

/** Backfills, newest first, with how far each is. */
export class BackfillOverviewReader {
  constructor(
    private readonly db: SqlRunner,
    private readonly visible: VisibleDags,
  ) {}

  async list(dagId: string | null, limit: number, offset: number): Promise<readonly BackfillOverview[]> {
    return (await this.db.query<BackfillOverview>(LIST, [dagId, limit, offset, this.visible()])).rows;
  }
}

const LIST = `
select b.id::int, b.dag_id, coalesce(d.display_name, d.dag_id) as display_name, b.from_date, b.to_date, b.is_paused, b.reprocess_behavior, b.run_backwards, b.max_active_runs,
  b.triggering_user_name, b.created_at, b.completed_at, b.cancelled_at, b.total,
  coalesce((select jsonb_object_agg(s.state, s.n) from (select r.state, count(*)::int as n from dag_run r where r.backfill_id = b.id group by 1) s), '{}') as runs
from (select *, count(*) over ()::int as total from backfill where ($1::text is null or dag_id = $1) and ${seen('dag_id', 4)} order by id desc limit $2 offset $3) b
join dag d on d.dag_id = b.dag_id
order by b.id desc`;
