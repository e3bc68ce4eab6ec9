import { Controller, Inject, Param } from '@nestjs/common';
import { z } from 'zod';
import type { Actor } from '@millrace/access';
import type { RerunItem, RerunView } from '@millrace/persistence';
import { RerunDesk, rerunRequest } from '@millrace/scheduling';
import type { RerunRequest } from '@millrace/scheduling';
import { instantText } from '../answers.js';
import { Lookups } from '../lookups.js';
import type { Answer } from '../openapi/answer-schemas.js';
import { Answers, AuditedByCommand, Route } from '../openapi/operation.js';
import { CurrentActor } from '../security/token.guard.js';
import { PAGE_LIMIT_MAX } from '../tokens.js';
import { pageFields, pageOf } from '../validation/fields.js';
import { ValidBody, ValidQuery } from '../validation/schema-pipe.js';
import { rerun, rerunCollection, rerunItemCollection, rerunPlan } from './rerun-schemas.js';
import type { RerunAnswer, RerunItemAnswer } from './rerun-schemas.js';

const page = z.object({ ...pageFields('place') });
const nothing = z.strictObject({}).default({});
const PREVIEWED = 100;

/** Running a choice of runs and tasks again: planned, looked at, applied. */
@Controller()
export class RerunsController {
  constructor(
    @Inject(Lookups) private readonly lookups: Lookups,
    @Inject(RerunDesk) private readonly reruns: RerunDesk,
    @Inject(PAGE_LIMIT_MAX) private readonly pageLimitMax: number,
  ) {}

  /** A draft, with what it would do. Changes nothing. */
  @AuditedByCommand()
  @Route('POST', '/api/millrace/v1/dags/:dag_id/reruns', { action: 'edit', resource: 'dag_run' }, 201)
  @Answers(rerunPlan)
  async plan(@Param('dag_id') dagId: string, @ValidBody(rerunRequest) body: RerunRequest, @CurrentActor() actor: Actor): Promise<Answer<typeof rerunPlan>> {
    await this.lookups.dag(dagId);
    const { plan, leftOut } = await this.reruns.plan(dagId, body, actor.name);
    const items = await this.reruns.items(plan.id, PREVIEWED, 0);
    return { ...toPlan(plan), left_out: leftOut.slice(0, PREVIEWED).map(({ runId, why }) => ({ dag_run_id: runId, why })), left_out_total: leftOut.length, items: items.map(toItem) };
  }

  @Route('GET', '/api/millrace/v1/dags/:dag_id/reruns', { action: 'read', resource: 'dag_run' })
  @Answers(rerunCollection)
  async list(@Param('dag_id') dagId: string, @ValidQuery(page) values: z.infer<typeof page>): Promise<Answer<typeof rerunCollection>> {
    await this.lookups.dag(dagId);
    const { limit, offset } = pageOf(values, this.pageLimitMax);
    const { plans, total } = await this.reruns.list(dagId, limit, offset);
    return { reruns: plans.map(toPlan), total_entries: total };
  }

  @Route('GET', '/api/millrace/v1/dags/:dag_id/reruns/:rerun_id', { action: 'read', resource: 'dag_run' })
  @Answers(rerun)
  async get(@Param('dag_id') dagId: string, @Param('rerun_id') id: string): Promise<Answer<typeof rerun>> {
    return toPlan(await this.reruns.view(dagId, id));
  }

  @Route('GET', '/api/millrace/v1/dags/:dag_id/reruns/:rerun_id/items', { action: 'read', resource: 'dag_run' })
  @Answers(rerunItemCollection)
  async items(@Param('dag_id') dagId: string, @Param('rerun_id') id: string, @ValidQuery(page) values: z.infer<typeof page>): Promise<Answer<typeof rerunItemCollection>> {
    const plan = await this.reruns.view(dagId, id);
    const { limit, offset } = pageOf(values, this.pageLimitMax);
    return { items: (await this.reruns.items(id, limit, offset)).map(toItem), total_entries: plan.runs };
  }

  @AuditedByCommand()
  @Route('POST', '/api/millrace/v1/dags/:dag_id/reruns/:rerun_id/apply', { action: 'edit', resource: 'dag_run' })
  @Answers(rerun)
  async apply(@Param('dag_id') dagId: string, @Param('rerun_id') id: string, @ValidBody(nothing) _body: object, @CurrentActor() actor: Actor): Promise<Answer<typeof rerun>> {
    return toPlan(await this.reruns.apply(dagId, id, actor.name));
  }

  @AuditedByCommand()
  @Route('POST', '/api/millrace/v1/dags/:dag_id/reruns/:rerun_id/cancel', { action: 'edit', resource: 'dag_run' })
  @Answers(rerun)
  async cancel(@Param('dag_id') dagId: string, @Param('rerun_id') id: string, @ValidBody(nothing) _body: object, @CurrentActor() actor: Actor): Promise<Answer<typeof rerun>> {
    return toPlan(await this.reruns.cancel(dagId, id, actor.name));
  }
}

function toPlan(plan: RerunView): RerunAnswer {
  return {
    id: plan.id, dag_id: plan.dagId, state: plan.state, request: plan.request, note: plan.note, created_by: plan.createdBy, created_at: instantText(plan.createdAt), applied_by: plan.appliedBy,
    applied_at: instantText(plan.appliedAt), ended_at: instantText(plan.endedAt), runs: plan.runs, task_instances: plan.instances,
    progress: { waiting: plan.waiting, done: plan.done, failed: plan.failed, cancelled: plan.cancelled },
  };
}

function toItem(item: RerunItem): RerunItemAnswer {
  return {
    place: item.place, dag_run_id: item.runId, logical_date: instantText(item.logicalDate), partition_key: item.partitionKey, task_instances: item.instanceIds.length, state: item.state,
    outcome: item.outcome, done_at: instantText(item.doneAt),
  };
}
