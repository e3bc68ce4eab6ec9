import { isFinished } from '@millrace/vocabulary';
import { countsOf } from '../mapping/instance-tree.js';
import type { Instance, Run } from '../run/run.js';
import { verdictOn } from '../run/settle.js';
import { judgeSetups } from '../trigger-rules/trigger-rules.js';
import type { Reason, UpstreamTask } from './reasons.js';
import { many, reason, timeText } from './reasons.js';

/** What stands beside the run: read when somebody asks. Whatever is null is not known, or there is none. */
export interface InstanceFacts {
  readonly nowMs: number;
  readonly quarantined: string | null;
  /** What the past says to it, for a task that looks back. */
  readonly past: { readonly runId: string; readonly reason: string } | null;
  readonly timers: readonly { readonly kind: string; readonly dueAtMs: number }[];
  readonly correlationKey: string | null;
  readonly waitsForRun: { readonly dagId: string; readonly runId: string | null; readonly logicalDateMs: number | null } | null;
  readonly worker: { readonly name: string; readonly heardMs: number } | null;
  readonly startedAtMs: number | null;
  /** Workers that listen to its queue. */
  readonly listeners: { readonly workers: number; readonly freeSlots: number };
  readonly pool: { readonly slots: number; readonly used: number; readonly holders: readonly string[] } | null;
  /** Instances of its task that are queued or running, in the dag and in the run, with their limits. */
  readonly taskLimits: readonly { readonly scope: 'dag' | 'run'; readonly limit: number; readonly active: number }[];
  /** Reasons of its run, when that waits in line. */
  readonly ofRun: readonly Reason[];
}

const SHOWN = 20;

/** What an instance waits for: never empty. Total over all states. */
export function whyInstance(run: Run, instance: Instance, facts: InstanceFacts): Reason[] {
  const { state } = instance;
  if (isFinished(state)) return [reason('finished', { state }, `it has ended: ${state}${instance.reason === null ? '' : ` (${instance.reason})`}`)];
  const found: Reason[] = [];
  if (facts.quarantined !== null) found.push(reason('run_quarantined', { reason: facts.quarantined }, `its run was set aside because it could not be applied: ${facts.quarantined}`));
  if (run.state === 'queued') {
    found.push(reason('run_queued', { runId: run.id }, 'its run has not started yet'), ...facts.ofRun);
    return found;
  }
  found.push(...ofState(run, instance, facts));
  return found;
}

function ofState(run: Run, instance: Instance, facts: InstanceFacts): Reason[] {
  switch (instance.state) {
    case null:
      return undecided(run, instance, facts);
    case 'scheduled':
      return waitingForSlot(run, instance, facts);
    case 'queued':
      return queued(run, instance, facts);
    case 'running':
      return [running(facts)];
    case 'restarting':
      return [reason('stopping', { worker: facts.worker?.name ?? null, reason: instance.reason ?? '' }, `${instance.reason ?? 'cleared'}: its attempt${on(facts)} was asked to stop; then it runs again`)];
    case 'up_for_retry':
      return [retry(instance, facts)];
    case 'up_for_reschedule':
    case 'deferred':
      return waits(instance, facts);
    case 'awaiting_input': {
      const until = facts.timers[0]?.dueAtMs ?? null;
      return [reason('person', { untilMs: until }, `somebody has to answer it${until === null ? '' : `, at the latest at ${timeText(until)}`}`)];
    }
    default:
      return [reason('finished', { state: instance.state ?? 'none' }, 'it has ended')];
  }
}

function undecided(run: Run, instance: Instance, facts: InstanceFacts): Reason[] {
  const task = run.plan.tasks[instance.task];
  if (task === undefined) return [reason('to_be_decided', {}, 'the version of its run does not have its task')];
  const retryAt = run.control.retryAtMs;
  if (retryAt !== null) return [reason('run_retry_at', { atMs: retryAt }, `its run failed, and tries its failed tasks again at ${timeText(retryAt)}`)];
  const found: Reason[] = [];
  const setups = countsOf(run, instance, 'setups');
  if (setups !== null && !task.isTeardown && judgeSetups(setups) === 'wait') {
    const tasks = unfinishedAmong(run, task.setups);
    found.push(reason('setups', { tasks }, `its setups have to succeed first: ${namesOf(tasks)}`));
  }
  if (verdictOn(run, task, instance) === 'wait') {
    const upstream = countsOf(run, instance, 'upstream') ?? instance.upstream;
    const ended = upstream.success + upstream.failed + upstream.skipped + upstream.upstreamFailed + upstream.removed;
    const tasks = unfinishedAmong(run, task.upstreamTasks);
    const unfinished = upstream.total - ended;
    const rule = task.isTeardown ? 'all_done (teardown)' : task.triggerRule;
    if (unfinished > 0) found.push(reason('upstream', { rule, unfinished, total: upstream.total, tasks }, `rule ${rule}: ${many(unfinished, 'upstream instance')} of ${upstream.total} not done: ${namesOf(tasks)}`));
  }
  if (found.length === 0 && instance.indexPath.length < task.dims.length) {
    const tasks = unfinishedAmong(run, task.upstreamTasks);
    found.push(reason('length', { tasks }, `how many instances it will have is known when what it is expanded over has ended${tasks.length === 0 ? '' : `: ${namesOf(tasks)}`}`));
  }
  if (found.length === 0 && facts.past !== null) found.push(reason('past', { runId: facts.past.runId }, facts.past.reason));
  return found.length > 0 ? found : [reason('to_be_decided', {}, 'nothing holds it up: a scheduler decides about it with the next event of its run, or the sweeper within seconds')];
}

function waitingForSlot(run: Run, instance: Instance, facts: InstanceFacts): Reason[] {
  const { plan, book } = run;
  const task = plan.tasks[instance.task];
  const found: Reason[] = [];
  if (run.paused) found.push(reason('dag_paused', { dagId: plan.dagId }, `dag ${plan.dagId} is paused: it queues nothing new`));
  const ahead = aheadOf(run, instance);
  if (book.active >= plan.maxActiveTasks) {
    found.push(reason('max_active_tasks', { limit: plan.maxActiveTasks, active: book.active, ahead }, `${book.active} tasks of its run are queued or running, and maxActiveTasks is ${plan.maxActiveTasks}; ${many(ahead, 'task')} of the run ${ahead === 1 ? 'comes' : 'come'} before it`));
  }
  for (const { scope, limit, active } of facts.taskLimits) {
    if (active >= limit) found.push(reason('task_limit', { scope, limit, active }, `${active} instances of its task are queued or running in the ${scope}, and its limit there is ${limit}`));
  }
  const needs = task?.poolSlots ?? 1;
  if (facts.pool !== null && facts.pool.slots >= 0 && facts.pool.used + needs > facts.pool.slots) {
    const { slots, used, holders } = facts.pool;
    found.push(reason('pool', { pool: task?.pool ?? '', slots, used, needs, holders }, `pool ${task?.pool ?? ''} has ${many(slots, 'slot')}, ${used} of them are used, and it needs ${needs}${holders.length === 0 ? '' : `; held by ${holders.join(', ')}`}`));
  }
  if (found.length > 0) return found;
  const asked = instance.slotsAskedAtMs;
  if (asked !== null) return [reason('slots', { sinceMs: asked, pool: task?.pool ?? '' }, `it has asked for slots counted over all runs (pool ${task?.pool ?? ''}, limits of its task or dag) since ${timeText(asked)}; more urgent instances, or those that asked before, come first`)];
  const queue = task?.queue ?? '';
  if (facts.listeners.workers === 0) return [noWorker(queue)];
  const { workers, freeSlots } = facts.listeners;
  return [reason('workers_full', { queue, workers, freeSlots, ahead }, `workers of queue ${queue} have enough to do (${many(workers, 'worker')}, ${many(freeSlots, 'free slot')}): it is queued when they can take it soon; ${many(ahead, 'task')} of its run ${ahead === 1 ? 'comes' : 'come'} before it`)];
}

function queued(run: Run, instance: Instance, facts: InstanceFacts): Reason[] {
  const queue = run.plan.tasks[instance.task]?.queue ?? '';
  const { workers, freeSlots } = facts.listeners;
  if (workers === 0) return [noWorker(queue)];
  const since = instance.queuedAtMs;
  const how = freeSlots === 0 ? 'none of them has a free slot' : `${many(freeSlots, 'slot')} are free`;
  return [reason('in_queue', { queue, sinceMs: since, workers, freeSlots }, `it waits in queue ${queue}${since === null ? '' : ` since ${timeText(since)}`}: ${many(workers, 'worker')} listen${workers === 1 ? 's' : ''} there, ${how}; which place it has is only known to the broker`)];
}

function noWorker(queue: string): Reason {
  return reason('no_worker', { queue }, `no worker listens to queue ${queue}: start one with it among its queues`);
}

function running({ worker, startedAtMs, nowMs }: InstanceFacts): Reason {
  const since = startedAtMs === null ? '' : ` since ${timeText(startedAtMs)}`;
  const heard = worker === null ? '' : `, whose last heartbeat is ${Math.max(0, Math.round((nowMs - worker.heardMs) / 1000))} s old`;
  return reason('running', { worker: worker?.name ?? null, sinceMs: startedAtMs, heardMs: worker?.heardMs ?? null }, `it runs${since}${worker === null ? '' : ` on worker ${worker.name}`}${heard}`);
}

function retry(instance: Instance, facts: InstanceFacts): Reason {
  const at = facts.timers.find((timer) => timer.kind === 'retry')?.dueAtMs ?? null;
  const tries = `try ${instance.tryNumber} of ${instance.maxTries + 1} failed${instance.reason === null ? '' : ` (${instance.reason})`}`;
  return reason('retry_at', { atMs: at, tryNumber: instance.tryNumber, maxTries: instance.maxTries }, at === null ? `${tries}; the next is due` : `${tries}; the next is at ${timeText(at)}`);
}

function waits(instance: Instance, facts: InstanceFacts): Reason[] {
  const found: Reason[] = [];
  const other = facts.waitsForRun;
  if (other !== null) {
    const which = other.runId ?? (other.logicalDateMs === null ? 'a run' : `the run of ${timeText(other.logicalDateMs)}, which does not exist yet`);
    found.push(reason('other_run', other, `it waits for dag ${other.dagId}: ${which}`));
  } else if (facts.correlationKey !== null) found.push(reason('signal', { key: facts.correlationKey }, `it waits until somebody reports the key ${JSON.stringify(facts.correlationKey)}`));
  for (const timer of facts.timers) found.push(reason('time', { atMs: timer.dueAtMs }, timer.kind.startsWith('give_up') ? `it gives up at ${timeText(timer.dueAtMs)}` : `it ${instance.state === 'deferred' ? 'goes on' : 'looks again'} at ${timeText(timer.dueAtMs)}`));
  return found.length > 0 ? found : [reason('to_be_decided', {}, 'what it waited for has come: it is scheduled with the next decision')];
}

function on({ worker }: InstanceFacts): string {
  return worker === null ? '' : ` on worker ${worker.name}`;
}

/** Scheduled instances of the run that are more urgent; O(instances), asked for by a person only. */
function aheadOf(run: Run, instance: Instance): number {
  const own = run.plan.tasks[instance.task]?.effectivePriority ?? 0;
  let ahead = 0;
  for (const other of run.instances.values()) {
    if (other.state !== 'scheduled' || other === instance) continue;
    const priority = run.plan.tasks[other.task]?.effectivePriority ?? 0;
    if (priority > own || (priority === own && other.task < instance.task)) ahead++;
  }
  return ahead;
}

function unfinishedAmong(run: Run, positions: readonly number[]): UpstreamTask[] {
  const tasks: UpstreamTask[] = [];
  for (const position of positions) {
    const states: Record<string, number> = {};
    for (const { state } of run.book.byTask[position] ?? []) if (!isFinished(state)) states[state ?? 'none'] = (states[state ?? 'none'] ?? 0) + 1;
    if (Object.keys(states).length > 0) tasks.push({ taskId: run.plan.tasks[position]?.taskId ?? '', states });
  }
  return tasks;
}

function namesOf(tasks: readonly UpstreamTask[]): string {
  const names = tasks.slice(0, SHOWN).map(({ taskId, states }) => {
    const parts = Object.entries(states);
    const [only] = parts;
    return parts.length === 1 && only?.[1] === 1 ? `${taskId} (${only[0]})` : `${taskId} (${parts.map(([state, count]) => `${count} ${state}`).join(', ')})`;
  });
  return `${names.join(', ')}${tasks.length > SHOWN ? ` and ${tasks.length - SHOWN} more tasks` : ''}`;
}
