import { Filter, readPage } from './paging.js';
import type { Page, PageRequest, Range } from './paging.js';
import type { SqlRunner } from './sql-runner.js';

/** A service unheard of for this long does not count as alive. */
const ALIVE_WITHIN_SECONDS = 30;

export interface ServiceRow {
  readonly id: string;
  readonly kind: string;
  readonly hostname: string;
  readonly pid: number | null;
  readonly address: string | null;
  readonly version: string;
  readonly started_at: Date;
  readonly last_beat_at: Date;
  readonly ended_at: Date | null;
  readonly alive: boolean;
}

export interface SessionRow {
  readonly id: string;
  readonly worker_name: string;
  readonly log_host: string;
  readonly log_port: number;
  readonly queues: string[];
  readonly slots: number;
  readonly free_slots: number;
  readonly version: string;
  readonly pid: number | null;
  readonly started_at: Date;
  readonly last_beat_at: Date;
  readonly lease_expires_at: Date;
  readonly state: string;
  readonly ended_at: Date | null;
  readonly drain_asked_at: Date | null;
  readonly drain_asked_by: string | null;
}

export interface ServiceFilter {
  readonly kind?: string | undefined;
  readonly alive?: boolean | undefined;
  /** success: it ended; running: it beats; failed: it does not beat and has not ended. */
  readonly state?: string | undefined;
  readonly hostname?: string | undefined;
  readonly executorClass?: string | undefined;
  readonly started?: Range<Date> | undefined;
  readonly ended?: Range<Date> | undefined;
}

export class ServicesReader {
  constructor(private readonly db: SqlRunner) {}

  async list(filter: ServiceFilter, page: PageRequest): Promise<Page<ServiceRow>> {
    const built = new Filter().when(filter.kind, 's.kind = ?').when(filter.alive, `${ALIVE} = ?`).when(filter.state, `${STATE} = ?`).when(filter.hostname, 's.hostname = ?')
      // No service here has an executor's class.
      .when(filter.executorClass, 'null = ?::text').range('s.started_at', filter.started).range('s.ended_at', filter.ended);
    return readPage<ServiceRow>(this.db, { select: `s.*, ${ALIVE} as alive`, from: 'service_instance s', filter: built, order: { started_at: 's.started_at', last_beat_at: 's.last_beat_at', kind: 's.kind' }, tieBreaker: 's.id', page });
  }

  async sessions(filter: { readonly states?: readonly string[] | undefined }, page: PageRequest): Promise<Page<SessionRow>> {
    const built = new Filter().whenAny(filter.states, 'w.state = any(?::text[])');
    return readPage<SessionRow>(this.db, { select: 'w.*', from: 'worker_session w', filter: built, order: { started_at: 'w.started_at', last_beat_at: 'w.last_beat_at', worker_name: 'w.worker_name' }, tieBreaker: 'w.id', page });
  }

  /** The newest beat of each kind of service, and whether it is recent. */
  async latestBeats(): Promise<ReadonlyMap<string, { readonly at: Date; readonly alive: boolean }>> {
    const { rows } = await this.db.query<{ kind: string; at: Date; alive: boolean }>(LATEST_BEATS, [ALIVE_WITHIN_SECONDS]);
    return new Map(rows.map((row) => [row.kind, { at: row.at, alive: row.alive }]));
  }
}

const ALIVE = `(s.ended_at is null and s.last_beat_at > now() - interval '${ALIVE_WITHIN_SECONDS} seconds')`;
const STATE = `case when s.ended_at is not null then 'success' when ${ALIVE} then 'running' else 'failed' end`;
const LATEST_BEATS = `
select kind, max(last_beat_at) as at,
       coalesce(bool_or(ended_at is null and last_beat_at > now() - make_interval(secs => $1)), false) as alive
from service_instance group by kind`;
