import { Controller, Inject, Param } from '@nestjs/common';
import { z } from 'zod';
import type { Actor } from '@millrace/access';
import { ControlWriter, Database, InstancesReader } from '@millrace/persistence';
import type { Commands } from '@millrace/scheduling';
import { instantText } from '../answers.js';
import { Lookups } from '../lookups.js';
import type { Answer } from '../openapi/answer-schemas.js';
import { Answers, AuditedByCommand, Route } from '../openapi/operation.js';
import { CurrentActor } from '../security/token.guard.js';
import { COMMANDS, PAGE_LIMIT_MAX } from '../tokens.js';
import { pageFields, pageOf } from '../validation/fields.js';
import { ValidBody, ValidQuery } from '../validation/schema-pipe.js';
import { InstanceAnswers } from '../task-instances/instance-answers.js';
import { toRunResponse } from '../dag-runs/to-run-response.js';
import { hold, reasonedInstanceCollection, release, switchedTask, taskSwitchCollection } from './control-schemas.js';
import { dagRun } from '../dag-runs/run-schemas.js';

const switchBody = z.strictObject({ off: z.boolean(), note: z.string().max(1_000, 'Note length exceeds the maximum of 1000 characters').nullish() });
const pageQuery = z.object({ ...pageFields('map_index') });
const nothing = z.strictObject({}).default({});

/** Stopping, and letting go: what Airflow's API has no words for. */
@Controller()
export class ControlController {
  constructor(
    @Inject(Lookups) private readonly lookups: Lookups,
    @Inject(Database) private readonly database: Database,
    @Inject(COMMANDS) private readonly commands: Commands,
    @Inject(InstancesReader) private readonly instances: InstancesReader,
    @Inject(InstanceAnswers) private readonly answers: InstanceAnswers,
    @Inject(PAGE_LIMIT_MAX) private readonly pageLimitMax: number,
  ) {}

  @AuditedByCommand()
  @Route('POST', '/api/millrace/v1/dags/:dag_id/dagRuns/:dag_run_id/cancel', { action: 'edit', resource: 'dag_run' })
  @Answers(dagRun)
  async cancel(@Param('dag_id') dagId: string, @Param('dag_run_id') runId: string, @ValidBody(nothing) _body: object, @CurrentActor() actor: Actor): Promise<Answer<typeof dagRun>> {
    const run = await this.lookups.run(dagId, runId);
    await this.commands.cancelRun(run.id, actor.name);
    return toRunResponse(await this.lookups.run(dagId, runId));
  }

  /** Airflow's answer with what it has no field for: why the instance is in its state. */
  @Route('GET', '/api/millrace/v1/dags/:dag_id/dagRuns/:dag_run_id/taskInstances', { action: 'read', resource: 'task_instance' })
  @Answers(reasonedInstanceCollection)
  async getInstances(@Param('dag_id') dagId: string, @Param('dag_run_id') runId: string, @ValidQuery(pageQuery) values: z.infer<typeof pageQuery>): Promise<Answer<typeof reasonedInstanceCollection>> {
    await this.lookups.run(dagId, runId);
    const page = await this.instances.list({ dagId, runId }, pageOf(values, this.pageLimitMax));
    const answers = await this.answers.of(page.rows);
    return { task_instances: answers.map((answer, index) => ({ ...answer, reason: page.rows[index]!.reason })), total_entries: page.total };
  }

  @Route('GET', '/api/millrace/v1/dags/:dag_id/taskSwitches', { action: 'read', resource: 'dag' })
  @Answers(taskSwitchCollection)
  async getSwitches(@Param('dag_id') dagId: string): Promise<Answer<typeof taskSwitchCollection>> {
    await this.lookups.dag(dagId);
    const switches = (await new ControlWriter(this.database).switches(dagId)).map((row) => ({ task_id: row.taskId, off_by: row.offBy, off_at: instantText(row.offAt), note: row.note }));
    return { switches, total_entries: switches.length };
  }

  @AuditedByCommand()
  @Route('PATCH', '/api/millrace/v1/dags/:dag_id/taskSwitches/:task_id', { action: 'edit', resource: 'dag' })
  @Answers(switchedTask)
  async switchTask(@Param('dag_id') dagId: string, @Param('task_id') taskId: string, @ValidBody(switchBody) body: z.infer<typeof switchBody>, @CurrentActor() actor: Actor): Promise<Answer<typeof switchedTask>> {
    const { changed } = await this.commands.switchTask({ dagId, taskId, off: body.off, note: body.note, actor: actor.name });
    return { dag_id: dagId, task_id: taskId, off: body.off, changed };
  }

  /** What holds a dag after a failed run, if anything. */
  @Route('GET', '/api/millrace/v1/dags/:dag_id/hold', { action: 'read', resource: 'dag' })
  @Answers(hold)
  async getHold(@Param('dag_id') dagId: string): Promise<Answer<typeof hold>> {
    await this.lookups.dag(dagId);
    const holder = await new ControlWriter(this.database).holder(dagId);
    return { dag_id: dagId, held: holder !== undefined, held_by: holder?.runId ?? null, since: instantText(holder?.endedAt ?? null) };
  }

  @AuditedByCommand()
  @Route('POST', '/api/millrace/v1/dags/:dag_id/release', { action: 'edit', resource: 'dag' })
  @Answers(release)
  async release(@Param('dag_id') dagId: string, @ValidBody(nothing) _body: object, @CurrentActor() actor: Actor): Promise<Answer<typeof release>> {
    const holder = await new ControlWriter(this.database).holder(dagId);
    await this.commands.releaseDag(dagId, actor.name);
    return { dag_id: dagId, was_held_by: holder?.runId ?? null };
  }
}
