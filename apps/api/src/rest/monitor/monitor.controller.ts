import { Controller, Inject } from '@nestjs/common';
import { ServicesReader } from '@millrace/persistence';
import { Operation } from '../openapi/operation.js';
import type { AnswerTo } from '../openapi/operations.js';
import { VERSION } from '../../version.js';

@Controller()
export class MonitorController {
  constructor(@Inject(ServicesReader) private readonly services: ServicesReader) {}

  /** Always 200, as Airflow does: what is unhealthy stands in the answer. */
  @Operation('get_health')
  async getHealth(): Promise<AnswerTo<'get_health'>> {
    const beats = await this.services.latestBeats().catch(() => null);
    const statusOf = (kind: string): { status: string | null; at: string | null } => {
      const beat = beats?.get(kind);
      // No such service was ever seen: null, not unhealthy.
      return { status: beat === undefined ? null : beat.alive ? 'healthy' : 'unhealthy', at: beat?.at.toISOString().replace('Z', '+00:00') ?? null };
    };
    const [scheduler, processor] = [statusOf('scheduler'), statusOf('dag-processor')];
    return {
      metadatabase: { status: beats === null ? 'unhealthy' : 'healthy' },
      scheduler: { status: scheduler.status ?? 'unhealthy', latest_scheduler_heartbeat: scheduler.at },
      // Deferred tasks wait in the database: schedulers do a triggerer's work.
      triggerer: { status: scheduler.status, latest_triggerer_heartbeat: scheduler.at },
      dag_processor: { status: processor.status, latest_dag_processor_heartbeat: processor.at },
    };
  }

  @Operation('get_version')
  getVersion(): AnswerTo<'get_version'> {
    return { version: VERSION, git_version: null };
  }
}
