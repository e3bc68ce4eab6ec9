import type { Plan } from '../graph/plan.js';
import type { Instance } from './run.js';

/**
 * Scheduled instances that wait for a slot, the most urgent first: O(log n) in and out.
 * An instance that stopped waiting (skipped, marked, cleared) stays inside until it comes up: whoever takes one looks at
 * its state. Entries may double for the same reason; the order is total, so neither changes what is taken next.
 */
export class ReadyQueue {
  private readonly heap: Instance[] = [];

  constructor(private readonly plan: Plan) {}

  push(instance: Instance): void {
    const { heap } = this;
    let at = heap.length;
    heap.push(instance);
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = heap[above];
      if (parent === undefined || !this.isBefore(instance, parent)) break;
      heap[at] = parent;
      at = above;
    }
    heap[at] = instance;
  }

  peek(): Instance | undefined {
    return this.heap[0];
  }

  pop(): Instance | undefined {
    const { heap } = this;
    const top = heap[0];
    const last = heap.pop();
    if (top === undefined || last === undefined || heap.length === 0) return top;
    let at = 0;
    for (;;) {
      const left = at * 2 + 1;
      const right = left + 1;
      const l = heap[left];
      if (l === undefined) break;
      const r = heap[right];
      const [below, child] = r !== undefined && this.isBefore(r, l) ? [right, r] : [left, l];
      if (!this.isBefore(child, last)) break;
      heap[at] = child;
      at = below;
    }
    heap[at] = last;
    return top;
  }

  /** Effective priority, highest first; then the task's place in the dag, then the index path. */
  isBefore(a: Instance, b: Instance): boolean {
    const byPriority = (this.plan.tasks[b.task]?.effectivePriority ?? 0) - (this.plan.tasks[a.task]?.effectivePriority ?? 0);
    if (byPriority !== 0) return byPriority < 0;
    if (a.task !== b.task) return a.task < b.task;
    const length = Math.min(a.indexPath.length, b.indexPath.length);
    for (let i = 0; i < length; i++) {
      const byIndex = (a.indexPath[i] ?? 0) - (b.indexPath[i] ?? 0);
      if (byIndex !== 0) return byIndex < 0;
    }
    return a.indexPath.length < b.indexPath.length;
  }
}
