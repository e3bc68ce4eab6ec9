import { compilePlan } from '../graph/compile-plan.js';
import type { PlanSource } from '../graph/plan.js';
import type { Violation } from './checker.js';
import { describeDag } from './describe-dag.js';
import { ENGINE } from './engine.js';
import type { Engine } from './engine.js';
import { Random } from './random.js';
import { randomDag } from './random-dag.js';
import { smallest } from './shrink.js';
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
export function simulate(seed: number, engine: Engine = ENGINE): Failure | null {
  const dag = randomDag(new Random(seed));
  const violation = firstViolation(dag, seed, engine);
  return violation === null ? null : shrunk({ seed, worldSeed: seed, violation, dag }, engine);
}

/** The world follows from the seed alone, so a dag may be given by hand (a regression) or made smaller. */
export function firstViolation(dag: PlanSource, worldSeed: number, engine: Engine = ENGINE): Violation | null {
  const compiled = compilePlan(dag);
  if (!compiled.ok) return { promise: 'a random dag is a graph', detail: compiled.errors.map((error) => error.message).join('; ') };
  const world = new World(compiled.plan, new Random(worldSeed ^ 0x5eed), engine);
  world.live();
  return world.checker.violations[0] ?? null;
}

/** Fewer tasks roll other dice, so a few worlds are tried for each smaller dag. */
function shrunk(failure: Failure, engine: Engine): Failure {
  let found = failure;
  const dag = smallest(failure.dag, (smaller) => {
    for (let worldSeed = found.worldSeed; worldSeed < found.worldSeed + 5; worldSeed++) {
      const violation = firstViolation(smaller, worldSeed, engine);
      if (violation === null) continue;
      found = { ...found, worldSeed, violation };
      return true;
    }
    return false;
  });
  return { ...found, dag };
}

/** A failure as a person wants to see it. */
export function describeFailure({ seed, worldSeed, violation, dag }: Failure): string {
  return [`seed ${seed}, world ${worldSeed}: ${violation.promise}`, `  ${violation.detail}`, describeDag(dag)].join('\n');
}
