import type { AttemptId, InstanceState } from '@millrace/vocabulary';
import { isFinished } from '@millrace/vocabulary';
import { derivedUuid } from '../identity/derived-uuid.js';
import type { Instance, Run, UpstreamCounts } from './run.js';
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
  count(step.run, before, -1);
  count(step.run, next, +1);
  instance.state = next;
  instance.reason = reason;
  stamp(instance, next, step.nowMs);
  touch(step, instance);

  const classBefore = classOf(before);
  const classNext = classOf(next);
  if (classBefore !== classNext) {
    forEachBelow(step.run, instance, (below, counts) => {
      if (classBefore !== null) counts[classBefore] -= 1;
      if (classNext !== null) counts[classNext] += 1;
      // It was to run because of an end that is now another one or taken back; it has not begun, so it is decided anew.
      if (classBefore !== null && below.state === 'scheduled' && below.attemptId === null) enter(step, below, null, null);
      if (below.state === null) step.pending.push(below);
    });
  }
  if (next === null) step.pending.push(instance);
  else if (next === 'scheduled') step.run.book.ready.push(instance);
  return true;
}

/** Gives a scheduled instance its next attempt and queues it: a new try, unless the last attempt's try goes on. */
export function dispatch(step: Step, instance: Instance): void {
  const { run, nowMs } = step;
  if (instance.attemptId === null) instance.tryNumber += 1;
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

/** Adds an instance to the run's book (not to its neighbours' counts: see `link`). */
export function register(run: Run, instance: Instance): void {
  run.instances.set(instance.id, instance);
  run.book.byTask[instance.task]?.push(instance);
  count(run, instance.state, +1);
  if (instance.state === 'scheduled') run.book.ready.push(instance);
}

/** Counts an instance in those below it. Once for each instance, after all are registered. */
export function link(run: Run, instance: Instance): void {
  const ended = classOf(instance.state);
  forEachBelow(run, instance, (_, counts) => {
    counts.total += 1;
    if (ended !== null) counts[ended] += 1;
  });
}

/** `claimed` in memory: a claim is written by a statement of its own and is no version of the run. */
export function claim(run: Run, instance: Instance): void {
  count(run, instance.state, -1);
  instance.state = 'running';
  count(run, instance.state, +1);
}

export function isActive(state: InstanceState): boolean {
  return state === 'queued' || state === 'running' || state === 'restarting';
}

function touch(step: Step, instance: Instance): void {
  if (!step.touched.has(instance)) step.touched.set(instance, null);
}

function count(run: Run, state: InstanceState, by: 1 | -1): void {
  if (isActive(state)) run.book.active += by;
  if (!isFinished(state)) run.book.unfinished += by;
  if (state === null) run.book.undecided += by;
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

type EndClass = Exclude<keyof UpstreamCounts, 'total'>;

function classOf(state: InstanceState): EndClass | null {
  if (state === 'upstream_failed') return 'upstreamFailed';
  return state === 'success' || state === 'failed' || state === 'skipped' || state === 'removed' ? state : null;
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
