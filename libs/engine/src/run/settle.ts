import type { PlanTask } from '../graph/plan.js';
import type { Verdict } from '../trigger-rules/trigger-rules.js';
import { reconsiderLength, settleStandIn } from '../mapping/expand.js';
import { countsOf } from '../mapping/instance-tree.js';
import { judge, judgeSetups, judgeTeardown } from '../trigger-rules/trigger-rules.js';
import { SWITCHED_OFF, isOff } from './control.js';
import { dispatch, enter } from './evolve.js';
import { waitsForPast } from './past.js';
import type { Instance, Run } from './run.js';
import { ask } from './slots.js';
import type { Step } from './step.js';

/** Decides about every undecided instance something changed for, and about what follows from it. */
export function settle(step: Step): void {
  const { pending, run } = step;
  for (let instance = pending.pop(); instance !== undefined; instance = pending.pop()) {
    // A run that waits to start again is looked at whole when it does.
    if (run.state !== 'running') continue;
    const task = run.plan.tasks[instance.task];
    if (task === undefined) continue;
    if (instance.state !== null) {
      if (instance.expandedTo !== null && task.mapping?.collects === true) reconsiderLength(step, instance);
      continue;
    }
    const verdict = verdictOn(run, task, instance);
    if (verdict === 'run') {
      if (isOff(step, instance)) enter(step, instance, 'skipped', SWITCHED_OFF);
      else if (instance.indexPath.length < task.dims.length) settleStandIn(step, instance);
      else if (!waitsForPast(step, instance)) enter(step, instance, 'scheduled', null);
    }
    else if (verdict !== 'wait') enter(step, instance, verdict, null);
  }
}

/** Fills the free slots with the most urgent scheduled instances, of all lines that have room; O(log n) for each. */
export function promote(step: Step): void {
  const { run, room } = step;
  if (run.paused || run.state !== 'running') return;
  const { book, plan } = run;
  while (book.active < plan.maxActiveTasks) {
    let first: Instance | undefined;
    for (let at = 0; at < plan.lines.length; at++) {
      const line = plan.lines[at]!;
      const window = typeof room.window === 'number' ? room.window : (room.window[line.queue] ?? 0);
      if ((book.ready.activeIn[line.queue] ?? 0) >= window) continue;
      // No more ask than could be queued at once: slots are not to be held by who cannot use them.
      if ((line.isCounted || room.isDefaultPoolCounted) && (book.ready.asking[at] ?? 0) >= Math.min(plan.maxActiveTasks, window)) continue;
      const head = book.ready.head(at);
      if (head !== undefined && (first === undefined || book.ready.isBefore(head, first))) first = head;
    }
    if (first === undefined) return;
    const line = plan.tasks[first.task]?.line ?? 0;
    book.ready.pop(line);
    if (plan.lines[line]?.isCounted === true || room.isDefaultPoolCounted) ask(step, first);
    else dispatch(step, first);
  }
}

/** Whether the run has instances that only wait for room (in a queue, or for slots). */
export function hasWaiting(run: Run): boolean {
  return run.state === 'running' && !run.paused && run.plan.lines.some((_, at) => run.book.ready.head(at) !== undefined);
}

/** The most urgent instance that would be queued, or would ask for slots, if its queue had room; undefined: none. @param queue position in `plan.queues`. */
export function firstWaiting(run: Run, queue: number): Instance | undefined {
  const { book, plan } = run;
  if (run.state !== 'running' || run.paused || book.active >= plan.maxActiveTasks) return undefined;
  let first: Instance | undefined;
  for (let at = 0; at < plan.lines.length; at++) {
    if (plan.lines[at]?.queue !== queue) continue;
    const head = book.ready.head(at);
    if (head !== undefined && (first === undefined || book.ready.isBefore(head, first))) first = head;
  }
  return first;
}

/** What its setups and its rule say to an instance nothing was decided about. */
export function verdictOn(run: Run, task: PlanTask, instance: Instance): Verdict {
  const upstream = task.dims.length === 0 ? instance.upstream : (countsOf(run, instance, 'upstream') ?? instance.upstream);
  const setups = task.dims.length === 0 || instance.setups === null ? instance.setups : countsOf(run, instance, 'setups');
  if (task.isTeardown) return judgeTeardown(upstream, setups);
  const bySetups = setups === null ? 'run' : judgeSetups(setups);
  return bySetups === 'run' ? judge(task.triggerRule, upstream) : bySetups;
}
