/** Of one expected run: it, or tasks of it. */
export interface OtherRunFacts {
  /** null: the run does not exist. */
  readonly runState: string | null;
  /** States of the instances of each task that is waited for; null: the run as a whole is. `none` for undecided ones. */
  readonly tasks: ReadonlyMap<string, readonly string[]> | null;
}

export interface WaitTerms {
  readonly allowed: readonly string[];
  readonly failed: readonly string[];
  readonly skipped: readonly string[];
}

export type OtherRunVerdict = 'waiting' | 'allowed' | 'failed' | 'skipped';

/**
 * What several runs say together to who waits for them, as Airflow's ExternalTaskSensor counts: anything in a failed state decides first, then
 * anything in a skipped one; else all must be in an allowed state.
 */
export function otherRunVerdict(runs: readonly OtherRunFacts[], terms: WaitTerms): OtherRunVerdict {
  const states = runs.flatMap(statesOf);
  if (states.some((state) => terms.failed.includes(state))) return 'failed';
  if (states.some((state) => terms.skipped.includes(state))) return 'skipped';
  return runs.length > 0 && states.every((state) => terms.allowed.includes(state)) ? 'allowed' : 'waiting';
}

function statesOf({ runState, tasks }: OtherRunFacts): readonly string[] {
  if (runState === null) return [''];
  if (tasks === null) return [runState];
  // A task without an instance has no state that could be allowed.
  return [...tasks.values()].flatMap((states) => (states.length === 0 ? [''] : states));
}
