import type { Plan } from '../graph/plan.js';
import { ReadyQueue } from './ready-queue.js';
import type { Instance } from './run.js';

/** A task with a limit of its own in each run. */
interface LimitedTask {
  readonly max: number;
  /** Instances that are active, or have asked for slots and may become so. */
  taken: number;
  /** Scheduled ones beyond the limit. */
  readonly parked: ReadyQueue;
}

/** What is scheduled and waits for room, by line (see PlanLine), so that one that is full holds up no other. O(log n) in and out. */
export class ReadyLines {
  /** Active instances by queue, as in `plan.queues`. */
  readonly activeIn: number[];
  /** Instances that have asked for slots and do not have them yet, by line. */
  readonly asking: number[];
  readonly #lines: readonly ReadyQueue[];
  readonly #limited: ReadonlyMap<number, LimitedTask> | null;

  constructor(private readonly plan: Plan) {
    this.activeIn = plan.queues.map(() => 0);
    this.asking = plan.lines.map(() => 0);
    this.#lines = plan.lines.map(() => new ReadyQueue(plan));
    const limited = plan.tasks.filter((task) => task.maxActivePerRun !== null);
    this.#limited = limited.length === 0 ? null : new Map(limited.map((task) => [task.position, { max: task.maxActivePerRun!, taken: 0, parked: new ReadyQueue(plan) }]));
  }

  push(instance: Instance): void {
    this.#lines[this.plan.tasks[instance.task]?.line ?? 0]?.push(instance);
  }

  /** An instance became active, or is so no more. */
  count(instance: Instance, by: 1 | -1): void {
    const task = this.plan.tasks[instance.task];
    if (task === undefined) return;
    const queue = this.plan.lines[task.line]?.queue ?? 0;
    this.activeIn[queue] = (this.activeIn[queue] ?? 0) + by;
    if (task.maxActivePerRun !== null) this.#take(instance, by);
  }

  /** An instance waits for slots it asked for, or does so no more. */
  countAsking(instance: Instance, by: 1 | -1): void {
    const task = this.plan.tasks[instance.task];
    if (task === undefined) return;
    this.asking[task.line] = (this.asking[task.line] ?? 0) + by;
    if (task.maxActivePerRun !== null) this.#take(instance, by);
  }

  /** The most urgent one of a line, or undefined; what no longer waits, or is over the limit of its task in this run, is put aside on the way. */
  head(line: number): Instance | undefined {
    const queue = this.#lines[line];
    if (queue === undefined) return undefined;
    for (let head = queue.peek(); head !== undefined; head = queue.peek()) {
      const limited = this.#limited?.get(head.task);
      const hasRoom = limited === undefined || limited.taken < limited.max;
      const waits = isWaiting(head);
      if (waits && hasRoom) return head;
      queue.pop();
      if (limited === undefined) continue;
      if (waits) limited.parked.push(head);
      // It was brought back for room that it no longer wants: the next one is.
      else if (hasRoom) this.#bringBack(limited);
    }
    return undefined;
  }

  pop(line: number): void {
    this.#lines[line]?.pop();
  }

  /** Whether `a` is more urgent than `b`. */
  isBefore(a: Instance, b: Instance): boolean {
    return this.#lines[0]?.isBefore(a, b) ?? false;
  }

  /** Room under the limit of a task brings back one that was over it. */
  #take(instance: Instance, by: 1 | -1): void {
    const limited = this.#limited?.get(instance.task);
    if (limited === undefined) return;
    limited.taken += by;
    if (by < 0 && limited.taken < limited.max) this.#bringBack(limited);
  }

  #bringBack(limited: LimitedTask): void {
    for (let next = limited.parked.pop(); next !== undefined; next = limited.parked.pop()) {
      if (!isWaiting(next)) continue;
      this.push(next);
      return;
    }
  }
}

function isWaiting(instance: Instance): boolean {
  return instance.state === 'scheduled' && instance.slotsAskedAtMs === null;
}
