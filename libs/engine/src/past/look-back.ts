/** What is known of the runs before, for one task that looks back. */
export interface PastFacts {
  /** The run before, by logical date (with catch-up: the one before that was not made by hand); null: there is none. */
  readonly previous: {
    readonly runId: string;
    /** Its instances of the task; 0 when the task did not exist in it. */
    readonly instances: number;
    /** Of these, how many are neither success nor skipped. */
    readonly unsuccessful: number;
    /** The same among the tasks directly downstream there. */
    readonly unsuccessfulBelow: number;
  } | null;
  /** Any earlier run has an instance of the task. */
  readonly anyPrior: boolean;
}

export type LookBack = { readonly open: true } | { readonly open: false; readonly runId: string; readonly reason: string };

const OPEN: LookBack = { open: true };

/** Airflow's rules of depends_on_past, wait_for_downstream and ignore_first_depends_on_past. */
export function lookBack(task: { readonly waitForDownstream?: boolean | undefined; readonly ignoreFirstDependsOnPast?: boolean | undefined }, { previous, anyPrior }: PastFacts): LookBack {
  if (previous === null) return OPEN;
  const closed = (reason: string): LookBack => ({ open: false, runId: previous.runId, reason });
  if (previous.instances === 0) {
    return task.ignoreFirstDependsOnPast !== false && !anyPrior ? OPEN : closed(`it depends on its past, and run ${previous.runId} before has no instance of it`);
  }
  if (previous.unsuccessful > 0) {
    const what = previous.instances === 1 ? 'its instance' : `${previous.unsuccessful} of its ${previous.instances} instances`;
    return closed(`it depends on its past, and ${what} in run ${previous.runId} has not succeeded and was not skipped`);
  }
  if (task.waitForDownstream === true && previous.unsuccessfulBelow > 0) {
    return closed(`it waits for what is downstream of it in run ${previous.runId}: ${previous.unsuccessfulBelow} instances there have not succeeded and were not skipped`);
  }
  return OPEN;
}
