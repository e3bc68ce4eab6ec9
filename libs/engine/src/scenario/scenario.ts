import type { InstanceId, RunId, TriggerRule } from '@millrace/vocabulary';
import { TRIGGER_RULES } from '@millrace/vocabulary';
import { compilePlan } from '../graph/compile-plan.js';
import type { ExpandSource, MapSource, PlanGroupSource } from '../mapping/map-source.js';
import type { Plan, PlanSource, PlanTaskSource } from '../graph/plan.js';
import { createRun, markClaimed } from '../run/create-run.js';
import { decide } from '../run/decide.js';
import type { Decision } from '../run/decision.js';
import type { FinishedEvent, GiveUp, RunEvent } from '../run/events.js';
import type { Instance, Run } from '../run/run.js';

/*
 * Specs in the domain's words. A dag, one task a line:       load <- clean, audit [none_failed retries=1 delay=60]
 * Mapped:     each <- list [expand=list]   pair [expand=3,other]   both [zip=a,b]   rows [kwargs=list]   many [expand=2]   inside [group=g]
 * A group:    group g [expand=list parent=outer]   group poll [loop=check max=3 atMax=succeed]
 * A script, one event a line with what must come of it:       clean failed | timer retry clean +60s
 * `play` renders the script again with what did come of it, so that a failing spec shows the table with the wrong line marked.
 */

export const NO_TASK: PlanTaskSource = {
  taskId: '', operator: 'EmptyOperator', upstream: [], triggerRule: 'all_success', retries: 0, retryDelaySeconds: 300,
  retryExponentialBackoff: 0, maxRetryDelaySeconds: null, retryPolicy: [], executionTimeoutSeconds: null, onLost: 'retry-policy', queue: 'default',
  pool: 'default_pool', poolSlots: 1, priorityWeight: 1, weightRule: 'downstream', group: null, isSetup: false, isTeardown: false,
  onFailureFailDagRun: false, owner: 'millrace',
};

export function dag(lines: string, terms: Partial<PlanSource> = {}): PlanSource {
  return { dagId: 'spec', maxActiveTasks: 16, failFast: false, dagrunTimeoutSeconds: null, tasks: rowsOf(lines).filter((row) => !row.startsWith('group ')).map(taskFrom), groups: rowsOf(lines).filter((row) => row.startsWith('group ')).map(groupFrom), ...terms };
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
    else if (name === 'policy') task.retryPolicy = value.split(';').map(retryRuleFrom);
    else if (name === 'pool') task.pool = value;
    else if (name === 'queue') task.queue = value;
    else if (name === 'perRun') task.maxActivePerRun = Number(value);
    else if (name === 'perDag') task.maxActivePerDag = Number(value);
    else if (name === 'priority') task.priorityWeight = Number(value);
    else if (name === 'onLost') task.onLost = value as PlanTaskSource['onLost'];
    else if (name === 'tells') task.callbacks = value.split('+') as NonNullable<PlanTaskSource['callbacks']>;
    else if (name === 'past') task.dependsOnPast = true;
    else if (name === 'past-below') task.waitForDownstream = true;
    else if (name === 'setup') task.isSetup = true;
    else if (name === 'teardown') task.isTeardown = true;
    else if (name === 'fails-run') task.onFailureFailDagRun = true;
    else if (name === 'group') task.group = value;
    else if (name === 'expand' || name === 'zip' || name === 'longest' || name === 'kwargs') task.expand = expansionFrom(name, value);
    else task.taskId = `unknown option ${option}`;
  }
  return task;
}

/** `HttpError:3x60s` three retries a minute apart; `HttpError:fail` none; several names with `+`. */
function retryRuleFrom(text: string): PlanTaskSource['retryPolicy'][number] {
  const [on = '', what = ''] = text.split(':');
  const [, retries, delay] = /^(\d+)?(?:x(\d+)s)?$/.exec(what) ?? [];
  return {
    on: on.split('+'), fail: what === 'fail', retries: retries === undefined ? null : Number(retries), retryDelaySeconds: delay === undefined ? null : Number(delay),
    retryExponentialBackoff: null, maxRetryDelaySeconds: null,
  };
}

function groupFrom(line: string): PlanGroupSource {
  const [, groupId = '', options = ''] = /^group ([\w.-]+)\s*(?:\[(.*)\])?$/.exec(line) ?? [];
  const given = new Map(options.split(' ').map((option) => option.split('=') as [string, string]));
  const [kind, over] = [...given].find(([name]) => name === 'expand' || name === 'zip' || name === 'kwargs') ?? [];
  const condition = given.get('loop');
  return {
    groupId,
    parent: given.get('parent') ?? null,
    expand: kind === undefined || over === undefined ? null : expansionFrom(kind, over),
    loop: condition === undefined ? null : { condition, max: Number(given.get('max') ?? 10), atMax: given.get('atMax') === 'succeed' ? 'succeed' : 'fail' },
  };
}

/** `3` is a literal of three elements, a name the result of a task, `list.rows` its XCom "rows". */
function expansionFrom(kind: string, text: string): ExpandSource {
  const parts = text.split(',').map((part): MapSource => {
    if (/^\d+$/.test(part)) return { from: 'literal', values: Array.from({ length: Number(part) }, (_, i) => i) };
    const [taskId = '', key = 'return_value'] = part.split(':');
    return { from: 'task', taskId, key };
  });
  if (kind === 'kwargs') return { kind: 'kwargs', over: parts[0] ?? { from: 'literal', values: [] } };
  if (kind === 'expand') return { kind: 'args', args: parts.map((over, i) => ({ name: `arg${i}`, over })) };
  return { kind: 'args', args: [{ name: 'pair', over: { from: 'zip', parts, longest: kind === 'longest' } }] };
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
    const ids = (list: string): InstanceId[] => list.split(/,(?![^[]*\])/).map((taskId) => this.instance(taskId)?.id ?? ('' as InstanceId));
    const wait = /^\+(\d+)s$/.exec(words.at(-1) ?? '');
    if (first === 'wait') this.nowMs += Number(/\d+/.exec(second)?.[0] ?? 0) * 1000;
    switch (first) {
      case 'start':
        return { type: 'started' };
      case 'wait':
        return { type: 'timer', kind: 'run_timeout' };
      case 'cancel':
        return { type: 'run_cancelled', by };
      case 'past':
        return { type: 'past', open: second.split(',') };
      case 'switch':
        return { type: 'switched', off: second === 'off' ? third.split(',') : [] };
      case 'run-retry':
        this.nowMs += Number(/\d+/.exec(second)?.[0] ?? 0) * 1000;
        return { type: 'timer', kind: 'run_retry' };
      case 'watch':
        return { type: 'watched' };
      case 'pause':
        return { type: 'paused', paused: true };
      case 'room':
        return { type: 'room' };
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
    const isAbout = first === 'retry' || first === 'resume' || first === 'report' || first === 'give_up';
    const instance = this.instance(isAbout ? second : first);
    if (instance === undefined) return null;
    const instanceId = instance.id;
    if (first === 'retry' || first === 'resume') return { type: 'timer', kind: first, instanceId, attemptSeq: instance.attemptSeq };
    if (first === 'give_up') return { type: 'timer', kind: `give_up_${third as GiveUp}`, instanceId, attemptSeq: instance.attemptSeq };
    if (first === 'report') return { type: 'resumed', instanceId, payload: null };
    const attemptId = instance.attemptId ?? ('' as never);
    if (second === 'granted') return { type: 'slots_granted', instanceId, askedAtMs: instance.slotsAskedAtMs ?? 0 };
    if (second === 'refused') return { type: 'slots_refused', instanceId, askedAtMs: instance.slotsAskedAtMs ?? 0, reason: 'refused' };
    if (second === 'lost') return { type: 'lost', instanceId, attemptId, reason: 'worker lost' };
    const finished: FinishedEvent = {
      type: 'finished', instanceId, attemptId, outcome: 'success', retryable: !words.includes('for-good'), error: '', resumeAtMs, branch: null, skipDownstream: '',
    };
    if (second === 'again' || second === 'stop') return { ...finished, loop: second };
    if (second === 'success' && third !== '') return { ...finished, lengths: lengthsFrom(third) };
    if (second === 'chose') return { ...finished, branch: third === 'nothing' ? [] : third.split(',') };
    if (second === 'stops') return { ...finished, skipDownstream: third === 'direct' ? 'direct' : 'all' };
    const giveUp = words.map((word) => /^(\w+)@(\d+)s$/.exec(word)).find((match) => match !== null);
    const names = words.find((word) => word.startsWith('error='))?.slice('error='.length).split(',');
    return {
      ...finished,
      outcome: second as FinishedEvent['outcome'],
      giveUp: giveUp === undefined ? undefined : { atMs: this.nowMs + Number(giveUp[2]) * 1000, as: giveUp[1] as GiveUp },
      errorNames: names,
    };
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
        case 'wait_over':
          return '';
        case 'slots':
          return `${effect.wish === 'give_back' ? 'give back' : effect.wish} slots ${this.nameOf(effect.instance.id)}`;
        case 'outbox':
          return [`owe ${effect.kind}${effect.kind === 'callback' ? ` ${effect.payload.on}` : ''}`, effect.instanceId === null ? '' : this.nameOf(effect.instanceId)].join(' ').trim();
        case 'run_finished':
          return `run ${effect.state}`;
        default:
          return effect satisfies never;
      }
    });
    return [...changes, ...history, ...effects.filter((effect) => effect !== ''), ...decision.ignored.map(({ reason }) => `ignored: ${reason}`)].join(', ');
  }

  private instance(name: string): Instance | undefined {
    const [, taskId = '', path = ''] = /^([^[]*)(?:\[(.*)\])?$/.exec(name) ?? [];
    return this.run.book.byTask[this.plan.byId.get(taskId) ?? -1]?.find((instance) => instance.indexPath.join(',') === path);
  }

  private nameOf(id: InstanceId): string {
    const instance = this.run.instances.get(id);
    if (instance === undefined) return '?';
    const path = instance.indexPath.length === 0 ? '' : `[${instance.indexPath.join(',')}]`;
    return `${this.plan.tasks[instance.task]?.taskId ?? '?'}${path}`;
  }
}

/** `3`, `no-list`, or `rows:3`. */
function lengthsFrom(text: string): Record<string, number> {
  return Object.fromEntries(text.split('+').map((part) => {
    const [key, length] = part.includes(':') ? part.split(':') : ['return_value', part];
    return [key, length === 'no-list' ? -1 : Number(length)];
  }));
}
