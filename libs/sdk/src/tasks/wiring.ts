import type { Operator } from './operator.js';

/** Anything an arrow can start from or point at. */
export type Target = Wireable | readonly Target[];

export interface EdgeOptions {
  /** Text on the arrow in the graph. */
  readonly label?: string;
}

/** `.to` and `.after`, shared by tasks, their outputs and groups. */
export abstract class Wireable {
  /** @internal the tasks an arrow to this points at */
  abstract entryTasks(): readonly Operator[];
  /** @internal the tasks an arrow from this starts from */
  abstract exitTasks(): readonly Operator[];

  /**
   * `next` runs after this. Returns `next`, so that chains read left to right.
   * @example extract.to(transform).to([load, audit])
   */
  to<T extends Target>(next: T, options: EdgeOptions = {}): T {
    connect(this, next, options);
    return next;
  }

  /** This runs after `previous`. @example report.after([load, audit]) */
  after(previous: Target, options: EdgeOptions = {}): this {
    connect(previous, this, options);
    return this;
  }
}

/** Several things wired as one. @example all(a, b).to(c) */
export function all(...members: readonly Target[]): Wireable {
  return new All(members);
}

/** Wires each to the one after it; a list stands for all its members. @example chain(a, [b, c], d) */
export function chain(...links: readonly Target[]): void {
  for (let i = 1; i < links.length; i++) connect(links[i - 1] ?? [], links[i] ?? [], {});
}

class All extends Wireable {
  constructor(private readonly members: readonly Target[]) {
    super();
  }
  override entryTasks(): readonly Operator[] {
    return entriesOf(this.members);
  }
  override exitTasks(): readonly Operator[] {
    return exitsOf(this.members);
  }
}

function connect(from: Target, to: Target, options: EdgeOptions): void {
  const exits = exitsOf(from);
  for (const entry of entriesOf(to)) for (const exit of exits) entry.runsAfter(exit, options.label);
}

function entriesOf(target: Target): readonly Operator[] {
  return target instanceof Wireable ? target.entryTasks() : target.flatMap(entriesOf);
}

function exitsOf(target: Target): readonly Operator[] {
  return target instanceof Wireable ? target.exitTasks() : target.flatMap(exitsOf);
}
