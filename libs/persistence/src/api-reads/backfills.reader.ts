import type { ReprocessBehavior } from '@millrace/vocabulary';
import { Filter, readPage } from './paging.js';
import type { Page, PageRequest } from './paging.js';
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
  readonly max_active_runs: number;
  readonly created_at: Date;
  readonly updated_at: Date;
  readonly completed_at: Date | null;
}

export class BackfillsReader {
  constructor(private readonly db: SqlRunner) {}

  async list(dagId: string | undefined, page: PageRequest): Promise<Page<BackfillRow>> {
    return readPage<BackfillRow>(this.db, { select: COLUMNS, from: FROM, filter: new Filter().when(dagId, 'b.dag_id = ?'), order: { id: 'b.id', from_date: 'b.from_date', created_at: 'b.created_at' }, tieBreaker: 'b.id', page });
  }

  async find(id: number): Promise<BackfillRow | null> {
    return (await this.db.query<BackfillRow>(`select ${COLUMNS} from ${FROM} where b.id = $1`, [id])).rows[0] ?? null;
  }
}

const COLUMNS = `
b.id, b.dag_id, coalesce(d.display_name, d.dag_id) as dag_display_name, b.from_date, b.to_date, b.dag_run_conf, b.is_paused,
b.reprocess_behavior, b.max_active_runs, b.created_at, b.updated_at, b.completed_at`;
const FROM = `backfill b join dag d on d.dag_id = b.dag_id`;
