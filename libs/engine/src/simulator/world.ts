import type { AttemptId, InstanceId } from '@millrace/vocabulary';
import type { Plan, PlanTask } from '../graph/plan.js';
import { loadRun } from '../run/create-run.js';
import type { Effect } from '../run/decision.js';
import type { FinishedEvent, RunEvent } from '../run/events.js';
import type { Run } from '../run/run.js';
import { Agenda } from './agenda.js';
import { Checker } from './checker.js';
import type { Random } from './random.js';
import { BRANCH, SHORT_CIRCUIT } from './random-dag.js';
import type { Engine } from './engine.js';
import { Store } from './store.js';
import { reportsOf, waitOf } from './waits.js';

const START_MS = 1_700_000_000_000;
const LEASE_MS = 15_000;
const REPUBLISH_MS = 5_000;
/** A run that takes more steps than this will not end. */
const STEPS_MAX = 60_000;

type Action =
  | { readonly do: 'apply' }
  | { readonly do: 'event'; readonly event: RunEvent }
  | { readonly do: 'message'; readonly instanceId: InstanceId; readonly attemptId: AttemptId }
  | { readonly do: 'republish'; readonly instanceId: InstanceId; readonly attemptId: AttemptId }
  | { readonly do: 'admit' }
  | { readonly do: 'person' };

interface Cache {
  run: Run;
  version: number;
}

/** Schedulers with caches of different age, workers that die, a broker that drops, doubles and reorders, people who interfere. */
export class World {
  readonly store: Store;
  readonly checker: Checker;
  private readonly agenda = new Agenda<Action>(START_MS);
  private readonly inbox: RunEvent[] = [];
  private readonly caches: (Cache | null)[] = [null, null, null];
  private readonly pausedAtFirst: boolean;
  private readonly knownClaims = new Set<AttemptId>();
  private isApplyDue = false;
  private interferences: number;

  constructor(private readonly plan: Plan, private readonly random: Random, private readonly engine: Engine) {
    this.pausedAtFirst = random.chance(0.05);
    const selection = random.chance(0.1) ? random.some(plan.tasks, 0.6).map((task) => task.taskId) : null;
    this.store = new Store(START_MS, this.pausedAtFirst, selection, plan);
    this.checker = new Checker(this.store, engine);
    this.interferences = random.chance(0.4) ? random.between(1, 6) : 0;
  }

  /** Until the run has ended and nothing is to come. */
  live(): void {
    this.agenda.in(0, { do: 'event', event: { type: 'started' } });
    if (this.pausedAtFirst) this.agenda.in(30_000, { do: 'event', event: { type: 'paused', paused: false } });
    for (let i = 0; i < this.interferences; i++) this.agenda.in(this.random.between(0, 120_000), { do: 'person' });
    let steps = 0;
    for (let action = this.agenda.next(); action !== undefined; action = this.agenda.next()) {
      if (++steps > STEPS_MAX || this.checker.violations.length > 0) break;
      this.act(action);
    }
    const { state } = this.store.facts;
    if (this.checker.violations.length > 0) return;
    if (state !== 'success' && state !== 'failed') {
      const left = [...this.store.rows.values()].filter((row) => row.endedAtMs === null).map((row) => `${row.taskId} ${row.state ?? 'none'}`);
      this.checker.violated('every run ends', `${state} after ${steps} steps; ${left.slice(0, 5).join(', ')}`);
      return;
    }
    this.checker.endsAsItsLeaves();
    this.checker.replays(this.pausedAtFirst);
  }

  private act(action: Action): void {
    switch (action.do) {
      case 'event':
        this.inbox.push(action.event);
        this.ring();
        return;
      case 'apply':
        this.isApplyDue = false;
        this.apply();
        return;
      case 'message':
        this.claim(action.instanceId, action.attemptId);
        return;
      case 'republish':
        this.republish(action);
        return;
      case 'admit':
        this.admit();
        return;
      case 'person':
        this.interfere();
        return;
      default:
        action satisfies never;
    }
  }

  private ring(): void {
    if (this.isApplyDue) return;
    this.isApplyDue = true;
    this.agenda.in(this.random.between(0, 40), { do: 'apply' });
  }

  private apply(): void {
    if (this.inbox.length === 0) return;
    const { random, store } = this;
    const nowMs = this.agenda.nowMs;
    const claims = this.claims();
    const events = [...claims, ...this.inbox];
    const who = random.between(0, this.caches.length - 1);
    const cached = this.caches[who];
    // A scheduler that does not know of newer versions decides in vain, and notices.
    const isStale = cached != null && cached.version !== store.version;
    if (isStale && random.chance(0.3)) {
      const decision = this.engine.decide(cached.run, events, nowMs);
      if (store.commit(cached.version, cached.run, events, nowMs, decision)) this.checker.violated('a stale decision is not written', `${cached.version}`);
    }
    const cache = cached == null || isStale ? this.load() : cached;
    this.caches[who] = cache;
    const decision = this.engine.decide(cache.run, events, nowMs);
    if (random.chance(0.03)) {
      // The commit failed: the memory is ahead of the truth; the events are still there.
      this.caches[who] = null;
      this.ring();
      return;
    }
    this.checker.heedsOnlyTheCurrent(events, decision);
    store.commit(cache.version, cache.run, events, nowMs, decision);
    cache.version = store.version;
    this.inbox.length = 0;
    for (const claim of claims) this.knownClaims.add(claim.attemptId);
    this.checker.committed(cache.run, decision);
    if (random.chance(0.2)) this.checker.sameWhenLoaded(cache.run);
    if (store.version % 4 === 0) this.checker.saysWhy(cache.run);
    // Told late, twice, or in another order, or never (the republisher finds those).
    for (const effect of decision.effects) this.carryOut(effect);
  }

  private load(): Cache {
    // Rows come in any order.
    const rows = [...this.store.rows.values()];
    return { run: loadRun(this.engine.plan(this.plan), this.store.facts, this.random.chance(0.5) ? rows.reverse() : rows), version: this.store.version };
  }

  /** Claims are in the rows only; in front of the events they make a replay see what the schedulers saw. */
  private claims(): Extract<RunEvent, { type: 'claimed' }>[] {
    const isNeeded = this.inbox.some((event) => event.type !== 'started' && (event.type !== 'timer' || (event.kind !== 'retry' && event.kind !== 'resume')));
    if (!isNeeded) return [];
    return [...this.store.rows.values()].flatMap((row) =>
      row.state === 'running' && row.attemptId !== null && !this.knownClaims.has(row.attemptId)
        ? [{ type: 'claimed' as const, instanceId: row.id, attemptId: row.attemptId }]
        : [],
    );
  }

  private carryOut(effect: Effect): void {
    const { random, agenda } = this;
    switch (effect.type) {
      case 'dispatch': {
        const message = { instanceId: effect.instance.id, attemptId: effect.attemptId };
        if (!random.chance(0.05)) agenda.in(random.between(0, 300), { do: 'message', ...message });
        if (random.chance(0.05)) agenda.in(random.between(0, 30_000), { do: 'message', ...message });
        agenda.in(REPUBLISH_MS, { do: 'republish', ...message });
        if (random.chance(0.02)) {
          agenda.in(random.between(0, 2_000), { do: 'event', event: { type: 'lost', ...message, reason: 'given back before it started' } });
        }
        return;
      }
      case 'cancel':
        agenda.in(random.between(0, 3_000), { do: 'event', event: finished(effect.instanceId, effect.attemptId, { outcome: 'failed', error: effect.reason }) });
        return;
      case 'timer': {
        const { kind, instanceId, attemptSeq } = effect;
        const event: RunEvent | null = kind === 'run_timeout' ? { type: 'timer', kind } : instanceId === null ? null : { type: 'timer', kind, instanceId, attemptSeq };
        if (event === null) return;
        agenda.at(effect.dueAtMs, { do: 'event', event });
        if (random.chance(0.1)) agenda.at(effect.dueAtMs + random.between(0, 60_000), { do: 'event', event });
        return;
      }
      case 'slots':
        agenda.in(random.between(0, 20), { do: 'admit' });
        return;
      case 'wait_over':
      case 'outbox':
      case 'run_finished':
        return;
      default:
        effect satisfies never;
    }
  }

  /** Slots are granted by the rows; who got some hears of it late, twice, or only when somebody looks again. */
  private admit(): void {
    const { store, random, agenda } = this;
    store.slots.admit();
    let isLeft = false;
    for (const [instanceId, row] of store.slots.rows) {
      if (row.state !== 'granted' || store.rows.get(instanceId)?.state !== 'scheduled') continue;
      isLeft = true;
      const event: RunEvent = { type: 'slots_granted', instanceId, askedAtMs: row.askedAtMs };
      if (!random.chance(0.2)) agenda.in(random.between(0, 500), { do: 'event', event });
      if (random.chance(0.1)) agenda.in(random.between(0, 10_000), { do: 'event', event });
    }
    if (isLeft) agenda.in(1_000, { do: 'admit' });
  }

  private republish(message: { readonly instanceId: InstanceId; readonly attemptId: AttemptId }): void {
    const row = this.store.rows.get(message.instanceId);
    if (row?.state !== 'queued' || row.attemptId !== message.attemptId) return;
    const { instanceId, attemptId } = message;
    if (!this.random.chance(0.2)) this.agenda.in(0, { do: 'message', instanceId, attemptId });
    this.agenda.in(REPUBLISH_MS, { do: 'republish', instanceId, attemptId });
  }

  /** A conditional update of the row, as workers do; then the attempt lives its life. */
  private claim(instanceId: InstanceId, attemptId: AttemptId): void {
    const row = this.store.rows.get(instanceId);
    if (row?.state !== 'queued' || row.attemptId !== attemptId) return;
    this.store.rows.set(instanceId, { ...row, state: 'running' });
    this.checker.attemptStarted(attemptId);
    const { random, agenda } = this;
    const durationMs = random.chance(0.7) ? random.between(0, 500) : random.between(0, 20_000);
    const end = this.endOf(instanceId, attemptId, row.taskId);
    if (random.chance(0.04)) {
      // The worker is gone or frozen: the lease ends, and its word comes too late or never.
      agenda.in(durationMs + LEASE_MS, { do: 'event', event: { type: 'lost', instanceId, attemptId, reason: 'worker lost', started: true } });
      if (random.chance(0.5)) agenda.in(durationMs + LEASE_MS + random.between(0, 20_000), { do: 'event', event: end });
      return;
    }
    agenda.in(durationMs, { do: 'event', event: end });
    if (random.chance(0.05)) agenda.in(durationMs + random.between(0, 20_000), { do: 'event', event: end });
    for (const report of reportsOf(random, end)) agenda.in(durationMs + report.afterMs, { do: 'event', event: report.event });
  }

  private endOf(instanceId: InstanceId, attemptId: AttemptId, taskId: string): FinishedEvent {
    const { random, plan } = this;
    const task = plan.tasks[plan.byId.get(taskId) ?? -1];
    const dice = random.next();
    if (dice < 0.12) return finished(instanceId, attemptId, { outcome: 'failed', error: 'failed', retryable: random.chance(0.9), errorNames: ['failed'] });
    if (dice < 0.16) return finished(instanceId, attemptId, { outcome: 'skipped' });
    if (dice < 0.2) {
      return finished(instanceId, attemptId, waitOf(random, this.agenda.nowMs));
    }
    if (dice < 0.23) return finished(instanceId, attemptId, { outcome: 'rescheduled', resumeAtMs: this.agenda.nowMs + random.between(0, 60_000) });
    const below = (task?.downstreamTasks ?? []).map((position) => plan.tasks[position]?.taskId ?? '');
    if (task?.operator === BRANCH) return finished(instanceId, attemptId, { branch: random.chance(0.03) ? ['nowhere'] : random.some(this.choices(task, below), 0.5) });
    if (task?.operator === SHORT_CIRCUIT) return finished(instanceId, attemptId, { skipDownstream: random.pick(['', 'all', 'direct'] as const) ?? '' });
    return finished(instanceId, attemptId, mappingOf(random, task));
  }

  /** Tasks directly below, or the groups they are in. */
  private choices(task: PlanTask | undefined, below: readonly string[]): readonly string[] {
    const { plan, random } = this;
    return below.map((taskId) => {
      const group = plan.tasks[plan.byId.get(taskId) ?? -1]?.group ?? null;
      return group !== null && group !== task?.group && random.chance(0.5) ? group : taskId;
    });
  }

  private interfere(): void {
    const { random, agenda } = this;
    const rows = [...this.store.rows.values()];
    const few = random.some(rows, random.pick([0.1, 0.5]) ?? 0.1).map((row) => row.id);
    const say = (event: RunEvent): void => agenda.in(0, { do: 'event', event });
    const by = 'admin';
    const dice = random.between(0, 9);
    if (dice < 4) say({ type: 'cleared', instanceIds: few, by });
    else if (dice < 7) say({ type: 'marked', instanceIds: few, state: random.pick(['success', 'failed', 'skipped'] as const) ?? 'success', by });
    else if (dice < 8) {
      say({ type: 'paused', paused: true });
      agenda.in(random.between(1_000, 60_000), { do: 'event', event: { type: 'paused', paused: false } });
    } else if (dice < 9) say({ type: 'run_marked', state: random.pick(['success', 'failed'] as const) ?? 'failed', by });
    else {
      say({ type: 'run_marked', state: 'queued', by });
      agenda.in(random.between(0, 5_000), { do: 'event', event: { type: 'started' } });
    }
  }
}

function finished(instanceId: InstanceId, attemptId: AttemptId, more: Partial<FinishedEvent>): FinishedEvent {
  return { type: 'finished', instanceId, attemptId, outcome: 'success', retryable: true, error: '', resumeAtMs: null, branch: null, skipDownstream: '', ...more };
}

/** What a success tells of what is expanded over it, and of the loop it is the condition of. */
function mappingOf(random: Random, task: PlanTask | undefined): Partial<FinishedEvent> {
  const mapping = task?.mapping ?? null;
  if (mapping === null) return {};
  const loop = mapping.conditionOf >= 0 ? { loop: random.chance(0.55) ? ('again' as const) : ('stop' as const) } : {};
  if (mapping.measuredKeys === null) return loop;
  const dice = random.next();
  const lengths: Record<string, number> = dice < 0.03 ? {} : { return_value: dice < 0.06 ? -1 : random.between(0, 3) };
  return { ...loop, lengths };
}
