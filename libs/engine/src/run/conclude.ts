import type { RunEndState } from './events.js';
import type { Run } from './run.js';
import { settle, promote } from './settle.js';
import type { Step } from './step.js';

/** Said of a run that somebody marked failed and whose teardowns still have to run: its end is decided already. */
const MARKED_FAILED = 'marked failed';

export function markedFailedBy(who: string): string {
  return `${MARKED_FAILED} by ${who}`;
}

/** Ends the run when nothing is left to do. */
export function conclude(step: Step): void {
  const { run } = step;
  if (run.state !== 'running') return;
  if (isStuck(run)) {
    // Before a run is called dead, everything is looked at once more: O(instances), and only here.
    step.pending.push(...run.instances.values());
    settle(step);
    promote(step);
  }
  if (run.book.unfinished === 0) end(step, stateByLeaves(run), run.reason?.startsWith(MARKED_FAILED) === true ? run.reason : null);
  else if (isStuck(run)) end(step, 'failed', `no task can proceed and none is active: ${undecidedTasks(run)} would wait for ever`);
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
  if (run.reason?.startsWith(MARKED_FAILED) === true) return 'failed';
  const anyFailed = (position: number): boolean =>
    (run.book.byTask[position] ?? []).some((instance) => instance.state === 'failed' || instance.state === 'upstream_failed');
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
