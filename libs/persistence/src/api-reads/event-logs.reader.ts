import { mapIndexSql } from '../database/map-index.js';
import { Filter, readPage } from './paging.js';
import type { Page, PageRequest } from './paging.js';
import { seen } from '../visibility/visible-dags.js';
import type { VisibleDags } from '../visibility/visible-dags.js';
import type { SqlRunner } from './sql-runner.js';

export interface EventLogRow {
  readonly id: number;
  readonly at: Date;
  readonly event: string;
  readonly dag_id: string | null;
  readonly run_id: string | null;
  readonly task_id: string | null;
  readonly index_path: number[] | null;
  readonly try_number: number | null;
  readonly actor: string | null;
  readonly extra: string | null;
  readonly dag_display_name: string | null;
  readonly logical_date: Date | null;
}

export interface EventLogFilter {
  readonly dagId?: string | undefined;
  readonly taskId?: string | undefined;
  readonly runId?: string | undefined;
  readonly mapIndex?: number | undefined;
  readonly tryNumber?: number | undefined;
  readonly actor?: string | undefined;
  readonly event?: string | undefined;
  readonly included?: readonly string[] | undefined;
  readonly excluded?: readonly string[] | undefined;
  readonly before?: Date | undefined;
  readonly after?: Date | undefined;
  readonly dagIdPattern?: string | undefined;
  readonly taskIdPattern?: string | undefined;
  readonly runIdPattern?: string | undefined;
  readonly actorPattern?: string | undefined;
  readonly eventPattern?: string | undefined;
}

/** Lines of no dag are seen by those who may see every dag. */
export class EventLogsReader {
  constructor(
    private readonly db: SqlRunner,
    private readonly visible: VisibleDags,
  ) {}

  async list(filter: EventLogFilter, page: PageRequest): Promise<Page<EventLogRow>> {
    const built = new Filter()
      .visible('l.dag_id', this.visible)
      .when(filter.dagId, 'l.dag_id = ?')
      .when(filter.taskId, 'l.task_id = ?')
      .when(filter.runId, 'l.run_id = ?')
      .when(filter.mapIndex, `${mapIndexSql("coalesce(l.index_path, '{}')")} = ?`)
      .when(filter.tryNumber, 'l.try_number = ?')
      .when(filter.actor, 'l.actor = ?')
      .when(filter.event, 'l.event = ?')
      .whenAny(filter.included, 'l.event = any(?::text[])')
      .whenAny(filter.excluded, 'l.event <> all(?::text[])')
      .when(filter.before, 'l.at <= ?')
      .when(filter.after, 'l.at >= ?')
      .pattern('l.dag_id', filter.dagIdPattern)
      .pattern('l.task_id', filter.taskIdPattern)
      .pattern('l.run_id', filter.runIdPattern)
      .pattern('l.actor', filter.actorPattern)
      .pattern('l.event', filter.eventPattern);
    return readPage<EventLogRow>(this.db, { select: COLUMNS, from: FROM, filter: built, order: ORDER, tieBreaker: 'l.id', page });
  }

  async find(id: number): Promise<EventLogRow | null> {
    return (await this.db.query<EventLogRow>(`select ${COLUMNS} from ${FROM} where l.id = $1 and ${seen('l.dag_id', 2)}`, [id, this.visible()])).rows[0] ?? null;
  }
}

const COLUMNS = `
l.id, l.at, l.event, l.dag_id, l.run_id, l.task_id, l.index_path, l.try_number, l.actor, l.extra,
coalesce(d.display_name, d.dag_id) as dag_display_name, r.logical_date`;
const FROM = `audit_log l left join dag d on d.dag_id = l.dag_id left join dag_run r on r.dag_id = l.dag_id and r.run_id = l.run_id`;
const ORDER = {
  id: 'l.id', event_log_id: 'l.id', when: 'l.at', dttm: 'l.at', event: 'l.event', owner: { nullable: 'l.actor' }, dag_id: { nullable: 'l.dag_id' },
  task_id: { nullable: 'l.task_id' }, run_id: { nullable: 'l.run_id' }, logical_date: { nullable: 'r.logical_date' }, extra: { nullable: 'l.extra' },
};
