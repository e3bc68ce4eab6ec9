import { Filter, readPage } from './paging.js';
import type { Page, PageRequest } from './paging.js';
import type { VisibleDags } from '../visibility/visible-dags.js';
import type { SqlRunner } from './sql-runner.js';

export interface WatcherView {
  readonly id: number;
  readonly name: string;
  readonly kind: string;
  readonly config: unknown;
  readonly asset_id: number;
  readonly asset_name: string;
  readonly is_active: boolean;
  readonly lease_owner: string | null;
  readonly lease_until: Date | null;
  readonly is_leased: boolean;
  readonly connected_at: Date | null;
  readonly last_event_at: Date | null;
  readonly last_error: string | null;
  readonly last_error_at: Date | null;
  readonly cursor_value: string | null;
  readonly parked: number;
}

export interface ParkedView {
  readonly id: number;
  readonly item: string;
  readonly content: string | null;
  readonly error: string;
  readonly parked_at: Date;
}

/** Watchers, how they are, and what they could not use. */
export class WatchersReader {
  constructor(
    private readonly db: SqlRunner,
    private readonly visible: VisibleDags,
  ) {}

  list(filter: { readonly assetId?: number | undefined; readonly onlyActive?: boolean | undefined }, page: PageRequest): Promise<Page<WatcherView>> {
    const built = new Filter();
    const visible = built.value(this.visible());
    built.and(`(${visible}::text[] is null or exists (select from asset_dag_reference u where u.asset_id = w.asset_id and u.dag_id = any(${visible}::text[])))`).when(filter.assetId, 'w.asset_id = ?');
    if (filter.onlyActive === true) built.and('w.is_active');
    return readPage<WatcherView>(this.db, { select: COLUMNS, from: 'asset_watcher w join asset a on a.id = w.asset_id', filter: built, order: { id: 'w.id', name: 'w.name' }, tieBreaker: 'w.id', page });
  }

  parked(watcherId: number, page: PageRequest): Promise<Page<ParkedView>> {
    return readPage<ParkedView>(this.db, { select: 'p.id, p.item, p.content, p.error, p.parked_at', from: 'asset_watcher_parked p', filter: this.#ofWatcher(watcherId), order: { id: 'p.id', parked_at: 'p.parked_at' }, tieBreaker: 'p.id', page });
  }

  #ofWatcher(watcherId: number): Filter {
    const built = new Filter();
    return built.and(watched(built.value(this.visible()))).and('p.watcher_id = ?', watcherId);
  }

  async forgetParked(watcherId: number, id: number): Promise<boolean> {
    return ((await this.db.query(`delete from asset_watcher_parked p where p.watcher_id = $1 and p.id = $2 and ${watched('$3')}`, [watcherId, id, this.visible()])).rowCount ?? 0) > 0;
  }
}

/** A watcher is seen by those who may see a dag that uses its asset. */
const watched = (visible: string): string =>
  `(${visible}::text[] is null or exists (select from asset_watcher w join asset_dag_reference u on u.asset_id = w.asset_id where w.id = p.watcher_id and u.dag_id = any(${visible}::text[])))`;

const COLUMNS = `
w.id, w.name, w.kind, w.config, w.asset_id, a.name as asset_name, w.is_active, w.lease_owner, w.lease_until, coalesce(w.lease_until > clock_timestamp(), false) as is_leased, w.connected_at,
w.last_event_at, w.last_error, w.last_error_at, w.cursor_value, (select count(*)::int from asset_watcher_parked p where p.watcher_id = w.id) as parked`;
