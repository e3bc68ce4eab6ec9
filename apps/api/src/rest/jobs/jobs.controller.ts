import { createHash } from 'node:crypto';
import { Controller, Inject } from '@nestjs/common';
import { z } from 'zod';
import { ServicesReader } from '@millrace/persistence';
import type { ServiceRow } from '@millrace/persistence';
import { instantText } from '../answers.js';
import { Operation } from '../openapi/operation.js';
import type { AnswerTo } from '../openapi/operations.js';
import { PAGE_LIMIT_MAX } from '../tokens.js';
import { pageFields, pageOf, query, rangeFields, rangeOf } from '../validation/fields.js';
import { ValidQuery } from '../validation/schema-pipe.js';
import type { JobAnswer } from './job-schemas.js';

const listQuery = z.object({ ...pageFields('id'), is_alive: query.boolean, job_type: query.text, job_state: query.text, hostname: query.text, executor_class: query.text, ...rangeFields(['start_date', 'end_date'], query.instant) });

/** Airflow's names of our services. */
const JOB_TYPES: Readonly<Record<string, string>> = { scheduler: 'SchedulerJob', 'dag-processor': 'DagProcessorJob', api: 'ApiJob' };
const ORDER: Readonly<Record<string, string>> = { id: 'started_at', start_date: 'started_at', latest_heartbeat: 'last_beat_at', job_type: 'kind' };

@Controller()
export class JobsController {
  constructor(
    @Inject(ServicesReader) private readonly services: ServicesReader,
    @Inject(PAGE_LIMIT_MAX) private readonly pageLimitMax: number,
  ) {}

  @Operation('get_jobs')
  async getJobs(@ValidQuery(listQuery) values: z.infer<typeof listQuery>): Promise<AnswerTo<'get_jobs'>> {
    const kind = values.job_type === undefined ? undefined : (Object.keys(JOB_TYPES).find((one) => JOB_TYPES[one] === values.job_type) ?? values.job_type);
    const orderBy = values.order_by.map((name) => (name.startsWith('-') ? `-${ORDER[name.slice(1)] ?? name.slice(1)}` : (ORDER[name] ?? name)));
    const page = await this.services.list({
      kind, alive: values.is_alive, state: values.job_state, hostname: values.hostname, executorClass: values.executor_class,
      started: rangeOf(values, 'start_date'), ended: rangeOf(values, 'end_date'),
    }, { ...pageOf(values, this.pageLimitMax), orderBy });
    return { jobs: page.rows.map(toResponse), total_entries: page.total };
  }
}

function toResponse(row: ServiceRow): JobAnswer {
  return {
    // Ours are texts; Airflow's clients expect a number that stays the same.
    id: createHash('sha256').update(row.id).digest().readUInt32BE(0) >>> 1,
    dag_id: null,
    state: row.ended_at !== null ? 'success' : row.alive ? 'running' : 'failed',
    job_type: JOB_TYPES[row.kind] ?? row.kind,
    start_date: instantText(row.started_at),
    end_date: instantText(row.ended_at),
    latest_heartbeat: instantText(row.last_beat_at),
    executor_class: null,
    hostname: row.hostname,
    unixname: null,
    dag_display_name: null,
  };
}
