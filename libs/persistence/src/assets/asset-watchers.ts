import type { Database, Queryable, Statement, Transaction } from '../database/database.js';

export interface WatcherRow {
  readonly id: number;
  readonly name: string;
  readonly kind: string;
  readonly config: unknown;
  readonly assetName: string;
  readonly assetUri: string;
  /** null: it has never looked. */
  readonly cursor: string | null;
  /** Those that name it, with their teams. */
  readonly dags: readonly { readonly dagId: string; readonly team: string | null }[];
}

/** Something a watcher has seen, by a name that is the same when it comes again. */
export interface SeenItem {
  readonly item: string;
  readonly cursor: string | null;
  /** It may have been taken before under a name that begins so; null: its own name tells. */
  readonly sameAs: string | null;
}

const COLUMNS = `w.id, w.name, w.kind, w.config, a.name as "assetName", a.uri as "assetUri", w.cursor_value as cursor,
  coalesce((select jsonb_agg(jsonb_build_object('dagId', d.dag_id, 'team', d.team) order by d.dag_id) from asset_watcher_dag_reference r join dag d on d.dag_id = r.dag_id
    where r.watcher_id = w.id and not d.is_stale), '[]') as dags`;

/**
 * lease-watchers: keeps what is held, and takes watchers nobody holds, up to a fair share among living schedulers. What is held beyond it is
 * let go when another is there to take it. $1 who, $2 lease in ms. Rows locked by others are left out.
 */
const LEASE: Statement = {
  name: 'lease-watchers',
  text: `
with share as (
  select ceil((select count(*) from asset_watcher where is_active)::numeric
    / greatest(1, (select count(*) from service_instance where kind = 'scheduler' and ended_at is null and last_beat_at > now() - interval '15 seconds')))::int as most
), open as (
  select id from asset_watcher
  where is_active and (lease_owner = $1 or lease_until is null or lease_until < clock_timestamp())
  order by (lease_owner is distinct from $1 or lease_until is null), id
  limit (select most from share) for update skip locked
), taken as (
  update asset_watcher w set lease_owner = $1, lease_until = clock_timestamp() + make_interval(secs => $2::float8 / 1000)
  from open where w.id = open.id returning w.*
), released as (
  update asset_watcher w set lease_until = null where w.lease_owner = $1 and not exists (select from open where open.id = w.id)
    and w.id in (select id from asset_watcher where lease_owner = $1 for update skip locked)
)
select ${COLUMNS} from taken w join asset a on a.id = w.asset_id order by w.id`,
};

const RELEASE: Statement = { name: 'release-watchers', text: `update asset_watcher set lease_until = null where lease_owner = $1` };

/** hold-watcher: the row is locked until the transaction ends; no row: somebody else watches by now. */
const HOLD: Statement = { name: 'hold-watcher', text: `select id from asset_watcher where id = $1 and lease_owner = $2 and lease_until > clock_timestamp() and is_active for update` };

/** note-seen: those that are new. $1 watcher, $2 json array of items. */
const NOTE_SEEN: Statement = {
  name: 'note-seen',
  text: `
with wanted as (select * from jsonb_to_recordset($2::jsonb) as r("item" text, "cursor" text, "sameAs" text))
insert into asset_watcher_seen (watcher_id, item, cursor_value)
select $1, w."item", w."cursor" from wanted w
where w."sameAs" is null or not exists (select from asset_watcher_seen s where s.watcher_id = $1 and starts_with(s.item, w."sameAs") and s.seen_at > now() - interval '1 hour')
on conflict do nothing returning item`,
};

const ADVANCE: Statement = {
  name: 'advance-watcher',
  text: `update asset_watcher set cursor_value = coalesce($2, cursor_value), last_event_at = case when $3 then now() else last_event_at end, last_error = null, last_error_at = null where id = $1`,
};
const CONNECTED: Statement = { name: 'watcher-connected', text: `update asset_watcher set connected_at = now(), last_error = null, last_error_at = null where id = $1` };
const TROUBLE: Statement = { name: 'watcher-trouble', text: `update asset_watcher set last_error = $2, last_error_at = now() where id = $1 and last_error is distinct from $2` };
const PARK: Statement = { name: 'park-watched', text: `insert into asset_watcher_parked (watcher_id, item, content, error) values ($1, $2, $3, $4) on conflict do nothing` };

/** known-watched: of these items, those that were seen, and whether so long ago that no earlier one can come any more. $1 watcher, $2 text[] items, $3 ms. */
const KNOWN: Statement = {
  name: 'known-watched',
  text: `select item, seen_at < clock_timestamp() - make_interval(secs => $3::float8 / 1000) as settled from asset_watcher_seen where watcher_id = $1 and item = any($2::text[])`,
};
const FORGET: Statement = { name: 'forget-watched', text: `delete from asset_watcher_seen where watcher_id = $1 and item = any($2::text[])` };
const FORGET_OLD: Statement = { name: 'forget-old-watched', text: `delete from asset_watcher_seen s using asset_watcher w where w.id = s.watcher_id and w.kind = 'rabbitmq' and s.seen_at < now() - interval '1 day'` };

/** What is watched outside, who watches it, and what was seen. */
export class AssetWatchers {
  constructor(private readonly database: Database) {}

  lease(owner: string, leaseMs: number): Promise<WatcherRow[]> {
    return this.database.query<WatcherRow & Record<string, unknown>>(LEASE, [owner, leaseMs]);
  }

  async release(owner: string): Promise<void> {
    await this.database.query(RELEASE, [owner]);
  }

  async connected(id: number): Promise<void> {
    await this.database.query(CONNECTED, [id]);
  }

  async trouble(id: number, reason: string): Promise<void> {
    await this.database.query(TROUBLE, [id, reason.replaceAll('\0', '')]);
  }

  /** Of these items, those that were seen; true: more than `ms` ago. */
  async known(id: number, items: readonly string[], ms: number): Promise<Map<string, boolean>> {
    return new Map((await this.database.query<{ item: string; settled: boolean }>(KNOWN, [id, items, ms])).map((row) => [row.item, row.settled]));
  }

  async forgetOld(): Promise<void> {
    await this.database.query(FORGET_OLD);
  }
}

/** The same inside the transaction that records events. */
export class WatcherTaking {
  constructor(
    private readonly tx: Transaction & Queryable,
    private readonly id: number,
  ) {}

  /** false: somebody else watches by now. */
  async hold(owner: string): Promise<boolean> {
    return (await this.tx.query(HOLD, [this.id, owner])).length > 0;
  }

  /** The items that are new. */
  async noteSeen(items: readonly SeenItem[]): Promise<Set<string>> {
    return new Set((await this.tx.query<{ item: string }>(NOTE_SEEN, [this.id, JSON.stringify(items)])).map((row) => row.item));
  }

  async park(item: string, content: string | null, error: string): Promise<void> {
    await this.tx.query(PARK, [this.id, item, content, error]);
  }

  /** @param cursor null: where it is */
  async advance(cursor: string | null, happened: boolean): Promise<void> {
    await this.tx.query(ADVANCE, [this.id, cursor, happened]);
  }

  async forget(items: readonly string[]): Promise<void> {
    if (items.length > 0) await this.tx.query(FORGET, [this.id, items]);
  }
}
