import { whyInstance } from '../why/why-instance.js';
import type { InstanceFacts } from '../why/why-instance.js';
import { whyRun } from '../why/why-run.js';
import type { AttemptId, InstanceId, InstanceState } from '@millrace/vocabulary';
import { isFinished } from '@millrace/vocabulary';
import type { PlanTask } from '../graph/plan.js';
import { createRun, loadRun } from '../run/create-run.js';
import type { Decision } from '../run/decision.js';
import type { RunEvent } from '../run/events.js';
import type { Run } from '../run/run.js';
import { decidingRows, statesAbove, wrongChildren, wrongIterations, wrongLength } from './related-rows.js';
import type { Engine } from './engine.js';
import type { Store } from './store.js';
import { POOL_SLOTS } from './slot-table.js';
import { rowOf } from './store.js';

/** What went wrong: the promise that was broken, and how. */
export interface Violation {
  readonly promise: string;
  readonly detail: string;
}

const NOTHING_BESIDE: InstanceFacts = {
  nowMs: 0, quarantined: null, past: null, timers: [], correlationKey: null, waitsForRun: null, worker: null, startedAtMs: null,
  listeners: { workers: 1, freeSlots: 0 }, pool: null, taskLimits: [], ofRun: [],
};

/** Compares each commit with the promises, by means as unlike the engine's as can be: whole scans, states instead of counts. */
export class Checker {
  readonly violations: Violation[] = [];
  private readonly attempts = new Set<AttemptId>();
  private readonly started = new Set<AttemptId>();
  private readonly tries = new Map<InstanceId, number>();
  private readonly loopWords = new Map<InstanceId, 'again' | 'stop'>();

  constructor(private readonly store: Store, private readonly engine: Engine) {}

  violated(promise: string, detail: string): void {
    this.violations.push({ promise, detail });
  }

  /** For every unfinished instance and the run itself there is a stated reason, and it is more than "soon" once a decision is made. */
  saysWhy(run: Run): void {
    if (run.state === 'queued') return;
    const isOver = run.state !== 'running';
    for (const instance of run.instances.values()) {
      const reasons = whyInstance(run, instance, NOTHING_BESIDE);
      if (reasons.length === 0) this.violated('nothing waits without a stated reason', `${instance.state ?? 'none'}: nothing said`);
      if (!isOver && instance.state === null && reasons.some(({ kind }) => kind === 'to_be_decided')) {
        this.violated('nothing waits without a stated reason', `${run.plan.tasks[instance.task]?.taskId ?? ''} is undecided and nothing holds it up`);
      }
    }
    if (whyRun(run, { nowMs: 0, dagId: run.plan.dagId, runAfterMs: 0, quarantined: null, dagPaused: false, running: 1, limit: 16, backfill: null, heldBy: null }).length === 0) {
      this.violated('nothing waits without a stated reason', 'the run');
    }
  }

  attemptStarted(attemptId: AttemptId): void {
    if (this.started.has(attemptId)) this.violated('an attempt starts at most once', attemptId);
    this.started.add(attemptId);
  }

  committed(run: Run, decision: Decision): void {
    const { plan, rows, facts } = this.store;
    for (const { reason } of decision.ignored) if (reason.startsWith('refused')) this.violated('states move only along arrows', reason);
    const active = [...rows.values()].filter((row) => row.state === 'queued' || row.state === 'running' || row.state === 'restarting').length;
    if (active > plan.maxActiveTasks) this.violated('maxActiveTasks is never exceeded', `${active} of ${plan.maxActiveTasks}`);
    this.limitsHold();
    if (active !== decision.run.activeInstances) this.violated('activeInstances is the number of active rows', `${active}, said ${decision.run.activeInstances}`);
    if ((facts.state === 'success' || facts.state === 'failed') && [...rows.values()].some((row) => !isFinished(row.state))) {
      this.violated('a run that ended has no unfinished instance', facts.state);
    }
    for (const { instance, superseded } of decision.changed) {
      if (superseded !== null && !this.attempts.has(superseded.attemptId)) this.violated('only dispatched attempts become history', instance.id);
      if (superseded !== null && superseded.attemptId === instance.attemptId) this.violated('history is not current', instance.id);
    }
    if (plan.dimensions.length > 0) {
      const wrong = wrongChildren(rows);
      if (wrong !== null) this.violated('every index is there once', wrong);
      const misfit = wrongLength(plan, rows) ?? wrongIterations(plan, rows, this.loopWords);
      if (misfit !== null) this.violated('an expansion is as long as its list, a loop as its condition says', misfit);
    }
    let lastPriority = Infinity;
    for (const effect of decision.effects) {
      if (effect.type !== 'dispatch') continue;
      const { instance, attemptId } = effect;
      const task = plan.tasks[instance.task];
      if (task === undefined) continue;
      if (run.paused) this.violated('a paused dag queues nothing', task.taskId);
      if (this.attempts.has(attemptId)) this.violated('every dispatch is a new attempt', task.taskId);
      this.attempts.add(attemptId);
      if (instance.state !== 'queued' || instance.attemptId !== attemptId) this.violated('a dispatched attempt is the queued one', task.taskId);
      // What was granted slots is queued when that is heard of, whatever else is ready then.
      const isCounted = plan.lines[task.line]?.isCounted === true;
      if (!isCounted && task.effectivePriority > lastPriority) this.violated('dispatches come in priority order', task.taskId);
      if (!isCounted) lastPriority = task.effectivePriority;
      if (instance.maxTries !== task.retries + instance.freeTries) this.violated('the budget is retries and free tries', task.taskId);
      if (instance.tryNumber > instance.freeTries + mostRetries(task) + 1) this.violated('no more tries than the budget', `${task.taskId} try ${instance.tryNumber}`);
      const isNewTry = instance.tryNumber !== (this.tries.get(instance.id) ?? 0);
      if (isNewTry && instance.tryNumber !== (this.tries.get(instance.id) ?? 0) + 1) this.violated('tries grow by one', task.taskId);
      this.tries.set(instance.id, instance.tryNumber);
      if (instance.indexPath.length !== task.dims.length) this.violated('a stand-in is never dispatched', `${task.taskId} [${instance.indexPath.join(',')}]`);
      const above = isNewTry ? this.statesAbove(task, instance.indexPath, task.upstreamTasks) : [];
      if (isNewTry && !mayRun(task, above, this.statesAbove(task, instance.indexPath, task.setups))) {
        this.violated('a child starts after its required parents ended', `${task.taskId} [${instance.indexPath.join(',')}] (${task.triggerRule}): ${above.map((state) => state ?? 'none').join(', ')}`);
      }
    }
  }

  /** A task's limit in its run, the pool's slots, and that nothing is active that asked for slots and has none. */
  private limitsHold(): void {
    const { plan, rows, slots } = this.store;
    const granted = [...slots.rows.values()].filter((row) => row.state === 'granted').length;
    if (granted > POOL_SLOTS) this.violated('no more slots are granted than there are', `${granted} of ${POOL_SLOTS}`);
    for (const task of plan.tasks) {
      const isCounted = plan.lines[task.line]?.isCounted === true;
      if (!isCounted && task.maxActivePerRun === null) continue;
      const of = [...rows.values()].filter((row) => row.taskId === task.taskId && (row.state === 'queued' || row.state === 'running' || row.state === 'restarting'));
      if (of.length > (task.maxActivePerRun ?? Infinity)) this.violated('maxActivePerRun is never exceeded', `${task.taskId}: ${of.length}`);
      if (!isCounted) continue;
      for (const row of of) if (slots.rows.get(row.id)?.state !== 'granted') this.violated('nothing is active without its slots', `${task.taskId} is ${row.state}`);
    }
    for (const [id, slot] of slots.rows) {
      const state = rows.get(id)?.state ?? null;
      if (slot.state === 'granted' && !(state === 'scheduled' || state === 'queued' || state === 'running' || state === 'restarting')) this.violated('slots are given back', `held by one that is ${state ?? 'none'}`);
    }
  }

  /** Before the commit: what is said of an attempt that is not in the row, or of an earlier dispatch, must be ignored. */
  heedsOnlyTheCurrent(events: readonly RunEvent[], decision: Decision): void {
    const ignored = new Set(decision.ignored.map(({ event }) => event));
    events.forEach((event, index) => {
      if (ignored.has(index)) return;
      if (event.type === 'finished' && event.loop !== undefined) this.loopWords.set(event.instanceId, event.loop);
      else if (event.type === 'marked' || event.type === 'cleared') for (const id of event.instanceIds) this.loopWords.delete(id);
      else if (event.type === 'run_marked') this.loopWords.clear();
    });
    events.forEach((event, index) => {
      if (!('instanceId' in event) || event.type === 'resumed' || event.type === 'slots_granted' || event.type === 'slots_refused' || ignored.has(index)) return;
      const row = this.store.rows.get(event.instanceId);
      const isCurrent = event.type === 'timer' ? row?.attemptSeq === event.attemptSeq : row?.attemptId === event.attemptId;
      if (!isCurrent) this.violated('only the current attempt is heard', `${event.type} of ${event.instanceId}`);
    });
  }

  /** The run in memory, and one loaded from the rows, are the same in everything that matters for going on. */
  sameWhenLoaded(run: Run): void {
    const loaded = loadRun(this.engine.plan(this.store.plan), this.store.facts, [...this.store.rows.values()].reverse());
    for (const [id, instance] of run.instances) {
      const other = loaded.instances.get(id);
      // A claim is written to the row at once and may not be known in memory.
      const claimed = instance.state === 'queued' && other?.state === 'running';
      const differs = other === undefined || JSON.stringify([rowOf(run.plan, instance), instance.upstream, instance.setups]) !== JSON.stringify([rowOf(run.plan, other), other.upstream, other.setups]);
      if (differs && !claimed) this.violated('a loaded run equals the one in memory', `${JSON.stringify(instance)} / ${JSON.stringify(other)}`);
    }
    const figures = (of: Run): string => [of.state, of.paused, of.reason, of.book.active, of.book.unfinished, of.book.undecided].join(' ');
    if (figures(run) !== figures(loaded)) this.violated('a loaded run equals the one in memory', `${figures(run)} / ${figures(loaded)}`);
  }

  /** Unless words say why it ended otherwise: failed if a leaf is, or if fail fast stopped it. */
  endsAsItsLeaves(): void {
    const { plan, facts } = this.store;
    if (facts.reason !== null) return;
    const there = new Set([...this.store.rows.values()].map((row) => row.taskId));
    const tasks = plan.tasks.filter((task) => there.has(task.taskId));
    const hasBelow = (position: number): boolean => tasks.some((task) => task.upstreamTasks.includes(position) && !task.isTeardown);
    const deciding = tasks.filter((task) => (task.isTeardown ? task.onFailureFailDagRun : plan.failFast || !hasBelow(task.position)));
    if (deciding.length === 0) return;
    const rows = deciding.flatMap((task) => decidingRows(plan, this.store.rows, task));
    const expected = rows.some((row) => row.state === 'failed' || row.state === 'upstream_failed') ? 'failed' : 'success';
    if (facts.state !== expected) this.violated('a run ends as its leaves', `${facts.state}, expected ${expected}`);
  }

  /** All events again from the beginning give the stored rows, ids included. */
  replays(paused: boolean): void {
    const { plan, log, facts, rows } = this.store;
    const run = createRun(this.engine.plan(plan), { ...facts, state: 'queued', paused, startedAtMs: null, endedAtMs: null, reason: null });
    for (const { events, nowMs } of log) this.engine.decide(run, events, nowMs);
    if (run.state !== facts.state) this.violated('a replay gives the stored run', `${run.state} / ${facts.state}`);
    for (const [id, row] of rows) {
      const instance = run.instances.get(id);
      const found = instance === undefined ? null : JSON.stringify(rowOf(plan, instance));
      if (found !== JSON.stringify(row)) this.violated('a replay gives the stored rows', `${found ?? 'none'} / ${JSON.stringify(row)}`);
    }
  }

  private statesAbove(task: PlanTask, path: readonly number[], positions: readonly number[]): InstanceState[] {
    return positions.length === 0 ? [] : statesAbove(this.store.plan, this.store.rows, task, path, positions);
  }
}

/** The rules once more, in their own words, over the states of the parents. */
export function mayRun(task: Pick<PlanTask, 'triggerRule' | 'isTeardown'>, parents: readonly InstanceState[], setups: readonly InstanceState[]): boolean {
  const all = (test: (state: InstanceState) => boolean): boolean => parents.every(test);
  const any = (test: (state: InstanceState) => boolean): boolean => parents.some(test);
  const isDone = (state: InstanceState): boolean => isFinished(state);
  const isBad = (state: InstanceState): boolean => state === 'failed' || state === 'upstream_failed';
  const is = (wanted: InstanceState) => (state: InstanceState) => state === wanted;
  if (task.isTeardown) return all(isDone) && (setups.length === 0 || setups.some(is('success')));
  if (!setups.every(is('success'))) return false;
  if (parents.length === 0) return true;
  switch (task.triggerRule) {
    case 'all_success': return all(is('success'));
    case 'all_failed': return all(isBad);
    case 'all_done': return all(isDone);
    case 'all_done_min_one_success': return all(isDone) && any(is('success'));
    case 'all_skipped': return all(is('skipped'));
    case 'one_success': return any(is('success'));
    case 'one_failed': return any(isBad);
    case 'one_done': return any((state) => state === 'success' || state === 'failed');
    case 'none_failed': return all(isDone) && !any(isBad);
    case 'none_failed_min_one_success': return all(isDone) && !any(isBad) && any(is('success'));
    case 'none_skipped': return all(isDone) && !any(is('skipped'));
    case 'always': return true;
    default: return task.triggerRule satisfies never;
  }
}

/** A retry policy may allow more than the task itself. */
function mostRetries(task: PlanTask): number {
  return Math.max(task.retries, ...task.retryPolicy.map((rule) => rule.retries ?? 0));
}
