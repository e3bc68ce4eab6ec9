import { Filter, readPage } from './paging.js';
import type { Page, PageRequest } from './paging.js';
import type { VisibleDags } from '../visibility/visible-dags.js';
import type { SqlRunner } from './sql-runner.js';

export interface PartitionRow {
  readonly id: number;
  readonly partition_key: string;
  readonly created_at: Date;
  /** null: it is not complete yet. */
  readonly run_id: string | null;
  readonly run_state: string | null;
  readonly events: readonly { readonly id: number; readonly name: string; readonly uri: string; readonly source_key: string }[];
}

/** Partitions of a dag that waits for assets: those that fill up, and those that have their run. */
export class PartitionsReader {
  constructor(
    private readonly db: SqlRunner,
    private readonly visible: VisibleDags,
  ) {}

  list(dagId: string, filter: { readonly isOpen?: boolean | undefined; readonly key?: string | undefined }, page: PageRequest): Promise<Page<PartitionRow>> {
    const built = new Filter().visible('p.dag_id', this.visible).and('p.dag_id = ?', dagId).when(filter.key, 'p.partition_key = ?').when(filter.isOpen, '(p.dag_run_id is null) = ?');
    return readPage<PartitionRow>(this.db, { select: COLUMNS, from: 'partition_request p left join dag_run r on r.id = p.dag_run_id', filter: built, order: ORDER, tieBreaker: 'p.id', page });
  }
}

const COLUMNS = `
p.id, p.partition_key, p.created_at, r.run_id, r.state as run_state,
coalesce((select jsonb_agg(jsonb_build_object('id', q.event_id, 'name', a.name, 'uri', a.uri, 'source_key', q.source_key) order by q.event_id)
  from partition_request_event q join asset a on a.id = q.asset_id where q.request_id = p.id), '[]') as events`;

const ORDER = { partition_key: 'p.partition_key', created_at: 'p.created_at', id: 'p.id' };
