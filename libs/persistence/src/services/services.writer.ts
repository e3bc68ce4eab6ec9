import type { SqlRunner } from '../api-reads/sql-runner.js';

/** Says that a process lives. Schedulers, apis and dag-processors call it with each beat; workers have sessions instead. */
export class ServicesWriter {
  constructor(private readonly db: SqlRunner) {}

  async beat(service: { readonly id: string; readonly kind: string; readonly hostname: string; readonly pid: number | null; readonly address?: string | null; readonly version?: string }): Promise<void> {
    await this.db.query(BEAT, [service.id, service.kind, service.hostname, service.pid, service.address ?? null, service.version ?? '']);
  }

  async ended(id: string): Promise<void> {
    await this.db.query(`update service_instance set ended_at = now() where id = $1`, [id]);
  }
}

const BEAT = `
insert into service_instance (id, kind, hostname, pid, address, version) values ($1, $2, $3, $4, $5, $6)
on conflict (id) do update set last_beat_at = now(), ended_at = null, hostname = excluded.hostname, pid = excluded.pid, address = excluded.address`;
