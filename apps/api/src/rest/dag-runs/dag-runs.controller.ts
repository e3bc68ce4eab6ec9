import { Controller, Headers, Inject, Param, Query } from '@nestjs/common';
import { z } from 'zod';
import type { Actor } from '@millrace/access';
import { NotesWriter, RunsReader } from '@millrace/persistence';
import type { Commands } from '@millrace/scheduling';
import { isTraceparent, traceOfRun } from '@millrace/telemetry';
import type { Traces } from '@millrace/telemetry';
import { Lookups } from '../lookups.js';
import { Operation } from '../openapi/operation.js';
import type { AnswerTo } from '../openapi/operations.js';
import { CurrentActor } from '../security/token.guard.js';
import { InstanceAnswers } from '../task-instances/instance-answers.js';
import { COMMANDS, PAGE_LIMIT_MAX, TRACES } from '../tokens.js';
import { instant, pageOf } from '../validation/fields.js';
import { RequestError } from '../validation/request-error.js';
import { ValidBody, ValidQuery } from '../validation/schema-pipe.js';
import { runFilterOf, runFilterOfBatch, runsBatchBody, runsQuery } from './run-filters.js';
import type { RunsBatchBody, RunsQuery } from './run-filters.js';
import { toRunResponse } from './to-run-response.js';

const note = z.string().max(1_000, 'Note length exceeds the maximum of 1000 characters').nullish();

const triggerBody = z
  .strictObject({
    dag_run_id: z.string().max(250).nullish(),
    logical_date: instant.nullish(),
    data_interval_start: instant.nullish(),
    data_interval_end: instant.nullish(),
    run_after: instant.nullish(),
    conf: z.record(z.string(), z.unknown(), 'Input should be a valid dictionary').nullish(),
    note,
    partition_key: z.string().max(250).nullish(),
  })
  .refine((body) => (body.data_interval_start == null) === (body.data_interval_end == null), 'Either both data_interval_start and data_interval_end must be provided or both must be None');

const patchBody = z.strictObject({ state: z.enum(['queued', 'success', 'failed']).nullish(), note });
const clearBody = z.strictObject({ dry_run: z.boolean().default(true), only_failed: z.boolean().default(false), run_on_latest_version: z.boolean().default(false), note });

@Controller()
export class DagRunsController {
  constructor(
    @Inject(RunsReader) private readonly runs: RunsReader,
    @Inject(Lookups) private readonly lookups: Lookups,
    @Inject(NotesWriter) private readonly notes: NotesWriter,
    @Inject(COMMANDS) private readonly commands: Commands,
    @Inject(InstanceAnswers) private readonly instanceAnswers: InstanceAnswers,
    @Inject(TRACES) private readonly traces: Traces,
    @Inject(PAGE_LIMIT_MAX) private readonly pageLimitMax: number,
  ) {}

  @Operation('trigger_dag_run')
  async trigger(@Param('dag_id') dagId: string, @ValidBody(triggerBody) body: z.infer<typeof triggerBody>, @CurrentActor() actor: Actor, @Headers('traceparent') caller?: string): Promise<AnswerTo<'trigger_dag_run'>> {
    const startMs = Date.now();
    // What is no trace context is as none: tracing never makes a call fail.
    const traceparent = caller !== undefined && isTraceparent(caller) ? caller : null;
    // Also while the dag's file has an import error: its last good version runs (docs/decisions/0012).
    const run = await this.commands.trigger({
      dagId,
      runId: body.dag_run_id ?? undefined,
      logicalDate: body.logical_date ?? null,
      dataIntervalStart: body.data_interval_start,
      dataIntervalEnd: body.data_interval_end,
      runAfter: body.run_after,
      conf: body.conf,
      note: body.note,
      partitionKey: body.partition_key,
      traceparent,
      triggeredBy: 'rest_api',
      actor: actor.name,
    });
    if (this.traces.enabled) {
      this.traces.record({ trace: traceOfRun(run.id, traceparent, this.traces.sampling), name: `trigger ${dagId}`, kind: 'server', startMs, endMs: Date.now(), attributes: { 'millrace.dag_id': dagId, 'millrace.run_id': run.runId, 'http.route': '/api/v2/dags/:dag_id/dagRuns' } });
    }
    return toRunResponse(await this.lookups.madeRun(run.id, dagId, run.runId));
  }

  @Operation('get_dag_runs')
  async getRuns(@Param('dag_id') dagId: string, @ValidQuery(runsQuery) values: RunsQuery): Promise<AnswerTo<'get_dag_runs'>> {
    if (dagId !== '~') await this.lookups.dag(dagId);
    const page = await this.runs.list(runFilterOf(dagId === '~' ? undefined : dagId, values), pageOf(values, this.pageLimitMax));
    return { dag_runs: page.rows.map(toRunResponse), total_entries: page.total };
  }

  @Operation('get_list_dag_runs_batch')
  async getBatch(@Param('dag_id') dagId: string, @ValidBody(runsBatchBody) body: RunsBatchBody): Promise<AnswerTo<'get_list_dag_runs_batch'>> {
    onlyWildcard('dag_id', dagId);
    const page = await this.runs.list(runFilterOfBatch(body), pageOf({ limit: body.page_limit, offset: body.page_offset, order_by: [body.order_by ?? 'id'] }, this.pageLimitMax));
    return { dag_runs: page.rows.map(toRunResponse), total_entries: page.total };
  }

  @Operation('get_dag_run')
  async getRun(@Param('dag_id') dagId: string, @Param('dag_run_id') runId: string): Promise<AnswerTo<'get_dag_run'>> {
    return toRunResponse(await this.lookups.run(dagId, runId));
  }

  @Operation('patch_dag_run')
  async patchRun(
    @Param('dag_id') dagId: string,
    @Param('dag_run_id') runId: string,
    @ValidBody(patchBody) body: z.infer<typeof patchBody>,
    @Query('update_mask') mask: string | string[] | undefined,
    @CurrentActor() actor: Actor,
  ): Promise<AnswerTo<'patch_dag_run'>> {
    const run = await this.lookups.run(dagId, runId);
    const fields = maskedFields(mask, ['state', 'note'], Object.keys(body));
    if (fields.has('state') && body.state != null) await this.commands.markRun(run.id, body.state, actor.name);
    if (fields.has('note')) await this.notes.setRunNote(run.id, body.note ?? null);
    return toRunResponse(await this.lookups.run(dagId, runId));
  }

  @Operation('delete_dag_run')
  async deleteRun(@Param('dag_id') dagId: string, @Param('dag_run_id') runId: string, @CurrentActor() actor: Actor): Promise<void> {
    const run = await this.lookups.run(dagId, runId);
    await this.commands.deleteRun(run.id, actor.name);
  }

  @Operation('clear_dag_run')
  async clearRun(@Param('dag_id') dagId: string, @Param('dag_run_id') runId: string, @ValidBody(clearBody) body: z.infer<typeof clearBody>, @CurrentActor() actor: Actor): Promise<AnswerTo<'clear_dag_run'>> {
    const run = await this.lookups.run(dagId, runId);
    const selected = await this.commands.selectInstances({ dagId, runId, tasks: null, onlyFailed: body.only_failed });
    if (body.dry_run) return this.instanceAnswers.collection(selected.map((instance) => instance.id));
    const latest = body.run_on_latest_version;
    if (body.only_failed) await this.commands.clearInstances(selected.map((instance) => instance.id), actor.name, { latest });
    else await this.commands.clearRun(run.id, actor.name, { latest });
    if (body.note != null) await this.notes.setRunNote(run.id, body.note);
    return toRunResponse(await this.lookups.run(dagId, runId));
  }
}

/** Airflow's batch lists take their ids from the body; the path may only say "any". */
export function onlyWildcard(name: string, value: string): void {
  if (value !== '~') throw RequestError.single(['path', name], "Input should be '~'", value, 'literal_error');
}

/** Which fields a PATCH changes: those of the mask, or all that the body has. */
export function maskedFields(mask: string | string[] | undefined, known: readonly string[], given: readonly string[]): ReadonlySet<string> {
  if (mask === undefined) return new Set(given);
  const names = [mask].flat();
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) throw RequestError.single(['query', 'update_mask'], `'${unknown}' is not a field that can be updated; these can: ${known.join(', ')}`, mask);
  return new Set(names);
}
