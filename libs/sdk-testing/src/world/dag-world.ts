import type { RunRequest } from '@millrace/contracts';
import { createRun, decide, markClaimed } from '@millrace/engine';
import type { CallbackPayload, Decision, Effect, FinishedEvent, Instance, OutboxEffect, Run, RunEvent } from '@millrace/engine';
import { TaskContext, runCallbacks } from '@millrace/execution/runner';
import { SecretMask } from '@millrace/task-logs';
import type { AttemptId, InstanceId, RunId } from '@millrace/vocabulary';
import { nameOf, outcomeOf } from '../options/outcomes.js';
import type { LogLine } from '../options/run-options.js';
import type { TestAssetEvent, TestCallback, TestRunFacts, TestTask } from '../result/test-run.js';
import { Agenda } from './agenda.js';
import { runAttempt } from './attempt.js';
import type { AttemptEnd } from './attempt.js';
import { ExternalJobs } from './external-jobs.js';
import { Lives, newLife, noteFailure } from './life.js';
import type { Life } from './life.js';
import { OtherRuns } from './other-runs.js';
import { QuestionDesk } from './question-desk.js';
import { RunRequests } from './run-requests.js';
import type { RunStart } from './run-start.js';
import { StateTable } from './state-table.js';
import { Waits } from './waits.js';
import { statesOf, whyStuck } from './why-stuck.js';
import { XComTable, inOrder } from './xcom-table.js';

/** More decisions than any run of a test takes. */
const STEPS_MAX = 1_000_000;

/**
 * One run, its scheduler, its worker and its clock, in this process. All states come from the engine; tasks run by the runner's own code. The clock
 * stands while any task works and jumps to what is next when all wait.
 */
export class DagWorld {
  private readonly agenda: Agenda;
  private readonly run: Run;
  private readonly xcoms: XComTable;
  private readonly states: StateTable;
  private readonly external: ExternalJobs;
  private readonly otherRuns: OtherRuns;
  private readonly waits: Waits;
  private readonly questions: QuestionDesk;
  private readonly requests: RunRequests;
  private readonly inbox: RunEvent[] = [];
  private readonly lives = new Lives();
  private readonly stops = new Map<AttemptId, (reason: string) => void>();
  /** The end of the last attempt of each task: one at a time, because an operator holds the values of one instance. */
  private readonly lines = new Map<string, Promise<unknown>>();
  /** Attempts and callbacks that work now: not those that wait. */
  private awake = 0;
  private stir: () => void = () => {};
  private failure: unknown = null;
  private readonly order: string[] = [];
  private readonly log: LogLine[] = [];
  private readonly callbacks: TestCallback[] = [];
  private readonly assetEvents: TestAssetEvent[] = [];

  constructor(private readonly start: RunStart) {
    const { plan, options, nowMs, document, runId } = start;
    this.agenda = new Agenda(nowMs);
    this.xcoms = new XComTable(document.dagId, runId, options.otherXComs ?? {});
    this.states = new StateTable(options.state ?? {});
    this.run = createRun(plan, {
      id: '01890000-0000-7000-8000-000000000001' as RunId, createdAtMs: nowMs, state: 'queued', paused: false, startedAtMs: null, endedAtMs: null, reason: null,
      taskSelection: options.tasks ?? null,
    });
    this.waits = new Waits(options, this.run, this.lives, this.agenda, (event) => this.tell(event));
    this.external = new ExternalJobs(this.agenda, options.platform ?? {}, (key) => this.waits.deliver(key, undefined));
    this.otherRuns = new OtherRuns(options.otherRuns ?? {}, () => this.agenda.nowMs);
    this.questions = new QuestionDesk(options, { xcoms: this.xcoms, states: this.states, external: this.external, otherRuns: this.otherRuns }, () => this.agenda.nowMs);
    this.requests = new RunRequests(start);
  }

  /** Until the run has ended. @throws Error when nothing can move it any more */
  async live(): Promise<TestRunFacts> {
    try {
      this.inbox.push({ type: 'started' });
      for (let steps = 0; steps < STEPS_MAX; steps++) {
        if (this.failure !== null) throw this.failure;
        if (this.inbox.length > 0) this.apply();
        else if (this.awake > 0) await this.stirred();
        else if (this.hasEnded) return this.facts();
        else if (this.agenda.hasNext) this.agenda.next();
        else throw new Error(this.stuck());
      }
      throw new Error(`the run did not end within ${STEPS_MAX} steps\n${statesOf(this.tasks())}`);
    } finally {
      this.requests.close();
    }
  }

  private get hasEnded(): boolean {
    return this.run.state === 'success' || this.run.state === 'failed';
  }

  private stirred(): Promise<void> {
    return new Promise((resolve) => (this.stir = resolve));
  }

  private tell(event: RunEvent): void {
    this.inbox.push(event);
    this.stir();
  }

  private apply(): void {
    for (const { id, attemptId } of this.run.instances.values()) if (attemptId !== null && this.stops.has(attemptId)) markClaimed(this.run, id, attemptId);
    const events = this.inbox.splice(0);
    const decision = decide(this.run, events, this.agenda.nowMs);
    this.noteEnds(decision);
    for (const effect of decision.effects) this.carryOut(effect);
  }

  /** The last word on a try that ended without having been run to its end here: a wait that took too long, a mark. */
  private noteEnds(decision: Decision): void {
    for (const { instance } of decision.changed) {
      const last = this.lives.known(instance.id)?.tries.at(-1);
      if (last === undefined || last.tryNumber !== instance.tryNumber || instance.state === null) continue;
      const isWaiting = instance.state === 'deferred' || instance.state === 'up_for_reschedule' || instance.state === 'awaiting_input' || instance.state === 'scheduled' || instance.state === 'queued';
      if (isWaiting || last.state === 'failed') continue;
      last.state = instance.state === 'up_for_retry' ? 'failed' : instance.state;
      last.endedAt = new Date(this.agenda.nowMs);
      if (last.error === '' && instance.reason !== null && instance.state !== 'success') last.error = instance.reason;
    }
  }

  private carryOut(effect: Effect): void {
    switch (effect.type) {
      case 'dispatch':
        this.dispatch(effect.instance, effect.attemptId);
        return;
      case 'cancel': {
        const stop = this.stops.get(effect.attemptId);
        stop?.(effect.reason);
        return;
      }
      case 'timer':
        this.waits.setTimer(effect);
        return;
      case 'wait_over':
        this.waits.dropTimers(effect.instanceId);
        return;
      case 'slots':
        if (effect.wish === 'ask' && effect.instance.slotsAskedAtMs !== null) this.tell({ type: 'slots_granted', instanceId: effect.instance.id, askedAtMs: effect.instance.slotsAskedAtMs });
        return;
      case 'outbox':
        this.owe(effect);
        return;
      case 'run_finished':
        return;
      default:
        effect satisfies never;
    }
  }

  private owe(effect: OutboxEffect): void {
    switch (effect.kind) {
      case 'callback':
        this.work(() => this.tellAuthor(effect.instanceId, effect.payload));
        return;
      case 'asset_updates':
        for (const { name, uri, extra, aliases, partitionKey } of effect.payload.updates) this.assetEvents.push({ asset: name, uri, extra, aliases, partitionKey: partitionKey ?? this.start.options.partitionKey ?? null });
        return;
      case 'past_look':
        // The first run of a dag looks back at nothing.
        this.tell({ type: 'past', open: effect.payload.taskIds });
        return;
      case 'external_stop':
      case 'past_done':
      case 'auto_pause':
      case 'watched':
        return;
      default:
        effect satisfies never;
    }
  }

  /** Something that works, until it is done; the clock stands meanwhile. */
  private work(what: () => Promise<void>): void {
    this.awake++;
    what().catch((error: unknown) => (this.failure ??= error)).finally(() => this.rest());
  }

  private rest(): void {
    this.awake--;
    this.stir();
  }

  private dispatch(instance: Instance, attemptId: AttemptId): void {
    const taskId = this.taskIdOf(instance);
    let isStopped = false;
    let abort: (reason: string) => void = () => {};
    const finish = (more: Partial<FinishedEvent>): void => {
      if (!this.stops.delete(attemptId)) return;
      this.tell({ type: 'finished', instanceId: instance.id, attemptId, outcome: 'success', retryable: true, error: '', resumeAtMs: null, branch: null, skipDownstream: '', ...more });
    };
    this.stops.set(attemptId, (reason) => {
      isStopped = true;
      abort(reason);
      finish({ outcome: 'failed', error: reason });
    });
    const before = this.lines.get(taskId) ?? Promise.resolve();
    const own = before.then(async () => {
      if (isStopped) return;
      this.awake++;
      try {
        await this.attempt(instance, attemptId, taskId, (given) => (abort = given), finish);
      } catch (error) {
        this.failure ??= error;
      } finally {
        this.rest();
      }
    });
    this.lines.set(taskId, own);
    // Between the end of one and the start of the next nothing is awake: the clock must not run away.
    this.awake++;
    void before.then(() => this.rest());
  }

  private async attempt(instance: Instance, attemptId: AttemptId, taskId: string, onBegin: (abort: (reason: string) => void) => void, finish: (more: Partial<FinishedEvent>) => void): Promise<void> {
    const { agenda } = this;
    const life = this.lives.of(instance.id);
    const startedAtMs = agenda.nowMs;
    let current = life.tries.at(-1);
    if (current === undefined || current.tryNumber !== instance.tryNumber) {
      current = { tryNumber: instance.tryNumber, state: 'running', error: '', startedAt: new Date(startedAtMs), endedAt: new Date(startedAtMs), looks: 0 };
      life.tries.push(current);
      life.resumeJson = '';
      life.resumedBy = '';
      life.payloadJson = '';
      this.xcoms.clear(taskId, instance.indexPath);
    }
    current.looks++;
    life.firstStartMs ??= startedAtMs;
    this.order.push(`${nameOf(taskId, instance.indexPath)}${instance.tryNumber > 1 ? `#${instance.tryNumber}` : ''}`);
    let stop: (reason: string) => void = () => {};
    const limit = this.start.document.tasks[instance.task]?.executionTimeoutSeconds ?? null;
    const dropLimit = limit === null ? null : agenda.at(startedAtMs + limit * 1_000, () => {
      const error = `timed out after ${limit} s (execution_timeout)`;
      if (!this.stops.has(attemptId)) return;
      stop(error);
      noteFailure(life, error, agenda.nowMs);
      finish({ outcome: 'failed', error, errorNames: ['TaskTimeout'] });
    });
    const end = await runAttempt({
      dag: this.start.dag,
      request: this.requests.of(instance, attemptId, taskId, life, startedAtMs),
      outcome: outcomeOf(this.start.options.outcomes ?? {}, taskId, instance.indexPath, instance.tryNumber),
      log: (line) => this.write({ taskId, indexPath: instance.indexPath, tryNumber: instance.tryNumber, at: new Date(agenda.nowMs), ...line }, life),
      ask: (question) => this.questions.answer(question, instance, taskId, life),
      nowMs: () => agenda.nowMs,
      pauseMs: (ms, signal) => this.sleep(ms, signal),
      onBegin: (abort) => onBegin((stop = abort)),
    });
    dropLimit?.();
    if (this.stops.has(attemptId)) this.ended(instance, taskId, life, end, finish);
  }

  private ended(instance: Instance, taskId: string, life: Life, end: AttemptEnd, finish: (more: Partial<FinishedEvent>) => void): void {
    const { ending } = end;
    life.rendered = end.rendered ?? life.rendered;
    life.indexName = end.indexName || life.indexName;
    life.thrown = end.thrown;
    for (const { key, json } of end.xcoms) this.xcoms.set(taskId, instance.indexPath, key, json);
    const resumeAtMs = ending.resumeAt === null ? null : Date.parse(ending.resumeAt);
    const giveUp = ending.giveUp === null ? undefined : { atMs: Date.parse(ending.giveUp.at), as: ending.giveUp.as as NonNullable<FinishedEvent['giveUp']>['as'] };
    const measured = this.start.plan.tasks[instance.task]?.mapping?.measuredKeys ?? null;
    if (ending.outcome === 'failed') noteFailure(life, ending.error, this.agenda.nowMs);
    const last = life.tries.at(-1);
    if (ending.outcome === 'skipped' && last !== undefined) last.error = ending.error;
    if (ending.outcome === 'deferred' || ending.outcome === 'rescheduled' || ending.outcome === 'awaiting_input') {
      life.waits++;
      life.resumeJson = ending.resumeJson;
      life.correlationKey = ending.correlationKey;
      life.defaults = ending.question?.defaults ?? null;
      life.answer = undefined;
    }
    finish({
      outcome: ending.outcome, retryable: ending.retryable, error: ending.error, errorNames: ending.errorNames, resumeAtMs, giveUp, branch: ending.branchTaskIds, skipDownstream: ending.skipDownstream,
      ...(ending.loop === null ? {} : { loop: ending.loop }), ...(measured === null || ending.outcome !== 'success' ? {} : { lengths: lengthsOf(end, measured) }),
      ...(end.outletEvents.length === 0 ? {} : { outletEvents: end.outletEvents }),
    });
    if (ending.outcome === 'deferred' && ending.correlationKey !== '') this.expectEvent(ending.correlationKey);
    if (ending.outcome === 'awaiting_input') this.waits.expectAnswer(instance, taskId, life);
  }

  /** A sleep of a task: it gives the clock free. */
  private sleep(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        drop();
        this.awake++;
        reject(signal.reason instanceof Error ? signal.reason : new Error('stopped'));
      };
      const drop = this.agenda.at(this.agenda.nowMs + ms, () => {
        signal.removeEventListener('abort', stop);
        this.awake++;
        resolve();
      });
      signal.addEventListener('abort', stop, { once: true });
      this.rest();
    });
  }

  private expectEvent(key: string): void {
    if (this.external.hasEnded(key)) return this.waits.deliver(key, undefined);
    if (this.waits.expectEvent(key)) return;
    const other = this.otherRuns.dagOf(key);
    if (other !== null && this.otherRuns.stateOf(other) !== 'running') this.waits.deliver(key, undefined);
  }

  private async tellAuthor(instanceId: InstanceId | null, payload: CallbackPayload): Promise<void> {
    const instance = instanceId === null ? undefined : this.run.instances.get(instanceId);
    const { dag, document } = this.start;
    const taskId = payload.taskId ?? '';
    const life = instance === undefined ? newLife() : this.lives.of(instance.id);
    const request: RunRequest = {
      ...this.requests.of(instance ?? null, `callback-${this.callbacks.length}` as AttemptId, taskId, life, this.agenda.nowMs),
      callback: { id: `callback-${this.callbacks.length}`, on: payload.on, reason: payload.reason, state: instance?.state ?? this.run.state, deadline: null },
    };
    const log = { write: (_: string, level: LogLine['level'], message: string) => this.write({ taskId, indexPath: instance?.indexPath ?? [], tryNumber: payload.tryNumber, level, message, at: new Date(this.agenda.nowMs) }, life) };
    const context = new TaskContext(request, log, new SecretMask(), (question) => (instance === undefined ? Promise.resolve({ json: null }) : this.questions.answer(question, instance, taskId, life)), () => this.agenda.nowMs);
    let error: unknown = null;
    try {
      await runCallbacks(new Map([[document.dagId, dag]]), request, request.callback!, context);
    } catch (thrown) {
      error = thrown;
    }
    this.callbacks.push({ on: payload.on, taskId: payload.taskId, reason: payload.reason, error });
  }

  private write(line: LogLine, life: Life): void {
    this.log.push(line);
    life.log.push(line.message);
    this.start.options.onLog?.(line);
  }

  private taskIdOf(instance: Instance): string {
    return this.start.plan.tasks[instance.task]?.taskId ?? '';
  }

  private facts(): TestRunFacts {
    const { document, runId } = this.start;
    const { run, agenda } = this;
    return {
      dagId: document.dagId, runId, state: run.state as 'success', reason: run.reason, startedAt: new Date(run.startedAtMs ?? agenda.nowMs), endedAt: new Date(run.endedAtMs ?? agenda.nowMs),
      tasks: this.tasks(), order: this.order, log: this.log, callbacks: this.callbacks, assetEvents: this.assetEvents, triggered: this.otherRuns.triggered, storedState: this.states.values(),
    };
  }

  private tasks(): TestTask[] {
    const shown = [...this.run.instances.values()].filter((instance) => !(instance.state === 'removed' && instance.expandedTo !== null));
    shown.sort((a, b) => a.task - b.task || inOrder(a.indexPath, b.indexPath));
    return shown.map((instance) => {
      const taskId = this.taskIdOf(instance);
      const life = this.lives.known(instance.id) ?? newLife();
      const xcoms = this.xcoms.of(taskId, instance.indexPath);
      return {
        taskId, indexPath: instance.indexPath, name: nameOf(taskId, instance.indexPath), state: instance.state, reason: instance.reason, tryNumber: instance.tryNumber, tries: life.tries,
        returnValue: xcoms['return_value'] ?? null, xcoms, rendered: life.rendered, log: life.log, indexName: life.indexName, thrown: life.thrown,
      };
    });
  }

  private stuck(): string {
    const waiting = [...this.run.instances.values()].filter(({ state }) => state === 'deferred' || state === 'awaiting_input').map((instance) => {
      const taskId = this.taskIdOf(instance);
      return { instance, taskId, name: nameOf(taskId, instance.indexPath), life: this.lives.of(instance.id) };
    });
    return `${whyStuck(waiting, this.otherRuns)}\n${statesOf(this.tasks())}`;
  }
}

/** How long the XComs are that somebody maps over; -1: neither list nor object. */
function lengthsOf(end: AttemptEnd, keys: readonly string[]): Record<string, number> {
  return Object.fromEntries(end.xcoms.filter(({ key }) => keys.includes(key)).map(({ key, json }) => {
    const value: unknown = JSON.parse(json);
    return [key, Array.isArray(value) ? value.length : typeof value === 'object' && value !== null ? Object.keys(value).length : -1];
  }));
}
