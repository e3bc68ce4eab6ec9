import type { InstanceId, RunId, TriggerRule } from '@millrace/vocabulary';
import { TRIGGER_RULES } from '@millrace/vocabulary';
import { compilePlan } from '../graph/compile-plan.js';
import type { Plan, PlanSource, PlanTaskSource } from '../graph/plan.js';
import { createRun, markClaimed } from '../run/create-run.js';
import { decide } from '../run/decide.js';
import type { Decision } from '../run/decision.js';
import type { FinishedEvent, RunEvent } from '../run/events.js';
import type { Instance, Run } from '../run/run.js';

/*
 * Specs in the domain's words. A dag, one task a line:       load <- clean, audit [none_failed retries=1 delay=60]
 * A script, one event a line with what must come of it:       clean failed | timer retry clean +60s
 * `play` renders the script again with what did come of it, so that a failing spec shows the table with the wrong line marked.
 */

export const NO_TASK: PlanTaskSource = {
  taskId: '', operator: 'EmptyOperator', upstream: [], triggerRule: 'all_success', retries: 0, retryDelaySeconds: 300,
  retryExponentialBackoff: 0, maxRetryDelaySeconds: null, executionTimeoutSeconds: null, onLost: 'retry-policy', queue: 'default',
  pool: 'default_pool', poolSlots: 1, priorityWeight: 1, weightRule: 'downstream', group: null, isSetup: false, isTeardown: false,
  onFailureFailDagRun: false, owner: 'millrace',
};

export function dag(lines: string, terms: Partial<PlanSource> = {}): PlanSource {
  return { dagId: 'spec', maxActiveTasks: 16, failFast: false, dagrunTimeoutSeconds: null, tasks: rowsOf(lines).map(taskFrom), ...terms };
}

/** A script with what came of each line in place of what was expected. */
export function play(source: PlanSource, script: string, taskSelection: readonly string[] | null = null): string {
  const compiled = compilePlan(source);
  if (!compiled.ok) return compiled.errors.map((error) => error.message).join('\n');
  const player = new Player(compiled.plan, taskSelection);
  return render(rowsOf(script).map((row) => [before(row), player.say(before(row))]));
}

/** The same script, in the same shape, to compare with. */
export function expected(script: string): string {
  return render(rowsOf(script).map((row) => [before(row), row.slice(before(row).length).replace(/^\s*\|/, '').trim()]));
}

function rowsOf(text: string): string[] {
  return text.split('\n').map((line) => line.trim()).filter((line) => line !== '');
}

function before(row: string): string {
  return (row.split('|')[0] ?? '').trim();
}

function render(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([event]) => event.length));
  return rows.map(([event, outcome]) => `${event.padEnd(width)} | ${outcome}`.trimEnd()).join('\n');
}

function taskFrom(line: string): PlanTaskSource {
  const [, taskId = '', upstream = '', options = ''] = /^([\w.-]+)(?:\s*<-\s*([^[]*))?\s*(?:\[(.*)\])?$/.exec(line) ?? [];
  const task: { -readonly [K in keyof PlanTaskSource]: PlanTaskSource[K] } = {
    ...NO_TASK,
    taskId,
    upstream: upstream.split(',').map((id) => id.trim()).filter((id) => id !== ''),
  };
  for (const option of options.split(' ').filter((word) => word !== '')) {
    const [name = '', value = ''] = option.split('=');
    if ((TRIGGER_RULES as readonly string[]).includes(name)) task.triggerRule = name as TriggerRule;
    else if (name === 'retries') task.retries = Number(value);
    else if (name === 'delay') task.retryDelaySeconds = Number(value);
    else if (name === 'priority') task.priorityWeight = Number(value);
    else if (name === 'onLost') task.onLost = value as PlanTaskSource['onLost'];
    else if (name === 'setup') task.isSetup = true;
    else if (name === 'teardown') task.isTeardown = true;
    else if (name === 'fails-run') task.onFailureFailDagRun = true;
    else task.taskId = `unknown option ${option}`;
  }
  return task;
}

/** Says events to a run and tells what came of them. Every queued attempt counts as claimed before the next event, unless `unclaimed`. */
class Player {
  readonly run: Run;
  private nowMs = 1_700_000_000_000;

  constructor(private readonly plan: Plan, taskSelection: readonly string[] | null) {
    this.run = createRun(plan, {
      id: '01890000-0000-7000-8000-000000000001' as RunId, createdAtMs: this.nowMs, state: 'queued', paused: false,
      startedAtMs: null, endedAtMs: null, reason: null, taskSelection,
    });
  }

  say(line: string): string {
    const event = this.eventFrom(line);
    if (event === null) return `no such event: ${line}`;
    if (!line.includes('unclaimed')) for (const { id, attemptId } of this.run.instances.values()) if (attemptId !== null) markClaimed(this.run, id, attemptId);
    const states = new Map([...this.run.instances].map(([id, instance]) => [id, instance.state]));
    return this.tell(decide(this.run, [event], this.nowMs), states, event);
  }

  private eventFrom(line: string): RunEvent | null {
    const by = 'admin';
    const words = line.split(' ');
    const [first = '', second = '', third = ''] = words;
    const ids = (list: string): InstanceId[] => list.split(',').map((taskId) => this.instance(taskId)?.id ?? ('' as InstanceId));
    const wait = /^\+(\d+)s$/.exec(words.at(-1) ?? '');
    if (first === 'wait') this.nowMs += Number(/\d+/.exec(second)?.[0] ?? 0) * 1000;
    switch (first) {
      case 'start':
        return { type: 'started' };
      case 'wait':
        return { type: 'timer', kind: 'run_timeout' };
      case 'pause':
        return { type: 'paused', paused: true };
      case 'unpause':
        return { type: 'paused', paused: false };
      case 'clear':
        return { type: 'cleared', instanceIds: ids(second), by };
      case 'mark':
        if (second === 'run') return { type: 'run_marked', state: third as 'success', by };
        return { type: 'marked', instanceIds: ids(second), state: third as 'success', by };
      default:
        return this.eventOfTask(words, wait === null ? null : this.nowMs + Number(wait[1]) * 1000);
    }
  }

  private eventOfTask(words: readonly string[], resumeAtMs: number | null): RunEvent | null {
    const [first = '', second = '', third = ''] = words;
    const isAbout = first === 'retry' || first === 'resume' || first === 'report';
    const instance = this.instance(isAbout ? second : first);
    if (instance === undefined) return null;
    const instanceId = instance.id;
    if (first === 'retry' || first === 'resume') return { type: 'timer', kind: first, instanceId, attemptSeq: instance.attemptSeq };
    if (first === 'report') return { type: 'resumed', instanceId, payload: null };
    const attemptId = instance.attemptId ?? ('' as never);
    if (second === 'lost') return { type: 'lost', instanceId, attemptId, reason: 'worker lost' };
    const finished: FinishedEvent = {
      type: 'finished', instanceId, attemptId, outcome: 'success', retryable: !words.includes('for-good'), error: '', resumeAtMs, branch: null, skipDownstream: '',
    };
    if (second === 'chose') return { ...finished, branch: third === 'nothing' ? [] : third.split(',') };
    if (second === 'stops') return { ...finished, skipDownstream: third === 'direct' ? 'direct' : 'all' };
    return { ...finished, outcome: second as FinishedEvent['outcome'] };
  }

  /** In plan order: what is now in another state; then effects; then what was ignored. */
  private tell(decision: Decision, states: ReadonlyMap<InstanceId, Instance['state']>, event: RunEvent): string {
    const own = event.type === 'finished' ? `${this.nameOf(event.instanceId)}=${event.outcome}` : '';
    const touched = [...decision.created, ...decision.changed.map(({ instance }) => instance)].sort((a, b) => a.task - b.task);
    const changes = touched
      .filter((instance) => instance.state !== (states.get(instance.id) ?? null) && instance.state !== 'queued')
      .map((instance) => `${this.nameOf(instance.id)}=${instance.state ?? 'none'}`)
      .filter((change) => change !== own);
    const history = decision.changed.flatMap(({ instance, superseded }) => (superseded === null ? [] : [`history ${this.nameOf(instance.id)} ${superseded.endedAs}`]));
    const effects = decision.effects.map((effect) => {
      switch (effect.type) {
        case 'dispatch':
          return `queue ${this.nameOf(effect.instance.id)}#${effect.instance.tryNumber}`;
        case 'cancel':
          return `cancel ${this.nameOf(effect.instanceId)}`;
        case 'timer':
          return `timer ${[effect.kind, effect.instanceId === null ? '' : this.nameOf(effect.instanceId)].join(' ').trim()} +${(effect.dueAtMs - this.nowMs) / 1000}s`;
        case 'run_finished':
          return `run ${effect.state}`;
        default:
          return effect satisfies never;
      }
    });
    return [...changes, ...history, ...effects, ...decision.ignored.map(({ reason }) => `ignored: ${reason}`)].join(', ');
  }

  private instance(taskId: string): Instance | undefined {
    return this.run.book.byTask[this.plan.byId.get(taskId) ?? -1]?.[0];
  }

  private nameOf(id: InstanceId): string {
    return this.plan.tasks[this.run.instances.get(id)?.task ?? -1]?.taskId ?? '?';
  }
}
