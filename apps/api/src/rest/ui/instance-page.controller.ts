import { Controller, Inject, Param } from '@nestjs/common';
import { z } from 'zod';
import { InstancesReader, RunBoardReader } from '@millrace/persistence';
import { instantText } from '../answers.js';
import { Lookups } from '../lookups.js';
import type { Answer } from '../openapi/answer-schemas.js';
import { Answers, Route } from '../openapi/operation.js';
import { InstanceAnswers } from '../task-instances/instance-answers.js';
import { ValidQuery } from '../validation/schema-pipe.js';
import { standsFor } from './board.js';
import { instancePage } from './ui-schemas.js';

const pageQuery = z.object({ map_index: z.coerce.number().int().default(-1) });

/** Everything the page of one task instance shows besides its log and XComs. */
@Controller()
export class InstancePageController {
  constructor(
    @Inject(InstancesReader) private readonly instances: InstancesReader,
    @Inject(InstanceAnswers) private readonly answers: InstanceAnswers,
    @Inject(RunBoardReader) private readonly board: RunBoardReader,
    @Inject(Lookups) private readonly lookups: Lookups,
  ) {}

  @Route('GET', '/api/millrace/v1/ui/dags/:dag_id/dagRuns/:dag_run_id/taskInstances/:task_id', { action: 'read', resource: 'task_instance' })
  @Answers(instancePage)
  async getPage(@Param('dag_id') dagId: string, @Param('dag_run_id') runId: string, @Param('task_id') taskId: string, @ValidQuery(pageQuery) values: z.infer<typeof pageQuery>): Promise<Answer<typeof instancePage>> {
    const run = await this.lookups.run(dagId, runId);
    const [document, all, states] = await Promise.all([this.lookups.document(run.dag_version_id, dagId), this.instances.ofTask(dagId, runId, taskId), this.board.tasks(dagId, runId)]);
    const task = document.tasks.find((one) => one.taskId === taskId);
    const mapped = all.filter((row) => row.index_path.length > 0);
    // A mapped task without an index: the page lists its instances.
    const instance = values.map_index < 0 && mapped.length > 0 ? null : await this.lookups.instance(dagId, runId, taskId, values.map_index);
    const tries = instance === null || instance.is_planned ? [] : await this.instances.tries(instance.id);
    const stateOf = new Map(states.map((row) => [row.task_id, standsFor(row.states)]));
    const neighbour = (id: string): { task_id: string; state: string | null } => ({ task_id: id, state: stateOf.get(id) ?? null });
    return {
      instance: instance === null ? null : { ...(await this.answers.one(instance)), reason: instance.reason },
      mapped: mapped.length === 0 ? null : { total: mapped.length, states: states.find((row) => row.task_id === taskId)?.states ?? {} },
      tries: tries.map((row) => ({
        try_number: row.try_number, state: row.state, queued_at: instantText(row.queued_at), start_date: instantText(row.start_date), end_date: instantText(row.end_date),
        hostname: row.hostname, pid: row.pid, queue: row.queue, reason: row.reason,
      })),
      task: task === undefined ? null : {
        label: task.displayName ?? task.taskId, operator: task.operator, rule: task.triggerRule, retries: task.retries, queue: task.queue, pool: task.pool, owner: task.owner, doc: task.docMd,
        fields: task.fields, group: task.group, defined_at: task.definedAt, timeout_seconds: task.executionTimeoutSeconds, retry_delay_seconds: task.retryDelaySeconds, mapped: task.expand !== null,
      },
      upstream: (task?.upstream ?? []).map(neighbour),
      downstream: document.tasks.filter((one) => one.upstream.includes(taskId)).map((one) => neighbour(one.taskId)),
    };
  }
}
