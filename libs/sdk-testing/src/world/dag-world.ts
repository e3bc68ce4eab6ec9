import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DagDocument, RunRequest, RunnerAnswer, RunnerQuestion } from '@millrace/contracts';
import { createRun, decide, markClaimed } from '@millrace/engine';
import type { CallbackPayload, Decision, Effect, FinishedEvent, Instance, OutboxEffect, Plan, Run, RunEvent } from '@millrace/engine';
import { TaskContext, runCallbacks } from '@millrace/execution/runner';
import type { DagLike } from '@millrace/execution/runner';
import { secondsOf } from '@millrace/sdk';
import { SecretMask } from '@millrace/task-logs';
import { XCOM_MAX_BYTES } from '@millrace/vocabulary';
import type { AttemptId, InstanceId, RunId } from '@millrace/vocabulary';
import { assetEventsJson, connectionJson, variableText } from '../options/fakes.js';
import { nameOf, outcomeOf } from '../options/outcomes.js';
import type { LogLine, RunDagOptions } from '../options/run-options.js';
import type { TestAssetEvent, TestCallback, TestRunFacts, TestTask, TestTry } from '../result/test-run.js';
import { Agenda } from './agenda.js';
import { runAttempt } from './attempt.js';
import type { AttemptEnd } from './attempt.js';
import { ExternalJobs } from './external-jobs.js';
import { StateTable } from './state-table.js';
import { XComTable, inOrder } from './xcom-table.js';

/** A run as it is before it starts. */
export interface RunStart {
  readonly dag: DagLike;
  readonly document: DagDocument;
  readonly plan: Plan;
  readonly options: RunDagOptions;
  readonly nowMs: number;
  readonly runId: string;
  readonly logicalDate: string | null;
  readonly intervalStart: string | null;
  readonly intervalEnd: string | null;
  /** Dag params overlaid by conf. */
  readonly params: Readonly<Record<string, unknown>>;
}

/** What is known of an instance besides its row. */
interface Life {
  readonly tries: { -readonly [K in keyof TestTry]: TestTry[K] }[];
  readonly log: string[];
  rendered: Readonly<Record<string, unknown>>;
  indexName: string;
  thrown: unknown;
  firstStartMs: number | null;
  /** Attempts that ended in waiting. */
  waits: number;
  resumeJson: string;
  correlationKey: string;
  /** What ended the last wait; empty: none did. */
  resumedBy: '' | 'time' | 'event' | 'timeout';
  payloadJson: string;
  answer: unknown;
  /** Of its question to a person. */
  defaults: readonly string[] | null;
}

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
  private readonly inbox: RunEvent[] = [];
  private readonly lives = new Map<InstanceId, Life>();
  private readonly stops = new Map<AttemptId, (reason: string) => void>();
  /** The end of the last attempt of each task: one at a time, because an operator holds the values of one instance. */
  private readonly lines = new Map<string, Promise<unknown>>();
  /** Attempts and callbacks that work now: not those that wait. */
  private awake = 0;
  private stir: () => void = () => {};
  private failure: unknown = null;
  private scratch: string | null = null;
  private readonly waitTimers = new Map<InstanceId, (() => void)[]>();
  private readonly order: string[] = [];
  private readonly log: LogLine[] = [];
  private readonly callbacks: TestCallback[] = [];
  private readonly assetEvents: TestAssetEvent[] = [];
  private readonly triggered: { dagId: string; runId: string; conf: Readonly<Record<string, unknown>> }[] = [];

  constructor(private readonly start: RunStart) {
    const { plan, options, nowMs, document, runId } = start;
    this.agenda = new Agenda(nowMs);
    this.xcoms = new XComTable(document.dagId, runId, options.otherXComs ?? {});
    this.states = new StateTable(options.state ?? {});
    this.external = new ExternalJobs(this.agenda, options.platform ?? {}, (key) => this.deliver(key, undefined));
    this.run = createRun(plan, {
      id: '01890000-0000-7000-8000-000000000001' as RunId, createdAtMs: nowMs, state: 'queued', paused: false, startedAtMs: null, endedAtMs: null, reason: null,
      taskSelection: options.tasks ?? null,
    });
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
      throw new Error(`the run did not end within ${STEPS_MAX} steps\n${this.describe()}`);
    } finally {
      if (this.scratch !== null) rmSync(this.scratch, { recursive: true, force: true });
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
      const last = this.lives.get(instance.id)?.tries.at(-1);
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
        this.setTimer(effect);
        return;
      case 'wait_over':
        this.dropTimers(effect.instanceId);
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

  private setTimer({ kind, instanceId, attemptSeq, dueAtMs }: Extract<Effect, { type: 'timer' }>): void {
    if (kind === 'run_timeout' || kind === 'run_retry') {
      this.agenda.at(dueAtMs, () => this.tell({ type: 'timer', kind }));
      return;
    }
    if (instanceId === null) return;
    const drop = this.agenda.at(dueAtMs, () => {
      const instance = this.run.instances.get(instanceId);
      if (instance === undefined || instance.attemptSeq !== attemptSeq) return;
      if (kind === 'resume' || kind === 'give_up_resume') this.waitEnds(instanceId, kind === 'resume' ? 'time' : 'timeout');
      this.tell({ type: 'timer', kind, instanceId, attemptSeq });
    });
    if (kind === 'retry') return;
    this.waitTimers.set(instanceId, [...(this.waitTimers.get(instanceId) ?? []), drop]);
  }

  private dropTimers(instanceId: InstanceId): void {
    for (const drop of this.waitTimers.get(instanceId) ?? []) drop();
    this.waitTimers.delete(instanceId);
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
    const life = this.lifeOf(instance.id);
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
      this.noteFailure(life, error);
      finish({ outcome: 'failed', error, errorNames: ['TaskTimeout'] });
    });
    const end = await runAttempt({
      dag: this.start.dag,
      request: this.requestOf(instance, attemptId, taskId, life, startedAtMs),
      outcome: outcomeOf(this.start.options.outcomes ?? {}, taskId, instance.indexPath, instance.tryNumber),
      log: (line) => this.write({ taskId, indexPath: instance.indexPath, tryNumber: instance.tryNumber, at: new Date(agenda.nowMs), ...line }, life),
      ask: (question) => this.answer(question, instance, taskId, life),
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
    if (ending.outcome === 'failed') this.noteFailure(life, ending.error);
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
    if (ending.outcome === 'awaiting_input') this.expectAnswer(instance, taskId, life);
  }

  private noteFailure(life: Life, error: string): void {
    const last = life.tries.at(-1);
    if (last === undefined) return;
    last.state = 'failed';
    last.error = error;
    last.endedAt = new Date(this.agenda.nowMs);
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
    if (this.external.hasEnded(key)) return this.deliver(key, undefined);
    const event = this.start.options.events?.[key];
    if (event === undefined) {
      if (key.startsWith(OTHER_RUN) && this.stateOfOther(key.slice(OTHER_RUN.length)) !== 'running') this.deliver(key, undefined);
      return;
    }
    this.agenda.at(this.agenda.nowMs + (event.after === undefined ? 0 : secondsOf(event.after, `events["${key}"].after`) * 1_000), () => this.deliver(key, event.payload));
  }

  /** Whoever waits for the key goes on. After the decision that makes it wait. */
  private deliver(key: string, payload: unknown): void {
    this.agenda.at(this.agenda.nowMs, () => {
      for (const [instanceId, life] of this.lives) {
        if (life.correlationKey !== key || this.run.instances.get(instanceId)?.state !== 'deferred') continue;
        life.payloadJson = payload === undefined ? '' : JSON.stringify(payload);
        this.waitEnds(instanceId, 'event');
        this.tell({ type: 'resumed', instanceId, payload: payload ?? null });
      }
    });
  }

  private expectAnswer(instance: Instance, taskId: string, life: Life): void {
    const given = this.start.options.answers?.[nameOf(taskId, instance.indexPath)] ?? this.start.options.answers?.[taskId];
    if (given === undefined) return;
    const answer = typeof given === 'string' ? { chosenOptions: [given] } : given;
    const { attemptSeq } = instance;
    this.agenda.at(this.agenda.nowMs + ('after' in answer && answer.after !== undefined ? secondsOf(answer.after, `answers["${taskId}"].after`) * 1_000 : 0), () => {
      if (this.run.instances.get(instance.id)?.state !== 'awaiting_input') return;
      const who = 'respondedBy' in answer && answer.respondedBy !== undefined ? answer.respondedBy : 'tester';
      life.answer = { chosenOptions: answer.chosenOptions, paramsInput: ('paramsInput' in answer ? answer.paramsInput : undefined) ?? {}, respondedBy: { id: who, name: who }, respondedAt: new Date(this.agenda.nowMs).toISOString() };
      this.waitEnds(instance.id, 'event');
      this.tell({ type: 'resumed', instanceId: instance.id, payload: null, attemptSeq });
    });
  }

  private waitEnds(instanceId: InstanceId, by: Life['resumedBy']): void {
    const life = this.lifeOf(instanceId);
    life.resumedBy = by;
    if (by !== 'event') life.payloadJson = '';
    life.correlationKey = '';
  }

  private async tellAuthor(instanceId: InstanceId | null, payload: CallbackPayload): Promise<void> {
    const instance = instanceId === null ? undefined : this.run.instances.get(instanceId);
    const { dag, document } = this.start;
    const taskId = payload.taskId ?? '';
    const life = instance === undefined ? newLife() : this.lifeOf(instance.id);
    const request: RunRequest = {
      ...this.requestOf(instance ?? null, `callback-${this.callbacks.length}` as AttemptId, taskId, life, this.agenda.nowMs),
      callback: { id: `callback-${this.callbacks.length}`, on: payload.on, reason: payload.reason, state: instance?.state ?? this.run.state, deadline: null },
    };
    const log = { write: (_: string, level: LogLine['level'], message: string) => this.write({ taskId, indexPath: instance?.indexPath ?? [], tryNumber: payload.tryNumber, level, message, at: new Date(this.agenda.nowMs) }, life) };
    const context = new TaskContext(request, log, new SecretMask(), (question) => (instance === undefined ? Promise.resolve({ json: null }) : this.answer(question, instance, taskId, life)), () => this.agenda.nowMs);
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

  private requestOf(instance: Instance | null, attemptId: AttemptId, taskId: string, life: Life, startMs: number): RunRequest {
    const { document, options, runId, logicalDate, intervalStart, intervalEnd, params, nowMs } = this.start;
    const task = instance === null ? undefined : document.tasks[instance.task];
    const conf = options.conf ?? {};
    const own = task === undefined || Object.keys(task.params).length === 0 ? params : { ...params, ...task.params, ...conf };
    const scratch = (): string => (this.scratch ??= mkdtempSync(join(tmpdir(), 'millrace-test-')));
    return {
      type: 'run', attemptId, instanceId: instance?.id ?? '', dagId: document.dagId, runId, taskId, indexPath: instance?.indexPath ?? [], tryNumber: instance?.tryNumber ?? 0, maxTries: instance?.maxTries ?? 0,
      bundleFile: '', logFile: '', logicalDate, dataIntervalStart: intervalStart, dataIntervalEnd: intervalEnd, runAfter: new Date(nowMs).toISOString(), runType: options.runType ?? 'manual',
      startDate: new Date(startMs).toISOString(), confJson: JSON.stringify(conf), paramsJson: JSON.stringify(own), resumeJson: life.resumeJson,
      wait: life.waits === 0 && life.tries.length <= 1 ? null : { firstStartDate: new Date(life.firstStartMs ?? startMs).toISOString(), looks: life.waits, resumedBy: life.resumedBy, payloadJson: life.payloadJson },
      partitionKey: options.partitionKey ?? null, owner: task?.owner ?? '', queue: task?.queue ?? '', traceparent: '',
      get scratchDir() {
        return join(scratch(), attemptId);
      },
      get runScratchDir() {
        return document.placement === 'single-worker' ? join(scratch(), 'run') : null;
      },
      placementGeneration: document.placement === 'single-worker' ? 1 : 0, xcomMaxBytes: XCOM_MAX_BYTES,
    };
  }

  private async answer(question: RunnerQuestion, instance: Instance, taskId: string, life: Life): Promise<RunnerAnswer> {
    const { options } = this.start;
    switch (question.ask) {
      case 'xcom':
        return this.xcoms.answer(question);
      case 'variable':
        return { json: options.variables !== undefined && Object.hasOwn(options.variables, question.key) ? variableText(options.variables[question.key]) : null };
      case 'connection': {
        const given = options.connections !== undefined && Object.hasOwn(options.connections, question.connectionId) ? options.connections[question.connectionId] : undefined;
        return { json: given === undefined ? null : connectionJson(question.connectionId, given) };
      }
      case 'latestRun':
        return { json: String(options.isLatestRun ?? true) };
      case 'state':
        return this.states.answer(taskId, question);
      case 'external':
        return { json: JSON.stringify(this.external.answer(taskId, instance.id, instance.tryNumber, question)) };
      case 'answer':
        return { json: this.answerOf(life, question.takeDefaults) };
      case 'otherRun':
        return { json: JSON.stringify(this.otherRun(question.operation, JSON.parse(question.json) as Record<string, unknown>)) };
      case 'assetEvents': {
        const all = question.triggering ? (options.triggeringAssetEvents ?? []) : (options.assetEvents ?? []).filter((event) => event.asset === question.name || event.asset === question.alias);
        return { json: assetEventsJson(question.ascending ? all.slice(-question.limit) : [...all].reverse().slice(0, question.limit), this.agenda.nowMs) };
      }
      default:
        return question satisfies never;
    }
  }

  private answerOf(life: Life, takeDefaults: boolean): string | null {
    if (life.answer !== undefined) return JSON.stringify(life.answer);
    return takeDefaults && life.resumedBy === 'timeout' ? JSON.stringify({ chosenOptions: life.defaults ?? [], paramsInput: {}, respondedBy: null, respondedAt: new Date(this.agenda.nowMs).toISOString() }) : null;
  }

  private stateOfOther(dagId: string): string {
    return this.start.options.otherRuns?.[dagId] ?? 'success';
  }

  private otherRun(operation: 'trigger' | 'look', asked: Record<string, unknown>): unknown {
    const dagId = String(asked['dagId']);
    const state = this.stateOfOther(dagId);
    const key = asked['wait'] === true || asked['watch'] === true ? `${OTHER_RUN}${dagId}` : null;
    if (operation === 'trigger') {
      const runId = typeof asked['runId'] === 'string' ? asked['runId'] : `manual__${new Date(this.agenda.nowMs).toISOString()}`;
      this.triggered.push({ dagId, runId, conf: (asked['conf'] ?? {}) as Record<string, unknown> });
      return { outcome: 'made', dagId, runId, state, key };
    }
    const isAmong = (name: string, fallback: string[]): boolean => ((asked[name] as string[] | undefined) ?? fallback).includes(state);
    const verdict = isAmong('allowed', ['success']) ? 'allowed' : isAmong('failed', []) ? 'failed' : isAmong('skipped', []) ? 'skipped' : 'waiting';
    const runIds = typeof asked['runId'] === 'string' ? [asked['runId']] : ((asked['dates'] as string[] | undefined) ?? ['']).map((date) => `scheduled__${date}`);
    return { verdict, key, found: runIds.map((runId) => ({ runId, logicalDate: runId.split('__')[1] ?? null, state })), unknown: [] };
  }

  private lifeOf(id: InstanceId): Life {
    let life = this.lives.get(id);
    if (life === undefined) this.lives.set(id, (life = newLife()));
    return life;
  }

  private taskIdOf(instance: Instance): string {
    return this.start.plan.tasks[instance.task]?.taskId ?? '';
  }

  private facts(): TestRunFacts {
    const { document, runId } = this.start;
    const { run, agenda } = this;
    return {
      dagId: document.dagId, runId, state: run.state as 'success', reason: run.reason, startedAt: new Date(run.startedAtMs ?? agenda.nowMs), endedAt: new Date(run.endedAtMs ?? agenda.nowMs),
      tasks: this.tasks(), order: this.order, log: this.log, callbacks: this.callbacks, assetEvents: this.assetEvents, triggered: this.triggered, storedState: this.states.values(),
    };
  }

  private tasks(): TestTask[] {
    const shown = [...this.run.instances.values()].filter((instance) => !(instance.state === 'removed' && instance.expandedTo !== null));
    shown.sort((a, b) => a.task - b.task || inOrder(a.indexPath, b.indexPath));
    return shown.map((instance) => {
      const taskId = this.taskIdOf(instance);
      const life = this.lives.get(instance.id) ?? newLife();
      const xcoms = this.xcoms.of(taskId, instance.indexPath);
      return {
        taskId, indexPath: instance.indexPath, name: nameOf(taskId, instance.indexPath), state: instance.state, reason: instance.reason, tryNumber: instance.tryNumber, tries: life.tries,
        returnValue: xcoms['return_value'] ?? null, xcoms, rendered: life.rendered, log: life.log, indexName: life.indexName, thrown: life.thrown,
      };
    });
  }

  private stuck(): string {
    const waiting = [...this.run.instances.values()].filter((instance) => instance.state === 'deferred' || instance.state === 'awaiting_input').map((instance) => {
      const life = this.lifeOf(instance.id);
      const name = nameOf(this.taskIdOf(instance), instance.indexPath);
      if (instance.state === 'awaiting_input') return `"${name}" waits for the answer of a person: give it with answers: { ${JSON.stringify(this.taskIdOf(instance))}: … }`;
      if (life.correlationKey.startsWith('external:')) return `"${name}" waits for what a platform reports: give it with platform: { ${JSON.stringify(this.taskIdOf(instance))}: { state: 'success', result: … } }`;
      if (life.correlationKey.startsWith(OTHER_RUN)) return `"${name}" waits for a run of dag "${life.correlationKey.slice(OTHER_RUN.length)}", which is ${this.stateOfOther(life.correlationKey.slice(OTHER_RUN.length))}: see otherRuns`;
      return `"${name}" waits for the event ${JSON.stringify(life.correlationKey)}: give it with events: { ${JSON.stringify(life.correlationKey)}: { payload: … } }`;
    });
    return `the run would wait for ever${waiting.length === 0 ? '' : `; ${waiting.join('; ')}`}\n${this.describe()}`;
  }

  private describe(): string {
    return this.tasks().map(({ name, state }) => `  ${name}: ${state ?? 'none'}`).join('\n');
  }
}

const OTHER_RUN = 'other-run:';

function newLife(): Life {
  return { tries: [], log: [], rendered: {}, indexName: '', thrown: null, firstStartMs: null, waits: 0, resumeJson: '', correlationKey: '', resumedBy: '', payloadJson: '', answer: undefined, defaults: null };
}

/** How long the XComs are that somebody maps over; -1: neither list nor object. */
function lengthsOf(end: AttemptEnd, keys: readonly string[]): Record<string, number> {
  return Object.fromEntries(end.xcoms.filter(({ key }) => keys.includes(key)).map(({ key, json }) => {
    const value: unknown = JSON.parse(json);
    return [key, Array.isArray(value) ? value.length : typeof value === 'object' && value !== null ? Object.keys(value).length : -1];
  }));
}
