import type { TaskContext } from '../context/task-context.js';
import { LateValue } from '../tasks/late-value.js';
import type { Operator } from '../tasks/operator.js';
import { isPlain, TaskOutput } from '../tasks/task-output.js';
import { isLoop, scopeOf, sharedScope } from './scope.js';
import { PagedSequence, ReadSequence } from './sequence.js';

/** The value with every output replaced by what the task has returned in this run, for the consumer's own indexes. */
export async function resolveInput(value: unknown, consumer: Operator, context: TaskContext<object>): Promise<unknown> {
  if (value instanceof TaskOutput) return resolveOutput(value as TaskOutput<unknown>, consumer, context);
  if (value instanceof LateValue) return (value as LateValue<unknown>).resolve(consumer, context);
  if (Array.isArray(value)) return Promise.all(value.map((part) => resolveInput(part, consumer, context)));
  if (!isPlain(value)) return value;
  const entries = await Promise.all(Object.entries(value).map(async ([key, part]) => [key, await resolveInput(part, consumer, context)] as const));
  return Object.fromEntries(entries);
}

/** Within the same mapped group the value of the same index; from outside all of them, of a loop the last. */
export async function resolveOutput(output: TaskOutput<unknown>, consumer: Operator, context: TaskContext<object>): Promise<unknown> {
  const { taskId, key } = output;
  const scope = scopeOf(output.operator);
  if (scope.length === 0) return context.ti.xcomPull({ taskIds: taskId, key });
  const shared = sharedScope(scope, scopeOf(consumer));
  const under = context.indexPath.slice(0, shared);
  const open = scope.slice(shared);
  if (open.length === 0) return context.ti.xcomPull({ taskIds: taskId, key, indexPath: under });
  if (output.allIterations || !open.some(isLoop)) return PagedSequence.open(context, { taskId, key, under });
  const loops = open.findIndex((dimension) => !isLoop(dimension));
  if (loops === 0) return lastOfEach(output, under, open.length, context);
  // The last value stands in the last iteration.
  const { total } = await context.ti.xcomPage({ taskId, key, indexPath: under, offset: 0, limit: 1, elements: false });
  const last = total === 0 ? undefined : (await context.ti.xcomPage({ taskId, key, indexPath: under, offset: total - 1, limit: 1, elements: false })).values[0];
  if (loops < 0) return last?.value ?? null;
  return PagedSequence.open(context, { taskId, key, under: last?.indexPath.slice(0, shared + loops) ?? under });
}

/** A loop inside of what is mapped: for each index the value of its last iteration. */
async function lastOfEach(output: TaskOutput<unknown>, under: readonly number[], open: number, context: TaskContext<object>): Promise<ReadSequence<unknown>> {
  const byIndex = new Map<string, unknown>();
  const scope = scopeOf(output.operator);
  for (let offset = 0, total = 1; offset < total; ) {
    const page = await context.ti.xcomPage({ taskId: output.taskId, key: output.key, indexPath: under, offset, limit: 1_000, elements: false });
    ({ total } = page);
    if (page.values.length === 0) break;
    offset += page.values.length;
    // In index order, so a later iteration takes the place of an earlier one.
    for (const { indexPath, value } of page.values) byIndex.set(indexPath.slice(-open).filter((_, i) => !isLoop(scope[under.length + i] as never)).join('.'), value);
  }
  return new ReadSequence([...byIndex.values()]);
}
