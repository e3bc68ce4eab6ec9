import type { PlanLine, PlanSource, PlanTaskSource } from './plan.js';
import { DEFAULT_POOL } from './plan.js';

/** The lines the tasks of a dag wait in, usually one. O(tasks). */
export function planLines(source: PlanSource): { queues: string[]; lines: PlanLine[]; lineOf: number[] } {
  const queues: string[] = [];
  const lines: PlanLine[] = [];
  const known = new Map<string, number>();
  const lineOf = source.tasks.map((task) => {
    const isCounted = isCountedIn(source, task);
    const key = `${task.queue} ${isCounted ? 1 : 0}`;
    const line = known.get(key);
    if (line !== undefined) return line;
    if (!queues.includes(task.queue)) queues.push(task.queue);
    known.set(key, lines.length);
    return lines.push({ queue: queues.indexOf(task.queue), isCounted }) - 1;
  });
  return { queues, lines, lineOf };
}

/** Whether instances of the task ask for slots that are counted over all runs. */
function isCountedIn(source: PlanSource, task: PlanTaskSource): boolean {
  return task.pool !== DEFAULT_POOL || (task.maxActivePerDag ?? null) !== null || (source.maxActiveTasksPerDag ?? null) !== null;
}
