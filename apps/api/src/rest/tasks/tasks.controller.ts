import { Controller, Inject, Param } from '@nestjs/common';
import { z } from 'zod';
import { MillraceError } from '@millrace/vocabulary';
import { Lookups } from '../lookups.js';
import { Operation } from '../openapi/operation.js';
import type { AnswerTo } from '../openapi/operations.js';
import { query } from '../validation/fields.js';
import { ValidQuery } from '../validation/schema-pipe.js';
import { toTaskResponses } from './to-task-response.js';

const tasksQuery = z.object({ order_by: query.text });

@Controller()
export class TasksController {
  constructor(@Inject(Lookups) private readonly lookups: Lookups) {}

  @Operation('get_tasks')
  async getTasks(@Param('dag_id') dagId: string, @ValidQuery(tasksQuery) values: z.infer<typeof tasksQuery>): Promise<AnswerTo<'get_tasks'>> {
    const tasks = toTaskResponses(await this.lookups.currentDocument(await this.lookups.dag(dagId)));
    const order = values.order_by ?? 'task_id';
    const field = order.replace(/^-/, '');
    if (tasks.length > 0 && !Object.hasOwn(tasks[0]!, field)) throw new MillraceError('bad_request', `'Task' object has no attribute '${field}'`);
    const sorted = tasks.toSorted((a, b) => compare((a as Readonly<Record<string, unknown>>)[field], (b as Readonly<Record<string, unknown>>)[field]));
    return { tasks: order.startsWith('-') ? sorted.reverse() : sorted, total_entries: tasks.length };
  }

  @Operation('get_task')
  async getTask(@Param('dag_id') dagId: string, @Param('task_id') taskId: string): Promise<AnswerTo<'get_task'>> {
    const tasks = toTaskResponses(await this.lookups.currentDocument(await this.lookups.dag(dagId)));
    const task = tasks.find((one) => one.task_id === taskId);
    if (task === undefined) throw new MillraceError('task_not_found', `Task with id ${taskId} was not found`);
    return task;
  }
}

function compare(a: unknown, b: unknown): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  const [left, right] = [String(a ?? ''), String(b ?? '')];
  return left < right ? -1 : left > right ? 1 : 0;
}
