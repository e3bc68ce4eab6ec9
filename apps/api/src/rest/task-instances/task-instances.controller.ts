import { Controller, Inject, Param, Query } from '@nestjs/common';
import { z } from 'zod';
import { LINK_KEY_PREFIX } from '@millrace/contracts';
import { InstancesReader, XComsReader } from '@millrace/persistence';
import type { InstanceFilter, InstanceView } from '@millrace/persistence';
import { MillraceError } from '@millrace/vocabulary';
import { onlyWildcard } from '../dag-runs/dag-runs.controller.js';
import { Lookups } from '../lookups.js';
import { Operation } from '../openapi/operation.js';
import type { AnswerTo } from '../openapi/operations.js';
import { PAGE_LIMIT_MAX } from '../tokens.js';
import { pageOf } from '../validation/fields.js';
import { needsExpansion } from '../tasks/needs-expansion.js';
import { integerPath } from '../validation/integer-path.js';
import { ValidBody, ValidQuery } from '../validation/schema-pipe.js';
import { InstanceAnswers } from './instance-answers.js';
import { instanceFilterOf, instanceFilterOfBatch, instancesBatchBody, instancesQuery } from './instance-filters.js';
import type { InstancesBatchBody, InstancesQuery } from './instance-filters.js';

/** By map index, as Airflow has it where nothing is asked for, tells nothing across runs, and would sort every instance there is for one page. */
const ACROSS_RUNS: readonly string[] = [];

export const mapIndexQuery = z.object({ map_index: z.coerce.number().int().default(-1) });

@Controller()
export class TaskInstancesController {
  constructor(
    @Inject(InstancesReader) private readonly instances: InstancesReader,
    @Inject(InstanceAnswers) private readonly answers: InstanceAnswers,
    @Inject(Lookups) private readonly lookups: Lookups,
    @Inject(XComsReader) private readonly xcoms: XComsReader,
    @Inject(PAGE_LIMIT_MAX) private readonly pageLimitMax: number,
  ) {}

  @Operation('get_task_instances')
  async getInstances(@Param('dag_id') dagId: string, @Param('dag_run_id') runId: string, @ValidQuery(instancesQuery) values: InstancesQuery, @Query('order_by') orderAsked: unknown): Promise<AnswerTo<'get_task_instances'>> {
    if (dagId !== '~') await this.lookups.dag(dagId);
    if (runId !== '~') {
      if (dagId === '~') throw new MillraceError('bad_request', 'A run id needs its dag id: ~ stands for any dag only together with ~ for any run');
      await this.lookups.run(dagId, runId);
    }
    const filter = instanceFilterOf(values);
    const groupTasks = values.task_group_id === undefined ? undefined : await this.#tasksOfGroup(dagId, runId, values.task_group_id);
    const page = orderAsked === undefined && runId === '~' ? { ...values, order_by: ACROSS_RUNS } : values;
    return this.#page({ ...filter, dagId: anyOr(dagId), runId: anyOr(runId), ...(groupTasks ? { taskIds: groupTasks } : {}) }, page);
  }

  @Operation('get_task_instances_batch')
  async getBatch(@Param('dag_id') dagId: string, @Param('dag_run_id') runId: string, @ValidBody(instancesBatchBody) body: InstancesBatchBody): Promise<AnswerTo<'get_task_instances_batch'>> {
    onlyWildcard('dag_id', dagId);
    onlyWildcard('dag_run_id', runId);
    return this.#page(instanceFilterOfBatch(body), { limit: body.page_limit, offset: body.page_offset, order_by: body.order_by ? [body.order_by] : ACROSS_RUNS });
  }

  @Operation('get_task_instance')
  async getInstance(@Param('dag_id') dagId: string, @Param('dag_run_id') runId: string, @Param('task_id') taskId: string): Promise<AnswerTo<'get_task_instance'>> {
    return this.answers.one(await this.lookups.instance(dagId, runId, taskId, -1));
  }

  @Operation('get_mapped_task_instance')
  async getMapped(@Param('dag_id') dagId: string, @Param('dag_run_id') runId: string, @Param('task_id') taskId: string, @Param('map_index', integerPath) mapIndex: number): Promise<AnswerTo<'get_mapped_task_instance'>> {
    return this.answers.one(await this.lookups.instance(dagId, runId, taskId, mapIndex));
  }

  @Operation('get_mapped_task_instances')
  async listMapped(@Param('dag_id') dagId: string, @Param('dag_run_id') runId: string, @Param('task_id') taskId: string, @ValidQuery(instancesQuery) values: InstancesQuery): Promise<AnswerTo<'get_mapped_task_instances'>> {
    const run = await this.lookups.run(dagId, runId);
    const document = await this.lookups.document(run.dag_version_id, dagId);
    const task = document.tasks.find((one) => one.taskId === taskId);
    if (task === undefined) throw new MillraceError('task_not_found', `Task id ${taskId} not found`);
    if (!needsExpansion(document, task)) throw new MillraceError('not_found', `Task id ${taskId} is not mapped`);
    return this.#page({ ...instanceFilterOf(values), dagId, runId, taskId, onlyMapped: true }, values);
  }

  @Operation('get_task_instance_tries')
  async getTries(@Param('dag_id') dagId: string, @Param('dag_run_id') runId: string, @Param('task_id') taskId: string, @ValidQuery(mapIndexQuery) values: z.infer<typeof mapIndexQuery>): Promise<AnswerTo<'get_task_instance_tries'>> {
    return this.#tries(await this.lookups.instance(dagId, runId, taskId, values.map_index));
  }

  @Operation('get_mapped_task_instance_tries')
  async getMappedTries(@Param('dag_id') dagId: string, @Param('dag_run_id') runId: string, @Param('task_id') taskId: string, @Param('map_index', integerPath) mapIndex: number): Promise<AnswerTo<'get_mapped_task_instance_tries'>> {
    return this.#tries(await this.lookups.instance(dagId, runId, taskId, mapIndex));
  }

  @Operation('get_task_instance_try_details')
  async getTry(
    @Param('dag_id') dagId: string,
    @Param('dag_run_id') runId: string,
    @Param('task_id') taskId: string,
    @Param('task_try_number', integerPath) tryNumber: number,
    @ValidQuery(mapIndexQuery) values: z.infer<typeof mapIndexQuery>,
  ): Promise<AnswerTo<'get_task_instance_try_details'>> {
    return this.#try(dagId, runId, taskId, values.map_index, tryNumber);
  }

  @Operation('get_mapped_task_instance_try_details')
  async getMappedTry(
    @Param('dag_id') dagId: string,
    @Param('dag_run_id') runId: string,
    @Param('task_id') taskId: string,
    @Param('map_index', integerPath) mapIndex: number,
    @Param('task_try_number', integerPath) tryNumber: number,
  ): Promise<AnswerTo<'get_mapped_task_instance_try_details'>> {
    return this.#try(dagId, runId, taskId, mapIndex, tryNumber);
  }

  /** What the operator or a plugin left as links of the newest try: XComs under `_link_<name>`. */
  @Operation('get_extra_links')
  async getLinks(@Param('dag_id') dagId: string, @Param('dag_run_id') runId: string, @Param('task_id') taskId: string, @ValidQuery(mapIndexQuery) values: z.infer<typeof mapIndexQuery>): Promise<AnswerTo<'get_extra_links'>> {
    await this.lookups.instance(dagId, runId, taskId, values.map_index);
    const links = await this.xcoms.links(dagId, runId, taskId, values.map_index, LINK_KEY_PREFIX);
    const known = Object.fromEntries(links.flatMap(({ key, value }) => (isAddress(value) ? [[key.slice(LINK_KEY_PREFIX.length), value]] : [])));
    return { extra_links: known, total_entries: Object.keys(known).length };
  }

  async #page(filter: InstanceFilter, values: { readonly limit: number; readonly offset: number; readonly order_by: readonly string[] }): Promise<AnswerTo<'get_task_instances'>> {
    const page = await this.instances.list(filter, pageOf(values, this.pageLimitMax));
    return { task_instances: await this.answers.of(page.rows), total_entries: page.total };
  }

  async #tries(instance: InstanceView): Promise<AnswerTo<'get_task_instance_tries'>> {
    const made = await this.instances.tries(instance.id);
    // What was not tried yet stands for itself, as try 0.
    const tries = await this.answers.tries(made.length > 0 ? made : [instance]);
    return { task_instances: tries, total_entries: tries.length };
  }

  async #try(dagId: string, runId: string, taskId: string, mapIndex: number, tryNumber: number): Promise<AnswerTo<'get_task_instance_try_details'>> {
    const instance = await this.lookups.instance(dagId, runId, taskId, mapIndex);
    const found = (await this.instances.tries(instance.id)).find((row) => row.try_number === tryNumber);
    if (found === undefined) {
      throw new MillraceError('not_found', `The Task Instance with dag_id: \`${dagId}\`, run_id: \`${runId}\`, task_id: \`${taskId}\`, try_number: \`${tryNumber}\` and map_index: \`${mapIndex}\` was not found`);
    }
    return (await this.answers.tries([found]))[0]!;
  }

  /** Tasks of a group and of the groups inside it. */
  async #tasksOfGroup(dagId: string, runId: string, groupId: string): Promise<readonly string[]> {
    if (dagId === '~') throw new MillraceError('bad_request', 'A task group belongs to a dag: name the dag in the path');
    const document = runId === '~' ? await this.lookups.currentDocument(await this.lookups.dag(dagId)) : await this.lookups.document((await this.lookups.run(dagId, runId)).dag_version_id, dagId);
    const inside = new Set([groupId]);
    if (!document.groups.some((group) => group.groupId === groupId)) throw new MillraceError('not_found', `Task group ${groupId} not found in dag ${dagId}`);
    for (let before = 0; before !== inside.size; ) {
      before = inside.size;
      for (const group of document.groups) if (group.parent !== null && inside.has(group.parent)) inside.add(group.groupId);
    }
    const tasks = document.tasks.filter((task) => task.group !== null && inside.has(task.group)).map((task) => task.taskId);
    // An empty list would mean "any task".
    return tasks.length > 0 ? tasks : [''];
  }
}

function anyOr(id: string): string | undefined {
  return id === '~' ? undefined : id;
}

/** What a browser may be sent to; anything else an operator left under such a key is no link. */
function isAddress(value: unknown): value is string {
  return typeof value === 'string' && /^https?:\/\//i.test(value);
}
