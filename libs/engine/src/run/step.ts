import type { InstanceChange, Effect } from './decision.js';
import type { Instance, Run } from './run.js';

/** One call of `decide` under way: what it has touched so far. */
export interface Step {
  readonly run: Run;
  readonly nowMs: number;
  /** Instances that may be queued or running at once, besides what the plan allows. */
  readonly window: number;
  /** How the run stood when the call began. */
  readonly before: { readonly state: Run['state']; readonly endedAtMs: number | null; readonly reason: string | null };
  readonly created: Set<Instance>;
  readonly touched: Map<Instance, InstanceChange['superseded']>;
  /** Instances something changed for; a stack, emptied by `settle`. */
  readonly pending: Instance[];
  readonly cancels: Effect[];
  readonly timers: Effect[];
  readonly dispatches: Effect[];
  /** Arrows that are none. Always empty, or there is a bug; reported rather than done. */
  readonly refused: string[];
  /** Cleared instances make a run that had ended a new one: it gets an end of its own. */
  reopened: boolean;
}

export function beginStep(run: Run, nowMs: number, window: number): Step {
  return {
    run,
    nowMs,
    window,
    before: { state: run.state, endedAtMs: run.endedAtMs, reason: run.reason },
    created: new Set(),
    touched: new Map(),
    pending: [],
    cancels: [],
    timers: [],
    dispatches: [],
    refused: [],
    reopened: false,
  };
}
