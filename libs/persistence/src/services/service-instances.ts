import type { Queryable, Statement } from '../database/database.js';

export interface ServiceInstance {
  readonly id: string;
  readonly kind: 'scheduler' | 'api' | 'dag-processor';
  readonly hostname: string;
  readonly pid: number | null;
  /** host:port of its gRPC; schedulers only. */
  readonly address: string | null;
  readonly version: string;
}

/** beat-service: says a service is alive, and makes its row at the first time. */
const BEAT_SERVICE: Statement = {
  name: 'beat-service',
  text: `
insert into service_instance (id, kind, hostname, pid, address, version, queue_load) values ($1, $2, $3, $4, $5, $6, $7)
on conflict (id) do update set last_beat_at = now(), ended_at = null, queue_load = excluded.queue_load`,
};

const END_SERVICE: Statement = { name: 'end-service', text: `update service_instance set ended_at = now() where id = $1` };

/** live-schedulers: heard of in the last ten seconds. */
const LIVE_SCHEDULERS: Statement = {
  name: 'live-schedulers',
  text: `
select id, address, queue_load as load from service_instance
where kind = 'scheduler' and ended_at is null and last_beat_at > now() - interval '10 seconds' and address is not null order by id`,
};

/** Which services are alive: for health, for the doorbell's partitions, and so that workers find schedulers. */
export class ServiceInstances {
  constructor(private readonly on: Queryable) {}

  /** @param load what it has in its queues, for the others of its kind. */
  async beat(service: ServiceInstance, load: object = {}): Promise<void> {
    await this.on.query(BEAT_SERVICE, [service.id, service.kind, service.hostname, service.pid, service.address, service.version, JSON.stringify(load)]);
  }

  async end(id: string): Promise<void> {
    await this.on.query(END_SERVICE, [id]);
  }

  liveSchedulers(): Promise<{ id: string; address: string; load: unknown }[]> {
    return this.on.query(LIVE_SCHEDULERS);
  }
}
