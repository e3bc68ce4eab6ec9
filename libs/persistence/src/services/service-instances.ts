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
insert into service_instance (id, kind, hostname, pid, address, version) values ($1, $2, $3, $4, $5, $6)
on conflict (id) do update set last_beat_at = now(), ended_at = null`,
};

const END_SERVICE: Statement = { name: 'end-service', text: `update service_instance set ended_at = now() where id = $1` };

/** live-schedulers: heard of in the last ten seconds. */
const LIVE_SCHEDULERS: Statement = {
  name: 'live-schedulers',
  text: `
select id, address from service_instance
where kind = 'scheduler' and ended_at is null and last_beat_at > now() - interval '10 seconds' and address is not null order by id`,
};

/** Which services are alive: for health, for the doorbell's partitions, and so that workers find schedulers. */
export class ServiceInstances {
  constructor(private readonly on: Queryable) {}

  async beat(service: ServiceInstance): Promise<void> {
    await this.on.query(BEAT_SERVICE, [service.id, service.kind, service.hostname, service.pid, service.address, service.version]);
  }

  async end(id: string): Promise<void> {
    await this.on.query(END_SERVICE, [id]);
  }

  liveSchedulers(): Promise<{ id: string; address: string }[]> {
    return this.on.query(LIVE_SCHEDULERS);
  }
}
