import { mapIndexSql } from '../database/map-index.js';
import type { InstanceId } from '@millrace/vocabulary';
import { Filter, readPage } from '../api-reads/paging.js';
import type { Page, PageRequest, Range } from '../api-reads/paging.js';
import { seen } from '../visibility/visible-dags.js';
import type { VisibleDags } from '../visibility/visible-dags.js';
import type { SqlRunner } from '../api-reads/sql-runner.js';

export interface QuestionRow {
  readonly instance_id: InstanceId;
  readonly try_number: number;
  readonly subject: string;
  readonly body: string | null;
  readonly options: readonly string[];
  readonly defaults: readonly string[] | null;
  readonly multiple: boolean;
  readonly params: Readonly<Record<string, unknown>>;
  readonly assignees: readonly { readonly id: string; readonly name: string }[];
  readonly created_at: Date;
  readonly responded_at: Date | null;
  readonly responded_by_id: string | null;
  readonly responded_by_name: string | null;
  readonly chosen_options: readonly string[] | null;
  readonly params_input: Readonly<Record<string, unknown>> | null;
}

export interface QuestionFilter {
  readonly dagId?: string | undefined;
  readonly runId?: string | undefined;
  readonly dagIdPattern?: string | undefined;
  readonly taskId?: string | undefined;
  readonly taskIdPattern?: string | undefined;
  readonly mapIndex?: number | undefined;
  readonly states?: readonly string[] | undefined;
  readonly isAnswered?: boolean | undefined;
  readonly respondedByIds?: readonly string[] | undefined;
  readonly respondedByNames?: readonly string[] | undefined;
  readonly subjectPattern?: string | undefined;
  readonly bodyPattern?: string | undefined;
  readonly createdAt?: Range<Date> | undefined;
}

/** Questions of instances' current tries, and of earlier ones. */
export class QuestionsReader {
  constructor(
    private readonly db: SqlRunner,
    private readonly visible: VisibleDags,
  ) {}

  list(filter: QuestionFilter, page: PageRequest): Promise<Page<QuestionRow>> {
    const built = new Filter()
      .visible('h.dag_id', this.visible)
      .and('h.try_number = i.try_number')
      .when(filter.dagId, 'h.dag_id = ?')
      .when(filter.runId, 'h.run_id = ?')
      .pattern('h.dag_id', filter.dagIdPattern)
      .when(filter.taskId, 'h.task_id = ?')
      .pattern('h.task_id', filter.taskIdPattern)
      .when(filter.mapIndex, `${MAP_INDEX} = ?`)
      .whenAny(filter.states, `coalesce(i.state, 'none') = any(?::text[])`)
      .when(filter.isAnswered, '(h.responded_at is not null) = ?')
      .whenAny(filter.respondedByIds, 'h.responded_by_id = any(?::text[])')
      .whenAny(filter.respondedByNames, 'h.responded_by_name = any(?::text[])')
      .pattern('h.subject', filter.subjectPattern)
      .pattern('h.body', filter.bodyPattern)
      .range('h.created_at', filter.createdAt);
    return readPage<QuestionRow>(this.db, { select: COLUMNS, from: FROM, filter: built, order: ORDER, tieBreaker: 'h.instance_id', page });
  }

  /** Of one try; null: the newest that asked. */
  async find(instanceId: InstanceId, tryNumber: number | null): Promise<QuestionRow | null> {
    const { rows } = await this.db.query<QuestionRow>(
      `select ${COLUMNS} from hitl_detail h where h.instance_id = $1 and ($2::int is null or h.try_number = $2) and ${seen('h.dag_id', 3)} order by h.try_number desc limit 1`, [instanceId, tryNumber, this.visible()],
    );
    return rows[0] ?? null;
  }
}

const MAP_INDEX = mapIndexSql('i.index_path');
const FROM = `hitl_detail h join task_instance i on i.id = h.instance_id join dag_run r on r.id = h.dag_run_id`;
const COLUMNS = `
h.instance_id, h.try_number, h.subject, h.body, h.options, h.defaults, h.multiple, h.params, h.assignees, h.created_at, h.responded_at, h.responded_by_id, h.responded_by_name,
h.chosen_options, h.params_input`;
const ORDER = {
  ti_id: 'h.instance_id', subject: 'h.subject', created_at: 'h.created_at', responded_at: { nullable: 'h.responded_at' }, dag_id: 'h.dag_id', run_id: 'h.run_id', task_id: 'h.task_id',
  run_after: 'r.run_after', rendered_map_index: { nullable: 'i.rendered_map_index' }, task_instance_operator: 'i.operator', task_instance_state: { nullable: 'i.state' },
} as const;
