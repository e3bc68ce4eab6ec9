import { compilePlan } from '../graph/compile-plan.js';
import type { PlanSource } from '../graph/plan.js';
import type { Violation } from './checker.js';
import { Random } from './random.js';
import { randomDag } from './random-dag.js';
import { World } from './world.js';

export interface Failure {
  readonly seed: number;
  /** The world in which `dag` breaks the promise: `firstViolation(dag, worldSeed)`. */
  readonly worldSeed: number;
  readonly violation: Violation;
  /** The smallest dag found that still breaks a promise. */
  readonly dag: PlanSource;
}

/** One run of a random dag in a random world. null: every promise was kept. */
export function simulate(seed: number): Failure | null {
  const dag = randomDag(new Random(seed));
  const violation = firstViolation(dag, seed);
  return violation === null ? null : shrink({ seed, worldSeed: seed, violation, dag });
}

/** The world follows from the seed alone, so a dag may be given by hand (a regression) or made smaller. */
export function firstViolation(dag: PlanSource, worldSeed: number): Violation | null {
  const compiled = compilePlan(dag);
  if (!compiled.ok) return { promise: 'a random dag is a graph', detail: compiled.errors.map((error) => error.message).join('; ') };
  const world = new World(compiled.plan, new Random(worldSeed ^ 0x5eed));
  world.live();
  return world.checker.violations[0] ?? null;
}

/** Leaves tasks out, many at first, as long as some promise stays broken, until none can go. */
function shrink(failure: Failure): Failure {
  let best = failure;
  for (let size = 0; size !== best.dag.tasks.length; ) {
    size = best.dag.tasks.length;
    for (let chunk = Math.ceil(size / 2); chunk >= 1; chunk = chunk === 1 ? 0 : Math.ceil(chunk / 2)) {
      for (let at = 0; at < best.dag.tasks.length; ) {
        const smaller = withFewer(best, at, chunk);
        if (smaller === null) at += chunk;
        else best = smaller;
      }
    }
  }
  return best;
}

/** Fewer tasks roll other dice, so a few worlds are tried. */
function withFewer(failure: Failure, from: number, count: number): Failure | null {
  const dag = without(failure.dag, from, count);
  if (dag.tasks.length === 0) return null;
  for (let worldSeed = failure.worldSeed; worldSeed < failure.worldSeed + 5; worldSeed++) {
    const violation = firstViolation(dag, worldSeed);
    if (violation !== null) return { ...failure, worldSeed, violation, dag };
  }
  return null;
}

function without(dag: PlanSource, from: number, count: number): PlanSource {
  const tasks = dag.tasks.filter((_, position) => position < from || position >= from + count);
  const ids = new Set(tasks.map((task) => task.taskId));
  return { ...dag, tasks: tasks.map((task) => ({ ...task, upstream: task.upstream.filter((id) => ids.has(id)) })) };
}

/** A failure as a person wants to see it. */
export function describeFailure({ seed, worldSeed, violation, dag }: Failure): string {
  const lines = dag.tasks.map((task) => {
    const kind = [task.operator, task.triggerRule, `retries ${task.retries}`, task.isSetup ? 'setup' : '', task.isTeardown ? 'teardown' : ''].filter(Boolean).join(', ');
    return `  ${task.taskId} <- [${task.upstream.join(', ')}]  ${kind}`;
  });
  const terms = `maxActiveTasks ${dag.maxActiveTasks}, failFast ${dag.failFast}, timeout ${dag.dagrunTimeoutSeconds ?? 'none'}`;
  return [`seed ${seed}, world ${worldSeed}: ${violation.promise}`, `  ${violation.detail}`, `dag (${terms})`, ...lines].join('\n');
}
