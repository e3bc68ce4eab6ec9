import type { InstanceChange, Effect, SlotsWish } from './decision.js';
import type { OutboxEffect } from './outbox-kinds.js';
import type { Instance, Run } from './run.js';

/** What bounds a run from outside, besides its plan. Part of what a decision rests on: recorded with it for the replay. */
export interface Room {
  /** Instances that may be queued or running at once in each queue of the plan (`plan.queues`), no more than workers can take soon; a number: in every one. */
  readonly window: number | readonly number[];
  /** Somebody gave the default pool a limit: then its tasks, too, ask for slots. */
  readonly isDefaultPoolCounted: boolean;
  /** Instances one expansion may have (core.max_map_length). @default the plan's */
  readonly maxMapLength?: number;
}

export const NO_BOUNDS: Room = { window: Number.MAX_SAFE_INTEGER, isDefaultPoolCounted: false };

/** One call of `decide` under way: what it has touched so far. */
export interface Step {
  readonly run: Run;
  readonly nowMs: number;
  readonly room: Room;
  /** How the run stood when the call began. */
  readonly before: { readonly state: Run['state']; readonly endedAtMs: number | null; readonly reason: string | null };
  readonly created: Set<Instance>;
  readonly touched: Map<Instance, InstanceChange['superseded']>;
  /** Instances something changed for; a stack, emptied by `settle`. */
  readonly pending: Instance[];
  readonly cancels: Effect[];
  readonly timers: Effect[];
  readonly dispatches: Effect[];
  /** Instances that got the slots they asked for then. */
  readonly granted: { readonly instance: Instance; readonly askedAtMs: number }[];
  readonly waitsOver: Effect[];
  /** Instances that begin anew, in a dag whose tasks start work on other platforms. */
  readonly abandoned: Set<Instance>;
  readonly outbox: OutboxEffect[];
  /** Tasks the past lets go in this decision, and those it has to be asked for. Positions. */
  readonly pastOpen: Set<number>;
  readonly pastAsked: Set<number>;
  /** What became of slots counted over all runs; the last word of each instance. */
  readonly slots: Map<Instance, SlotsWish>;
  /** Arrows that are none. Always empty, or there is a bug; reported rather than done. */
  readonly refused: string[];
  /** Cleared instances make a run that had ended a new one: it gets an end of its own. */
  reopened: boolean;
  /** `run.control` has other stored values now. */
  controlChanged: boolean;
}

export function beginStep(run: Run, nowMs: number, room: Room): Step {
  return {
    run,
    nowMs,
    room,
    before: { state: run.state, endedAtMs: run.endedAtMs, reason: run.reason },
    created: new Set(),
    touched: new Map(),
    pending: [],
    cancels: [],
    timers: [],
    dispatches: [],
    granted: [],
    waitsOver: [],
    abandoned: new Set(),
    outbox: [],
    pastOpen: new Set(),
    pastAsked: new Set(),
    slots: new Map(),
    refused: [],
    reopened: false,
    controlChanged: false,
  };
}
