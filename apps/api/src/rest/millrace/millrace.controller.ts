import { Readable } from 'node:stream';
import { Controller, Inject, Param, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import type { Actor } from '@millrace/access';
import { InstancesReader, RunsReader, ServicesReader } from '@millrace/persistence';
import { partitionsOf } from '@millrace/scheduling';
import type { Commands } from '@millrace/scheduling';
import { MillraceError } from '@millrace/vocabulary';
import { instantText } from '../answers.js';
import { TryLogs } from '../logs/try-logs.js';
import { Lookups } from '../lookups.js';
import type { Answer } from '../openapi/answer-schemas.js';
import { Answers, AnswersAs, Route } from '../openapi/operation.js';
import { CurrentActor } from '../security/token.guard.js';
import { COMMANDS, PAGE_LIMIT_MAX } from '../tokens.js';
import { instant, pageFields, pageOf, query } from '../validation/fields.js';
import { ValidBody, ValidQuery } from '../validation/schema-pipe.js';
import { serviceCollection, taskRun, workerCollection } from './millrace-schemas.js';

const taskRunBody = z.strictObject({ task_id: z.string().min(1), logical_date: instant, conf: z.record(z.string(), z.unknown()).nullish() });
const workersQuery = z.object({ ...pageFields('-started_at'), state: query.texts });
const servicesQuery = z.object({ ...pageFields('-last_beat_at'), kind: query.text, alive: query.boolean });
const foundingLogQuery = z.object({ dag_id: z.string(), task_id: z.string(), execution_date: instant, map_index: z.coerce.number().int().default(-1), try_number: query.integer });

/** More than this many schedulers share no 16 partitions. */
const SCHEDULERS_MAX = 100;

/** What Airflow's API has no words for. */
@Controller()
export class MillraceController {
  constructor(
    @Inject(Lookups) private readonly lookups: Lookups,
    @Inject(RunsReader) private readonly runs: RunsReader,
    @Inject(InstancesReader) private readonly instances: InstancesReader,
    @Inject(ServicesReader) private readonly services: ServicesReader,
    @Inject(TryLogs) private readonly logs: TryLogs,
    @Inject(COMMANDS) private readonly commands: Commands,
    @Inject(PAGE_LIMIT_MAX) private readonly pageLimitMax: number,
  ) {}

  /** The founding `run`: one task at one date. Makes a run with this task alone, or runs the task again in the run of that date. */
  @Route('POST', '/api/millrace/v1/dags/:dag_id/taskRuns', { action: 'create', resource: 'dag_run' })
  @Answers(taskRun)
  async runTask(@Param('dag_id') dagId: string, @ValidBody(taskRunBody) body: z.infer<typeof taskRunBody>, @CurrentActor() actor: Actor): Promise<Answer<typeof taskRun>> {
    const document = await this.lookups.currentDocument(await this.lookups.dag(dagId));
    if (!document.tasks.some((task) => task.taskId === body.task_id)) throw new MillraceError('task_not_found', `Task with id ${body.task_id} was not found in dag ${dagId}`);
    const existing = await this.runs.findByLogicalDate(dagId, body.logical_date);
    if (existing === null) {
      const run = await this.commands.trigger({ dagId, logicalDate: body.logical_date, conf: body.conf, taskSelection: [body.task_id], triggeredBy: 'cli', actor: actor.name });
      return { dag_run_id: run.runId, task_id: body.task_id, try_number: 1 };
    }
    const [instance] = await this.instances.ofTask(dagId, existing.run_id, body.task_id);
    if (instance === undefined) {
      throw new MillraceError('conflict', `The run ${existing.run_id} of this logical date exists and does not have task ${body.task_id}; delete that run, or use another date`);
    }
    await this.commands.clearInstances([instance.id], actor.name);
    return { dag_run_id: existing.run_id, task_id: body.task_id, try_number: instance.try_number + 1 };
  }

  @Route('GET', '/api/millrace/v1/workers', { action: 'read', resource: 'job' })
  @Answers(workerCollection)
  async getWorkers(@ValidQuery(workersQuery) values: z.infer<typeof workersQuery>): Promise<Answer<typeof workerCollection>> {
    const page = await this.services.sessions({ states: values.state }, pageOf(values, this.pageLimitMax));
    const workers = page.rows.map((row) => ({
      session_id: row.id, worker_name: row.worker_name, state: row.state, queues: row.queues, slots: row.slots, free_slots: row.free_slots, version: row.version,
      pid: row.pid, log_address: `${row.log_host}:${row.log_port}`, started_at: instantText(row.started_at), last_beat_at: instantText(row.last_beat_at),
      lease_expires_at: instantText(row.lease_expires_at), ended_at: instantText(row.ended_at),
      drain_asked_at: instantText(row.drain_asked_at), drain_asked_by: row.drain_asked_by,
    }));
    return { workers, total_entries: page.total };
  }

  @Route('GET', '/api/millrace/v1/services', { action: 'read', resource: 'job' })
  @Answers(serviceCollection)
  async getServices(@ValidQuery(servicesQuery) values: z.infer<typeof servicesQuery>): Promise<Answer<typeof serviceCollection>> {
    const page = await this.services.list({ kind: values.kind, alive: values.alive }, pageOf(values, this.pageLimitMax));
    // As every scheduler computes them, from the same list of the living.
    const live = await this.services.list({ kind: 'scheduler', alive: true }, { limit: SCHEDULERS_MAX, offset: 0, orderBy: ['-started_at'] });
    const schedulers = live.rows.map((row) => row.id);
    const services = page.rows.map((row) => ({
      id: row.id, kind: row.kind, alive: row.alive, hostname: row.hostname, pid: row.pid, address: row.address, version: row.version,
      started_at: instantText(row.started_at), last_beat_at: instantText(row.last_beat_at), ended_at: instantText(row.ended_at),
      partitions: schedulers.includes(row.id) ? partitionsOf(row.id, schedulers) : [],
    }));
    return { services, total_entries: page.total };
  }

  /** The founding address of a log: the newest try of the run of that date, as text. */
  @Route('GET', '/admin/airflow/logs', { action: 'read', resource: 'task_log' })
  @AnswersAs('text/plain')
  async getFoundingLog(@ValidQuery(foundingLogQuery) values: z.infer<typeof foundingLogQuery>, @Res() reply: FastifyReply): Promise<void> {
    const run = await this.runs.findByLogicalDate(values.dag_id, values.execution_date);
    if (run === null) throw new MillraceError('run_not_found', `Dag ${values.dag_id} has no run with logical date ${values.execution_date.toISOString()}`);
    const instance = await this.lookups.instance(values.dag_id, run.run_id, values.task_id, values.map_index);
    const log = await this.logs.open({ dagId: values.dag_id, runId: run.run_id, taskId: values.task_id, mapIndex: values.map_index, tryNumber: values.try_number ?? instance.try_number }, {});
    async function* lines(): AsyncGenerator<Uint8Array> {
      let told = 0;
      for await (const chunk of log.chunks) {
        for (; told < log.messages.length; told++) yield Buffer.from(`${log.messages[told]}\n`);
        yield chunk;
      }
      for (; told < log.messages.length; told++) yield Buffer.from(`${log.messages[told]}\n`);
    }
    await reply.type('text/plain; charset=utf-8').send(Readable.from(lines(), { objectMode: false }));
  }
}
