import { allInstances } from '../mapping/instance-tree.js';
import { isSuperseded } from '../mapping/iterations.js';
import type { RunEndState } from './events.js';
import type { Run } from './run.js';
import { forgetRetry, waitsForRetry } from './run-retries.js';
import { settle, promote } from './settle.js';
import type { Step } from './step.js';

/** Said of a run that somebody marked failed and whose teardowns still have to run: its end is decided already. */
const MARKED_FAILED = 'marked failed';
const CANCELLED = 'cancelled';

export function markedFailedBy(who: string): string {
  return `${MARKED_FAILED} by ${who}`;
}

export function cancelledBy(who: string): string {
  return `${CANCELLED} by ${who}`;
}

/** Somebody said that it failed; only teardowns may still be under way. */
function isFailedByHand({ reason }: Run): boolean {
  return reason !== null && (reason.startsWith(MARKED_FAILED) || reason.startsWith(CANCELLED));
}

/** Ends the run when nothing is left to do. */
export function conclude(step: Step): void {
  const { run } = step;
  if (run.state !== 'running') return;
  if (isStuck(run)) {
    // Before a run is called dead, everything is looked at once more: O(instances), and only here.
    for (const instance of allInstances(run)) step.pending.push(instance);
    settle(step);
    promote(step);
  }
  if (run.book.unfinished === 0) endByLeaves(step);
  // What waits for the past is decided as soon as the past is.
  else if (isStuck(run) && step.pastAsked.size === 0) end(step, 'failed', `no task can proceed and none is active: ${undecidedTasks(run)} would wait for ever`);
}

function endByLeaves(step: Step): void {
  const { run } = step;
  const state = stateByLeaves(run);
  const byHand = isFailedByHand(run);
  if (state === 'failed' && !byHand && (step.before.state === 'running' || step.before.state === 'queued' || step.reopened) && waitsForRetry(step)) return;
  forgetRetry(step);
  end(step, state, byHand ? run.reason : null);
}

function end(step: Step, state: RunEndState, reason: string | null): void {
  const { run, before } = step;
  run.state = state;
  if (before.state === state && !step.reopened) {
    // Somebody marked an instance of a run that had ended, and the end stays what it was.
    run.endedAtMs = before.endedAtMs;
    run.reason = before.reason;
    return;
  }
  run.endedAtMs = step.nowMs;
  run.reason = reason;
}

function isStuck(run: Run): boolean {
  return run.book.undecided > 0 && run.book.undecided === run.book.unfinished;
}

function stateByLeaves(run: Run): RunEndState {
  if (isFailedByHand(run)) return 'failed';
  const anyFailed = (position: number): boolean =>
    (run.book.byTask[position] ?? []).some((instance) => (instance.state === 'failed' || instance.state === 'upstream_failed') && !isSuperseded(run, instance, run.plan.tasks[position]?.mapping?.loops ?? []));
  if (run.book.leaves.some(anyFailed)) return 'failed';
  // The first failure skipped the rest, leaves too: they do not tell of it.
  if (run.plan.failFast && run.plan.tasks.some((task) => !task.isTeardown && anyFailed(task.position))) return 'failed';
  return 'success';
}

function undecidedTasks(run: Run): string {
  const ids: string[] = [];
  for (const instance of run.instances.values()) {
    if (instance.state !== null) continue;
    if (ids.length === 5) return `${ids.join(', ')} and others`;
    ids.push(run.plan.tasks[instance.task]?.taskId ?? '');
  }
  return ids.join(', ');
}
