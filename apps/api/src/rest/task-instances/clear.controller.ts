import { Controller, Inject, Param } from '@nestjs/common';
import { z } from 'zod';
import type { Actor } from '@millrace/access';
import { NotesWriter } from '@millrace/persistence';
import type { Commands } from '@millrace/scheduling';
import { MillraceError } from '@millrace/vocabulary';
import { Lookups } from '../lookups.js';
import { Operation } from '../openapi/operation.js';
import type { AnswerTo } from '../openapi/operations.js';
import { CurrentActor } from '../security/token.guard.js';
import { COMMANDS } from '../tokens.js';
import { instant } from '../validation/fields.js';
import { ValidBody } from '../validation/schema-pipe.js';
import { InstanceAnswers } from './instance-answers.js';

const clearBody = z
  .strictObject({
    dry_run: z.boolean().default(true),
    start_date: instant.nullish(),
    end_date: instant.nullish(),
    only_failed: z.boolean().default(true),
    only_running: z.boolean().default(false),
    reset_dag_runs: z.boolean().default(true),
    task_ids: z.array(z.union([z.string(), z.tuple([z.string(), z.number().int()])])).min(1, 'task_ids list should have at least 1 element.').nullish(),
    dag_run_id: z.string().nullish(),
    include_upstream: z.boolean().default(false),
    include_downstream: z.boolean().default(false),
    include_future: z.boolean().default(false),
    include_past: z.boolean().default(false),
    run_on_latest_version: z.boolean().default(false),
    prevent_running_task: z.boolean().default(false),
    note: z.string().max(1_000, 'Note length exceeds the maximum of 1000 characters').nullish(),
  })
  .refine((body) => !(body.only_failed && body.only_running), 'only_failed and only_running both are set to True')
  .refine((body) => body.start_date == null || body.end_date == null || body.end_date >= body.start_date, 'end_date is sooner than start_date')
  .refine((body) => body.dag_run_id == null || body.start_date == null || body.end_date == null, 'Exactly one of dag_run_id or (start_date and end_date) must be provided');
type ClearBody = z.infer<typeof clearBody>;

@Controller()
export class ClearController {
  constructor(
    @Inject(Lookups) private readonly lookups: Lookups,
    @Inject(COMMANDS) private readonly commands: Commands,
    @Inject(NotesWriter) private readonly notes: NotesWriter,
    @Inject(InstanceAnswers) private readonly answers: InstanceAnswers,
  ) {}

  @Operation('post_clear_task_instances')
  async clear(@Param('dag_id') dagId: string, @ValidBody(clearBody) body: ClearBody, @CurrentActor() actor: Actor): Promise<AnswerTo<'post_clear_task_instances'>> {
    await this.lookups.dag(dagId);
    if (body.dag_run_id != null) await this.lookups.run(dagId, body.dag_run_id);
    const selected = await this.commands.selectInstances({
      dagId,
      runId: body.dag_run_id ?? null,
      startDate: body.start_date,
      endDate: body.end_date,
      tasks: body.task_ids ?? null,
      includeUpstream: body.include_upstream,
      includeDownstream: body.include_downstream,
      includePast: body.include_past,
      includeFuture: body.include_future,
      onlyFailed: body.only_failed,
      onlyRunning: body.only_running,
    });
    const running = selected.filter((instance) => instance.state === 'running');
    if (body.prevent_running_task && running.length > 0) {
      throw new MillraceError('conflict', `These tasks are running and prevent_running_task is set: ${running.slice(0, 20).map((instance) => `${instance.runId}/${instance.taskId}`).join(', ')}`);
    }
    const ids = selected.map((instance) => instance.id);
    if (!body.dry_run && ids.length > 0) {
      await this.commands.clearInstances(ids, actor.name, { keepRuns: !body.reset_dag_runs, latest: body.run_on_latest_version });
      if (body.note != null) await this.notes.setInstanceNotes(ids, body.note);
    }
    return this.answers.collection(ids);
  }
}
