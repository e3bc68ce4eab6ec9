import type { PlanTaskSource } from './plan.js';

export interface SetupScopes {
  readonly setups: readonly (readonly number[])[];
  readonly setupOf: readonly (readonly number[])[];
}

/**
 * Which tasks stand under which setups. The scope of a setup is what lies between it and its teardowns (its direct
 * downstream teardowns); without teardowns, all that is downstream of it. A teardown stands under its direct upstream setups.
 */
export function setupScopes(
  tasks: readonly PlanTaskSource[],
  upstream: readonly (readonly number[])[],
  downstream: readonly (readonly number[])[],
): SetupScopes {
  const setups: number[][] = tasks.map(() => []);
  const setupOf: number[][] = tasks.map(() => []);
  tasks.forEach((task, setup) => {
    if (!task.isSetup) return;
    const teardowns = (downstream[setup] ?? []).filter((position) => tasks[position]?.isTeardown === true);
    const below = reachable([setup], (at) => downstream[at]);
    const above = teardowns.length > 0 ? reachable(teardowns, (at) => upstream[at]) : null;
    const scope = [...below].filter((position) => tasks[position]?.isTeardown !== true && (above === null || above.has(position)));
    for (const position of [...scope, ...teardowns]) {
      setups[position]?.push(setup);
      setupOf[setup]?.push(position);
    }
  });
  return { setups, setupOf };
}

/** What can be reached along the edges, without the starts. */
export function reachable(starts: readonly number[], edges: (at: number) => readonly number[] | undefined): Set<number> {
  const seen = new Set<number>();
  const open = [...starts];
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    for (const next of edges(at) ?? []) {
      if (seen.has(next)) continue;
      seen.add(next);
      open.push(next);
    }
  }
  return seen;
}
