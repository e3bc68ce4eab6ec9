import type { RunId, RunState, RunType, TriggeredBy } from '@millrace/vocabulary';
import { Filter, readPage } from './paging.js';
import type { Page, PageRequest, Range } from './paging.js';
import { seen } from '../visibility/visible-dags.js';
import type { VisibleDags } from '../visibility/visible-dags.js';
import type { SqlRunner } from './sql-runner.js';

export interface RunView {
  readonly id: RunId;
  readonly dag_id: string;
  readonly run_id: string;
  readonly dag_version_id: string;
  readonly dag_display_name: string;
  readonly state: RunState;
  readonly run_type: RunType;
  readonly triggered_by: TriggeredBy;
  readonly triggering_user_name: string | null;
  readonly logical_date: Date | null;
  readonly data_interval_start: Date | null;
  readonly data_interval_end: Date | null;
  readonly run_after: Date;
  readonly queued_at: Date | null;
  readonly start_date: Date | null;
  readonly end_date: Date | null;
  readonly last_scheduling_decision: Date | null;
  readonly conf: Record<string, unknown>;
  readonly partition_key: string | null;
  readonly note: string | null;
  readonly reason: string | null;
  readonly result: unknown;
  readonly version_number: number;
  readonly version_bundle_name: string;
  readonly version_created_at: Date;
}

export interface RunFilter {
  readonly dagId?: string | undefined;
  readonly dagIds?: readonly string[] | undefined;
  readonly states?: readonly string[] | undefined;
  readonly runTypes?: readonly string[] | undefined;
  readonly versionNumbers?: readonly number[] | undefined;
  /** Runs have no bundle version here: whoever asks for one finds nothing. */
  readonly bundleVersion?: string | undefined;
  readonly runIdPattern?: string | undefined;
  readonly dagIdPattern?: string | undefined;
  readonly userPattern?: string | undefined;
  readonly partitionKeyPattern?: string | undefined;
  readonly confContains?: string | undefined;
  readonly runAfter?: Range<Date> | undefined;
  readonly logicalDate?: Range<Date> | undefined;
  readonly startDate?: Range<Date> | undefined;
  readonly endDate?: Range<Date> | undefined;
  readonly updatedAt?: Range<Date> | undefined;
  /** Seconds. */
  readonly duration?: Range<number> | undefined;
}

export class RunsReader {
  constructor(
    private readonly db: SqlRunner,
    private readonly visible: VisibleDags,
  ) {}

  async list(filter: RunFilter, page: PageRequest): Promise<Page<RunView>> {
    const built = new Filter()
      .visible('r.dag_id', this.visible)
      .when(filter.dagId, 'r.dag_id = ?')
      .whenAny(filter.dagIds, 'r.dag_id = any(?::text[])')
      .whenAny(filter.states, 'r.state = any(?::text[])')
      .whenAny(filter.runTypes, 'r.run_type = any(?::text[])')
      .whenAny(filter.versionNumbers, 'v.version_number = any(?::int[])')
      .when(filter.bundleVersion, 'null = ?::text')
      .pattern('r.run_id', filter.runIdPattern)
      .pattern('r.dag_id', filter.dagIdPattern)
      .pattern('r.triggering_user_name', filter.userPattern)
      .pattern('r.partition_key', filter.partitionKeyPattern)
      .pattern('r.conf::text', filter.confContains)
      .range('r.run_after', filter.runAfter)
      .range('r.logical_date', filter.logicalDate)
      .range('r.start_date', filter.startDate)
      .range('r.end_date', filter.endDate)
      .range('coalesce(r.last_scheduling_decision, r.queued_at)', filter.updatedAt)
      .range(DURATION, filter.duration);
    return readPage<RunView>(this.db, { select: COLUMNS, from: 'dag_run r', lookups: LOOKUPS, filter: built, order: ORDER, tieBreaker: 'r.id', page });
  }

  async find(dagId: string, runId: string): Promise<RunView | null> {
    return (await this.db.query<RunView>(`select ${COLUMNS} from ${FROM} where r.dag_id = $1 and r.run_id = $2 and ${seen('r.dag_id', 3)}`, [dagId, runId, this.visible()])).rows[0] ?? null;
  }

  /** What the dag's result task returned in this run; null: nothing, or not yet. */
  async result(id: RunId): Promise<unknown> {
    return (await this.db.query<{ result: unknown }>('select result from dag_run where id = $1', [id])).rows[0]?.result ?? null;
  }

  async findByLogicalDate(dagId: string, logicalDate: Date): Promise<RunView | null> {
    return (await this.db.query<RunView>(`select ${COLUMNS} from ${FROM} where r.dag_id = $1 and r.logical_date = $2 and ${seen('r.dag_id', 3)}`, [dagId, logicalDate, this.visible()])).rows[0] ?? null;
  }

  /** For ids that were found, or made, within what the caller may see. */
  async byIds(ids: readonly string[]): Promise<readonly RunView[]> {
    return (await this.db.query<RunView>(`select ${COLUMNS} from ${FROM} where r.id = any($1::uuid[])`, [ids])).rows;
  }
}

const DURATION = `extract(epoch from coalesce(r.end_date, now()) - r.start_date)`;

const COLUMNS = `
r.id, r.dag_id, r.run_id, r.dag_version_id, coalesce(d.display_name, d.dag_id) as dag_display_name, r.state, r.run_type, r.triggered_by,
r.triggering_user_name, r.logical_date, r.data_interval_start, r.data_interval_end, r.run_after, r.queued_at, r.start_date, r.end_date,
r.last_scheduling_decision, r.conf, r.partition_key, r.note, r.reason, r.result, v.version_number, v.bundle_name as version_bundle_name,
v.created_at as version_created_at`;

const LOOKUPS = { d: 'join dag d on d.dag_id = r.dag_id', v: 'join dag_version v on v.id = r.dag_version_id' };
const FROM = ['dag_run r', ...Object.values(LOOKUPS)].join(' ');

const ORDER = {
  id: 'r.id',
  state: 'r.state',
  dag_id: 'r.dag_id',
  run_id: 'r.run_id',
  dag_run_id: 'r.run_id',
  run_after: 'r.run_after',
  logical_date: { nullable: 'r.logical_date' },
  start_date: { nullable: 'r.start_date' },
  end_date: { nullable: 'r.end_date' },
  updated_at: { nullable: 'r.last_scheduling_decision' },
  conf: 'r.conf::text',
  duration: { nullable: DURATION },
};
