import type { ReprocessBehavior, RunState } from '@millrace/vocabulary';
import type { BackfillException } from '../backfills/backfill-writer.js';
import { Filter, readPage } from './paging.js';
import type { Page, PageRequest } from './paging.js';
import { seen } from '../visibility/visible-dags.js';
import type { VisibleDags } from '../visibility/visible-dags.js';
import type { SqlRunner } from './sql-runner.js';

export interface BackfillRow {
  readonly id: number;
  readonly dag_id: string;
  readonly dag_display_name: string;
  readonly from_date: Date;
  readonly to_date: Date;
  readonly dag_run_conf: Record<string, unknown>;
  readonly is_paused: boolean;
  readonly reprocess_behavior: ReprocessBehavior;
  readonly run_backwards: boolean;
  readonly run_on_latest_version: boolean;
  readonly max_active_runs: number;
  readonly triggering_user_name: string | null;
  readonly created_at: Date;
  readonly updated_at: Date;
  readonly completed_at: Date | null;
  readonly cancelled_at: Date | null;
}

/** How far a backfill is. */
export interface BackfillProgress {
  readonly dates: number;
  readonly runs: Readonly<Record<RunState, number>>;
  /** Dates without a run, by why. */
  readonly skipped: Readonly<Partial<Record<BackfillException, number>>>;
  /** Dates whose run was deleted. */
  readonly deleted: number;
}

export interface BackfillDateRow {
  readonly ordinal: number;
  readonly logical_date: Date;
  readonly dag_run_id: string | null;
  readonly state: RunState | null;
  readonly exception_reason: BackfillException | null;
}

export class BackfillsReader {
  constructor(
    private readonly db: SqlRunner,
    private readonly visible: VisibleDags,
  ) {}

  async list(dagId: string | undefined, page: PageRequest): Promise<Page<BackfillRow>> {
    return readPage<BackfillRow>(this.db, { select: COLUMNS, from: FROM, filter: new Filter().visible('b.dag_id', this.visible).when(dagId, 'b.dag_id = ?'), order: { id: 'b.id', from_date: 'b.from_date', created_at: 'b.created_at' }, tieBreaker: 'b.id', page });
  }

  async find(id: number): Promise<BackfillRow | null> {
    return (await this.db.query<BackfillRow>(`select ${COLUMNS} from ${FROM} where b.id = $1 and ${seen('b.dag_id', 2)}`, [id, this.visible()])).rows[0] ?? null;
  }

  /** Of a backfill that `find` found. */
  async progress(id: number): Promise<BackfillProgress> {
    const { rows } = await this.db.query<{ state: RunState | null; reason: BackfillException | null; count: number }>(PROGRESS, [id]);
    const runs = { queued: 0, running: 0, success: 0, failed: 0 };
    const skipped: Partial<Record<BackfillException, number>> = {};
    let deleted = 0;
    for (const { state, reason, count } of rows) {
      if (state !== null) runs[state] += count;
      else if (reason !== null) skipped[reason] = count;
      else deleted += count;
    }
    return { dates: rows.reduce((sum, row) => sum + row.count, 0), runs, skipped, deleted };
  }

  /** Of a backfill that `find` found. */
  async dates(id: number, page: PageRequest): Promise<Page<BackfillDateRow>> {
    return readPage<BackfillDateRow>(this.db, {
      select: 'd.ordinal, d.logical_date, r.run_id as dag_run_id, r.state, d.exception_reason', from: 'backfill_date d left join dag_run r on r.id = d.dag_run_id', filter: new Filter().when(id, 'd.backfill_id = ?'),
      order: { ordinal: 'd.ordinal', logical_date: 'd.logical_date' }, tieBreaker: 'd.ordinal', page,
    });
  }
}

const COLUMNS = `
b.id, b.dag_id, coalesce(d.display_name, d.dag_id) as dag_display_name, b.from_date, b.to_date, b.dag_run_conf, b.is_paused, b.reprocess_behavior, b.run_backwards,
b.run_on_latest_version, b.max_active_runs, b.triggering_user_name, b.created_at, b.updated_at, b.completed_at, b.cancelled_at`;
const FROM = `backfill b join dag d on d.dag_id = b.dag_id`;

/** Index: backfill_date_pkey. */
const PROGRESS = `
select r.state, d.exception_reason as reason, count(*)::int as count from backfill_date d left join dag_run r on r.id = d.dag_run_id
where d.backfill_id = $1 group by 1, 2`;
