import type { Dag } from './dag.js';

// The dag whose build function runs now. Building is synchronous, so one variable is enough.
let current: Dag | null = null;

export function currentDag(): Dag | null {
  return current;
}

/** Runs `build` with `dag` as the one that new tasks belong to. */
export function withDag<T>(dag: Dag, build: () => T): T {
  const outer = current;
  current = dag;
  try {
    return build();
  } finally {
    current = outer;
  }
}
