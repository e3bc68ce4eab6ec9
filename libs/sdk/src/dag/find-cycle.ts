import { nodeOf } from '../tasks/operator.js';
import type { Operator } from '../tasks/operator.js';

/** The tasks of one cycle in running order, or null. Without recursion: a chain of 100,000 tasks must not overflow the stack. */
export function findCycle(operators: readonly Operator[]): Operator[] | null {
  const done = new Set<Operator>();
  for (const start of operators) {
    if (done.has(start)) continue;
    const path: { task: Operator; upstream: Iterator<Operator> }[] = [{ task: start, upstream: nodeOf(start).upstream.values() }];
    const onPath = new Set([start]);
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const next = top.upstream.next();
      if (next.done === true) {
        done.add(top.task);
        onPath.delete(top.task);
        path.pop();
      } else if (onPath.has(next.value)) {
        const cycle = path.slice(path.findIndex((step) => step.task === next.value)).map((step) => step.task).reverse();
        // Told from the task that is written first: the same cycle always reads the same.
        const first = cycle.indexOf(operators.find((operator) => cycle.includes(operator)) ?? start);
        return [...cycle.slice(first), ...cycle.slice(0, first)];
      } else if (!done.has(next.value)) {
        onPath.add(next.value);
        path.push({ task: next.value, upstream: nodeOf(next.value).upstream.values() });
      }
    }
  }
  return null;
}
