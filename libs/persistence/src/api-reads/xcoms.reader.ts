import { mapIndexSql } from '../database/map-index.js';
import type { IndexPath } from '@millrace/vocabulary';
import { Filter, readPage } from './paging.js';
import type { Page, PageRequest, Range } from './paging.js';
import { seen } from '../visibility/visible-dags.js';
import type { VisibleDags } from '../visibility/visible-dags.js';
import type { SqlRunner } from './sql-runner.js';

export interface XComRow {
  readonly key: string;
  readonly created_at: Date;
  readonly dag_id: string;
  readonly run_id: string;
  readonly task_id: string;
  readonly index_path: IndexPath;
  readonly dag_display_name: string;
  readonly dag_version_id: string;
  readonly logical_date: Date | null;
  readonly run_after: Date;
}

export interface XComFilter {
  readonly dagId?: string | undefined;
  readonly runId?: string | undefined;
  readonly taskId?: string | undefined;
  readonly key?: string | undefined;
  readonly mapIndex?: number | undefined;
  readonly keyPattern?: string | undefined;
  readonly displayNamePattern?: string | undefined;
  readonly runIdPattern?: string | undefined;
  readonly taskIdPattern?: string | undefined;
  readonly logicalDate?: Range<Date> | undefined;
  readonly runAfter?: Range<Date> | undefined;
}

/** XComs of each instance's newest try that wrote the key; earlier tries' values stay stored and are not shown. */
export class XComsReader {
  constructor(
    private readonly db: SqlRunner,
    private readonly visible: VisibleDags,
  ) {}

  async list(filter: XComFilter, page: PageRequest): Promise<Page<XComRow>> {
    const built = new Filter()
      .visible('x.dag_id', this.visible)
      .when(filter.dagId, 'x.dag_id = ?')
      .when(filter.runId, 'x.run_id = ?')
      .when(filter.taskId, 'x.task_id = ?')
      .when(filter.key, 'x.key = ?')
      .when(filter.mapIndex, `${MAP_INDEX} = ?`)
      .pattern('x.key', filter.keyPattern)
      .pattern('coalesce(d.display_name, d.dag_id)', filter.displayNamePattern)
      .pattern('x.run_id', filter.runIdPattern)
      .pattern('x.task_id', filter.taskIdPattern)
      .range('r.logical_date', filter.logicalDate)
      .range('r.run_after', filter.runAfter);
    built.and('not exists (select from xcom newer where newer.instance_id = x.instance_id and newer.key = x.key and newer.try_number > x.try_number)');
    return readPage<XComRow>(this.db, { select: COLUMNS, from: FROM, filter: built, order: {}, tieBreaker: 'x.dag_id, x.task_id, x.run_id, x.index_path, x.key', page });
  }

  /** Values of an instance under keys that begin so, of its newest try; by key. */
  async links(dagId: string, runId: string, taskId: string, mapIndex: number, prefix: string): Promise<readonly { readonly key: string; readonly value: unknown }[]> {
    const { rows } = await this.db.query<{ key: string; value: unknown }>(
      `select x.key, x.value from ${FROM} where x.dag_id = $1 and x.run_id = $2 and x.task_id = $3 and ${MAP_INDEX} = $4 and starts_with(x.key, $5)
         and not exists (select from xcom newer where newer.instance_id = x.instance_id and newer.key = x.key and newer.try_number > x.try_number) order by x.key`,
      [dagId, runId, taskId, mapIndex, prefix],
    );
    return rows;
  }

  async find(dagId: string, runId: string, taskId: string, mapIndex: number, key: string): Promise<(XComRow & { readonly value: unknown; readonly location: string | null }) | null> {
    const { rows } = await this.db.query<XComRow & { value: unknown; location: string | null }>(
      `select ${COLUMNS}, x.value, x.location from ${FROM}
       where x.dag_id = $1 and x.run_id = $2 and x.task_id = $3 and ${MAP_INDEX} = $4 and x.key = $5 and ${seen('x.dag_id', 6)} order by x.try_number desc limit 1`,
      [dagId, runId, taskId, mapIndex, key, this.visible()],
    );
    return rows[0] ?? null;
  }

  /** Writes a value by hand under the instance's current try. False: it was there already and `overwrite` is off. */
  async write(instanceId: string, key: string, value: unknown, overwrite: boolean): Promise<boolean> {
    const result = await this.db.query(overwrite ? OVERWRITE : INSERT, [instanceId, key, JSON.stringify(value ?? null)]);
    return result.rowCount === 1;
  }

  /** Removes the key of all tries. False: there was none. */
  async remove(instanceId: string, key: string): Promise<boolean> {
    return ((await this.db.query(`delete from xcom where instance_id = $1 and key = $2`, [instanceId, key])).rowCount ?? 0) > 0;
  }
}

const MAP_INDEX = mapIndexSql('x.index_path');
const COLUMNS = `
x.key, x.created_at, x.dag_id, x.run_id, x.task_id, x.index_path, coalesce(d.display_name, d.dag_id) as dag_display_name, r.dag_version_id,
r.logical_date, r.run_after`;
const FROM = `xcom x join dag_run r on r.id = x.dag_run_id join dag d on d.dag_id = r.dag_id`;
const INSERT = `
insert into xcom (instance_id, try_number, key, dag_run_id, dag_id, run_id, task_id, index_path, attempt_id, value)
select i.id, i.try_number, $2, i.dag_run_id, i.dag_id, i.run_id, i.task_id, i.index_path, i.attempt_id, $3::jsonb
from task_instance i where i.id = $1 and not exists (select from xcom x where x.instance_id = i.id and x.key = $2)
on conflict do nothing`;
const OVERWRITE = `
update xcom set value = $3::jsonb, location = null, created_at = now()
where instance_id = $1 and key = $2 and try_number = (select max(try_number) from xcom where instance_id = $1 and key = $2)`;
