import { Controller, Inject, Param } from '@nestjs/common';
import { z } from 'zod';
import { WhyDesk } from '@millrace/scheduling';
import type { Reason } from '@millrace/scheduling';
import { isFinished } from '@millrace/vocabulary';
import { Lookups } from '../lookups.js';
import type { Answer } from '../openapi/answer-schemas.js';
import { Answers, Operation, Route } from '../openapi/operation.js';
import type { AnswerTo } from '../openapi/operations.js';
import { query } from '../validation/fields.js';
import { integerPath } from '../validation/integer-path.js';
import { ValidQuery } from '../validation/schema-pipe.js';
import { whyInstance, whyRun } from './why-schemas.js';
import type { ReasonAnswer } from './why-schemas.js';

const whyQuery = z.object({ map_index: query.integer });

const mapIndexQuery = z.object({ map_index: z.coerce.number().int().default(-1) });

/** What a run or an instance waits for. */
@Controller()
export class WhyController {
  constructor(
    @Inject(Lookups) private readonly lookups: Lookups,
    @Inject(WhyDesk) private readonly why: WhyDesk,
  ) {}

  @Route('GET', '/api/millrace/v1/dags/:dag_id/dagRuns/:dag_run_id/why', { action: 'read', resource: 'dag_run' })
  @Answers(whyRun)
  async ofRun(@Param('dag_id') dagId: string, @Param('dag_run_id') runId: string): Promise<Answer<typeof whyRun>> {
    const run = await this.lookups.run(dagId, runId);
    return { dag_id: dagId, dag_run_id: runId, state: run.state, reasons: (await this.why.ofRun(run.id)).map(toAnswer) };
  }

  @Route('GET', '/api/millrace/v1/dags/:dag_id/dagRuns/:dag_run_id/taskInstances/:task_id/why', { action: 'read', resource: 'task_instance' })
  @Answers(whyInstance)
  async ofInstance(@Param('dag_id') dagId: string, @Param('dag_run_id') runId: string, @Param('task_id') taskId: string, @ValidQuery(whyQuery) values: z.infer<typeof whyQuery>): Promise<Answer<typeof whyInstance>> {
    const instance = await this.lookups.instance(dagId, runId, taskId, values.map_index ?? -1);
    const reasons = await this.#reasons(dagId, runId, instance);
    return { dag_id: dagId, dag_run_id: runId, task_id: taskId, map_index: values.map_index ?? -1, state: instance.state, reasons: reasons.map(toAnswer) };
  }

  /** Airflow's answer to the same question: the dependencies that are not met. */
  @Operation('get_task_instance_dependencies')
  async dependencies(@Param('dag_id') dagId: string, @Param('dag_run_id') runId: string, @Param('task_id') taskId: string, @ValidQuery(mapIndexQuery) values: z.infer<typeof mapIndexQuery>): Promise<AnswerTo<'get_task_instance_dependencies'>> {
    return this.#dependencies(dagId, runId, taskId, values.map_index);
  }

  @Operation('get_task_instance_dependencies_by_map_index')
  async dependenciesMapped(@Param('dag_id') dagId: string, @Param('dag_run_id') runId: string, @Param('task_id') taskId: string, @Param('map_index', integerPath) mapIndex: number): Promise<AnswerTo<'get_task_instance_dependencies_by_map_index'>> {
    return this.#dependencies(dagId, runId, taskId, mapIndex);
  }

  async #dependencies(dagId: string, runId: string, taskId: string, mapIndex: number): Promise<AnswerTo<'get_task_instance_dependencies'>> {
    const instance = await this.lookups.instance(dagId, runId, taskId, mapIndex);
    // As in Airflow, only what is not decided or waits for a slot has dependencies to tell of.
    const isOpen = !isFinished(instance.state) && (instance.state === null || instance.state === 'scheduled' || instance.state === 'queued' || instance.state === 'up_for_retry' || instance.state === 'up_for_reschedule');
    const reasons = isOpen ? await this.#reasons(dagId, runId, instance) : [];
    return { dependencies: reasons.map(({ kind, sentence }) => ({ name: kind, reason: sentence })) };
  }

  async #reasons(dagId: string, runId: string, instance: Awaited<ReturnType<Lookups['instance']>>): Promise<Reason[]> {
    const run = await this.lookups.run(dagId, runId);
    return this.why.ofInstance(run.id, instance.is_planned ? null : instance.id);
  }
}

function toAnswer({ kind, data, sentence }: Reason): ReasonAnswer {
  return { kind, sentence, ...Object.fromEntries(Object.entries(data).map(([name, value]) => (name.endsWith('Ms') ? [snake(name.slice(0, -2)), typeof value === 'number' ? new Date(value).toISOString() : null] : [snake(name), value]))) };
}

function snake(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
