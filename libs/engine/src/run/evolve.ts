import type { AttemptId, InstanceState } from '@millrace/vocabulary';
import { isFinished } from '@millrace/vocabulary';
import { derivedUuid } from '../identity/derived-uuid.js';
import type { MappedEdge } from '../mapping/edges.js';
import { plant } from '../mapping/instance-tree.js';
import { countsAs, iterationOf } from '../mapping/iterations.js';
import { forEachMappedBelow, linkMapped, recount, countBelow } from '../mapping/count-below.js';
import type { EndClass, Instance, Run, UpstreamCounts } from './run.js';
import type { Step } from './step.js';
import { isArrow } from './transitions.js';

/*
 * The only place where an instance of a run is changed, in place: counts of those downstream, of the run, and what was
 * touched stay true together. If the commit of a decision fails, the run in memory is ahead of the truth: drop it, load again.
 */

/** Moves an instance along an arrow; O(its downstream instances). false, and nothing changed, if there is no such arrow. */
export function enter(step: Step, instance: Instance, next: InstanceState, reason: string | null): boolean {
  const before = instance.state;
  if (!isArrow(before, next)) {
    step.refused.push(`no arrow from ${before ?? 'none'} to ${next ?? 'none'} (instance ${instance.id})`);
    return false;
  }
  const { run } = step;
  const mapping = run.plan.tasks[instance.task]?.mapping ?? null;
  count(run, instance, -1);
  if (mapping !== null && mapping.conditionOf >= 0 && isFinished(before) !== isFinished(next)) {
    recount(step, iterationOf(run, instance), (one) => classOf(one.state), reconsider, () => (instance.state = next));
  } else instance.state = next;
  count(run, instance, +1);
  if (instance.slotsAskedAtMs !== null) moveSlots(step, instance, before, next);
  instance.reason = reason;
  stamp(instance, next, step.nowMs);
  touch(step, instance);
  if (before === 'deferred' || before === 'awaiting_input') step.waitsOver.push({ type: 'wait_over', instanceId: instance.id });

  const classBefore = classOf(before);
  const classNext = classOf(next);
  if (classBefore !== classNext) {
    if (mapping !== null) countBelow(step, instance, classBefore, classNext, reconsider);
    else forEachBelow(run, instance, (below, counts) => {
      if (classBefore !== null) counts[classBefore] -= 1;
      if (classNext !== null) counts[classNext] += 1;
      reconsider(step, below, classBefore !== null);
    });
  }
  if (next === null) step.pending.push(instance);
  else if (next === 'scheduled') run.book.ready.push(instance);
  return true;
}

/** Has an undecided instance looked at once more; `isTakenBack`: an end it may have been scheduled on is no more. */
export function reconsider(step: Step, below: Instance, isTakenBack: boolean): void {
  // It was to run because of an end that is now another one or taken back; it has not begun, so it is decided anew.
  if (isTakenBack && below.state === 'scheduled' && below.attemptId === null) enter(step, below, null, null);
  if (below.state === null) step.pending.push(below);
}

/** Gives a scheduled instance its next attempt and queues it: a new try, unless the last attempt's try goes on. */
export function dispatch(step: Step, instance: Instance): void {
  const { run, nowMs } = step;
  if (instance.attemptId === null) {
    instance.tryNumber += 1;
    // Its XComs are those of the new try, which has none yet.
    instance.lengths = null;
  }
  instance.attemptSeq += 1;
  const attemptId = derivedUuid(nowMs, `${run.id}/${instance.id}/${instance.attemptSeq}`) as AttemptId;
  instance.attemptId = attemptId;
  if (enter(step, instance, 'queued', null)) step.dispatches.push({ type: 'dispatch', instance, attemptId });
}

/** The current attempt becomes history; the next dispatch will be a new try. */
export function retire(step: Step, instance: Instance, endedAs: string, reason: string): void {
  if (instance.attemptId === null) return;
  step.touched.set(instance, step.touched.get(instance) ?? { attemptId: instance.attemptId, endedAs, reason });
  instance.attemptId = null;
}

/** How many tries cost none of the user's retries: those before a clear, and free ones since. `maxTries` follows. */
export function setFreeTries(step: Step, instance: Instance, freeTries: number): void {
  instance.freeTries = freeTries;
  instance.maxTries = freeTries + (step.run.plan.tasks[instance.task]?.retries ?? 0);
  touch(step, instance);
}

/** Adds an instance to the run's book (not to its neighbours' counts: see `link`); not one whose index path cannot be. */
export function register(run: Run, instance: Instance): void {
  const tree = run.book.trees[instance.task];
  const depth = run.plan.tasks[instance.task]?.dims.length ?? 0;
  if (instance.indexPath.length > depth || (tree != null && !plant(tree, instance))) return;
  run.instances.set(instance.id, instance);
  run.book.byTask[instance.task]?.push(instance);
  count(run, instance, +1);
  if (instance.state !== 'scheduled') return;
  if (instance.slotsAskedAtMs === null) run.book.ready.push(instance);
  else run.book.ready.countAsking(instance, +1);
}

/** Counts an instance in those below it. Once for each instance, after all are registered. */
export function link(run: Run, instance: Instance): void {
  const ended = classOf(instance.state);
  if (run.plan.tasks[instance.task]?.mapping != null) {
    linkMapped(run, instance, ended);
    return;
  }
  forEachBelow(run, instance, (_, counts) => {
    counts.total += 1;
    if (ended !== null) counts[ended] += 1;
  });
}

/** Counts an instance in one below it that is new. */
export function countIn(run: Run, above: Instance, counts: UpstreamCounts, edge: MappedEdge): void {
  const ended = classOf(above.state);
  counts.total += 1;
  const as = countsAs(run, above, edge.loops, ended);
  if (as !== null) counts[as] += 1;
}

/** `claimed` in memory: a claim is written by a statement of its own and is no version of the run. */
export function claim(run: Run, instance: Instance): void {
  count(run, instance, -1);
  instance.state = 'running';
  count(run, instance, +1);
}

export function isActive(state: InstanceState): boolean {
  return state === 'queued' || state === 'running' || state === 'restarting';
}

export function touch(step: Step, instance: Instance): void {
  if (!step.touched.has(instance)) step.touched.set(instance, null);
}

/** It has asked for slots, or holds some: a queued or running one keeps them, a deferred one as its pool says, any other gives them back. */
function moveSlots(step: Step, instance: Instance, before: InstanceState, next: InstanceState): void {
  if (before === 'scheduled') step.run.book.ready.countAsking(instance, -1);
  if (isActive(next)) return;
  if (next === 'deferred' || next === 'awaiting_input') {
    step.slots.set(instance, 'keep');
    return;
  }
  instance.slotsAskedAtMs = null;
  step.slots.set(instance, 'give_back');
}

function count(run: Run, instance: Instance, by: 1 | -1): void {
  const { book } = run;
  const { state } = instance;
  if (isActive(state)) {
    book.active += by;
    book.ready.count(instance, by);
  }
  if (!isFinished(state)) book.unfinished += by;
  if (state === null) book.undecided += by;
  const tree = book.trees[instance.task];
  if (tree == null) return;
  if (state === null) tree.undecided += by;
  else if (state === 'scheduled') tree.scheduled += by;
}

function stamp(instance: Instance, next: InstanceState, nowMs: number): void {
  if (next === null || next === 'scheduled') {
    instance.scheduledAtMs = next === null ? null : nowMs;
    instance.queuedAtMs = null;
    instance.endedAtMs = null;
  } else if (next === 'queued') {
    instance.queuedAtMs = nowMs;
  } else if (next === 'up_for_retry' || isFinished(next)) {
    instance.endedAtMs = nowMs;
  }
}

export function classOf(state: InstanceState): EndClass | null {
  if (state === 'upstream_failed') return 'upstreamFailed';
  return state === 'success' || state === 'failed' || state === 'skipped' || state === 'removed' ? state : null;
}

/** The instances directly below, and those that stand under it as a setup. */
export function directlyBelow(run: Run, instance: Instance): Instance[] {
  const found: Instance[] = [];
  if (run.plan.tasks[instance.task]?.mapping != null) forEachMappedBelow(run, instance, (below) => found.push(below));
  else forEachBelow(run, instance, (below) => found.push(below));
  return found;
}

/** Each instance directly below, with its counts; and each that stands under it as a setup. */
function forEachBelow(run: Run, instance: Instance, visit: (below: Instance, counts: UpstreamCounts) => void): void {
  const task = run.plan.tasks[instance.task];
  if (task === undefined) return;
  const { byTask } = run.book;
  for (const position of task.downstreamTasks) {
    for (const below of byTask[position] ?? []) visit(below, below.upstream);
  }
  for (const position of task.setupOf) {
    for (const below of byTask[position] ?? []) if (below.setups !== null) visit(below, below.setups);
  }
}
