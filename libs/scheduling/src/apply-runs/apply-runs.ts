import { decide, mayStopOthers } from '@millrace/engine';
import { Signal } from '@millrace/lifecycle';
import { isTransient, writeDecisions } from '@millrace/persistence';
import type { Database, DecisionWrites, StuckRuns, WrittenRun } from '@millrace/persistence';
import type { Logger } from '@millrace/telemetry';
import type { RunId } from '@millrace/vocabulary';
import type { DatabaseClock } from '../clock/database-clock.js';
import type { QueueTeams } from '../placement/queue-teams.js';
import type { RoomKeeper } from '../room/room-keeper.js';
import type { CachedRun, RunCache } from '../run-cache/run-cache.js';
import { addDecision, claimsBefore, emptyWrites } from './decision-writes.js';
import type { AfterCommit, WritesInProgress } from './decision-writes.js';
import { measured } from '../completions/measure-xcoms.js';
import type { InputResult, RunInput } from './inputs.js';

/** What is done after a commit, and told of it. */
export interface CommitListener {
  committed(entry: CachedRun, after: AfterCommit): void;
  /** A queued run has begun. */
  started?(entry: CachedRun): void;
  /** One statement's worth: events applied, seconds of the statement, and of the whole since the oldest of them arrived. */
  batch?(events: number, commitSeconds: number, waitedSeconds: number): void;
}

export interface ApplyRunsOptions {
  /** Events one commit may apply. */
  readonly batchMax: number;
  /** Name workers find this process by; empty when no run is kept here (the api). */
  readonly home: string;
  /** Asked for each decision: whether a successor may go to the worker that completed its predecessor. */
  readonly continuation: () => boolean;
  readonly queueTeams?: QueueTeams | undefined;
  /** What a run may queue now: no more than workers can take soon. The others wait in the database, in order. */
  readonly room: RoomKeeper;
}

interface Waiting {
  readonly input: RunInput;
  readonly resolve: (result: InputResult) => void;
  /** When it arrived, monotonic. */
  readonly atMs: number;
  tries: number;
}

interface Part {
  readonly id: RunId;
  readonly entry: CachedRun;
  readonly waiting: readonly Waiting[];
}

/** Lost version races before an input is given back as `later`; each one means that somebody else made progress. */
const MAX_TRIES = 25;

/**
 * Applies what happened to runs: decide, then do. One commit is in flight; what arrives meanwhile is the next batch.
 *
 * A run whose state is in memory costs one statement: every write is gated by a compare-and-set on the run's version, so any number
 * of processes may apply the same run and exactly one wins. Who lost reads the run again and decides anew. After a commit whose outcome is
 * unknown nothing is published or answered; the run is read again.
 */
export class ApplyRuns {
  /** Named race points for fault tests. */
  readonly signals = { decided: new Signal('after-decide-before-commit'), committed: new Signal('after-commit-before-publish') };
  readonly counters = { batches: 0, events: 0, rows: 0, conflicts: 0, failures: 0 };
  #inbox = new Map<RunId, Waiting[]>();
  readonly #loading = new Set<RunId>();
  #busy = false;
  #idle: (() => void)[] = [];

  constructor(
    private readonly database: Database,
    private readonly cache: RunCache,
    private readonly clock: DatabaseClock,
    private readonly stuck: StuckRuns,
    private readonly listener: CommitListener,
    private readonly logger: Logger,
    private readonly options: ApplyRunsOptions,
  ) {}

  /** Never rejects: what cannot be done now comes back as `later`. */
  submit(id: RunId, input: RunInput): Promise<InputResult> {
    return new Promise((resolve) => this.#enqueue(id, [{ input, resolve, atMs: performance.now(), tries: 0 }]));
  }

  /** Someone else says that the run changed: what is remembered of it is out of date. */
  forget(id: RunId): void {
    if (!this.#loading.has(id) && !this.#flying.has(id)) this.cache.drop(id);
  }

  /** Resolves when nothing waits and nothing is in flight. */
  idle(): Promise<void> {
    return this.#busy || this.#inbox.size > 0 || this.#loading.size > 0 ? new Promise((resolve) => this.#idle.push(resolve)) : Promise.resolve();
  }

  readonly #flying = new Set<RunId>();

  #enqueue(id: RunId, waiting: Waiting[]): void {
    const queue = this.#inbox.get(id);
    if (queue === undefined) this.#inbox.set(id, waiting);
    else queue.push(...waiting);
    if (this.#busy) return;
    this.#busy = true;
    setImmediate(this.#work);
  }

  readonly #work = async (): Promise<void> => {
    for (;;) {
      const batch = this.#take();
      if (batch.length === 0) break;
      await this.#flush(batch);
    }
    this.#busy = false;
    this.#settleIdle();
  };

  #settleIdle(): void {
    if (this.#busy || this.#inbox.size > 0 || this.#loading.size > 0) return;
    const waiting = this.#idle;
    this.#idle = [];
    for (const resolve of waiting) resolve();
  }

  /** Cached runs with what waits for them; the others are sent to be loaded and stay in the inbox until they are. */
  #take(): Part[] {
    const parts: Part[] = [];
    const missing: RunId[] = [];
    let events = 0;
    for (const [id, waiting] of this.#inbox) {
      if (this.#loading.has(id)) continue;
      if (events >= this.options.batchMax) break;
      if (waiting.some((item) => item.tries === 0 && (item.input.fresh || this.#stopsOthers(id, item)))) {
        for (const item of waiting) item.tries++;
        this.cache.drop(id);
      }
      const entry = this.cache.get(id);
      if (entry === undefined) {
        missing.push(id);
        continue;
      }
      const room = this.options.batchMax - events;
      const taken = waiting.length <= room ? waiting : waiting.splice(0, room);
      if (taken === waiting) this.#inbox.delete(id);
      events += taken.length;
      parts.push({ id, entry, waiting: taken });
    }
    if (missing.length > 0) void this.#load(missing);
    return parts;
  }

  /** A failure that ends the whole run must know who has started, and claims are not versioned. */
  #stopsOthers(id: RunId, { input: { event } }: Waiting): boolean {
    const run = this.cache.get(id)?.run;
    return run !== undefined && mayStopOthers(run, event);
  }

  async #load(ids: readonly RunId[]): Promise<void> {
    for (const id of ids) this.#loading.add(id);
    let lost: { reason: string } | undefined;
    let loaded = new Map<RunId, CachedRun>();
    try {
      loaded = await this.cache.load(ids);
    } catch (error) {
      lost = { reason: `the run could not be read: ${messageOf(error)}` };
      this.logger.warn('runs could not be read', { error: messageOf(error), runs: ids.length });
    }
    for (const id of ids) {
      this.#loading.delete(id);
      const entry = loaded.get(id);
      if (entry !== undefined) {
        // It may have been started, and remembered, while this was read.
        if ((this.cache.get(id)?.version ?? -1) < entry.version) this.cache.put(id, entry);
        continue;
      }
      const waiting = this.#inbox.get(id) ?? [];
      this.#inbox.delete(id);
      for (const item of waiting) item.resolve(lost === undefined ? { kind: 'ignored', reason: 'there is no such run' } : { kind: 'later', ...lost });
    }
    if (this.#busy) return;
    if (this.#inbox.size > 0) {
      this.#busy = true;
      setImmediate(this.#work);
    } else this.#settleIdle();
  }

  async #flush(parts: readonly Part[]): Promise<void> {
    const writes = emptyWrites();
    const afters = new Map<RunId, AfterCommit>();
    const ignored = new Map<Waiting, string>();
    const nowMs = this.clock.now();
    const decided: Part[] = [];
    for (const part of parts) {
      const after = this.#decide(part, writes, nowMs, ignored);
      if (after === undefined) continue;
      afters.set(part.id, after);
      decided.push(part);
      this.#flying.add(part.id);
    }
    if (decided.length === 0) return;
    this.signals.decided.emit();
    const sentAtMs = performance.now();
    let written: WrittenRun[];
    try {
      written = await writeDecisions(this.database.hot, writes as DecisionWrites);
    } catch (error) {
      for (const part of decided) this.#flying.delete(part.id);
      return this.#failed(decided, error);
    }
    this.signals.committed.emit();
    this.counters.batches++;
    this.#tellBatch(decided, sentAtMs);
    this.counters.rows += writes.instances.length + writes.created.length;
    const won = new Map(written.map((row) => [row.id, row]));
    if (written.length > 0) this.clock.observe(written[0]!.nowMs);
    for (const part of decided) {
      this.#flying.delete(part.id);
      const row = won.get(part.id);
      if (row === undefined) this.#retry(part);
      else this.#settle(part, row, afters.get(part.id)!, ignored);
    }
  }

  #tellBatch(parts: readonly Part[], sentAtMs: number): void {
    if (this.listener.batch === undefined) return;
    let events = 0;
    let oldestMs = sentAtMs;
    for (const { waiting } of parts) {
      events += waiting.length;
      for (const { atMs } of waiting) if (atMs < oldestMs) oldestMs = atMs;
    }
    const nowMs = performance.now();
    this.listener.batch(events, (nowMs - sentAtMs) / 1_000, (nowMs - oldestMs) / 1_000);
  }

  /** undefined: nothing of it changed anything, so there is nothing to write. */
  #decide(part: Part, writes: WritesInProgress, nowMs: number, ignored: Map<Waiting, string>): AfterCommit | undefined {
    const inputs = part.waiting.map((item) => measured(part.entry.run, item.input));
    const events = inputs.map((input) => input.event);
    const claims = claimsBefore(part.entry.run, events);
    const room = this.options.room.roomFor(part.entry, inputs);
    const decision = decide(part.entry.run, events, nowMs, room);
    this.options.room.decided(part.entry);
    this.counters.events += inputs.length;
    for (const { event, reason } of decision.ignored) ignored.set(part.waiting[event]!, reason);
    const spends = inputs.some((input) => input.timerId !== undefined || input.runEventId !== undefined || input.bump === true);
    const nothing = decision.created.length === 0 && decision.changed.length === 0 && decision.effects.length === 0;
    if (nothing && inputs.every((input, index) => input.hint === true || ignored.has(part.waiting[index]!)) && !spends) {
      // Nothing will be written, so no version check tells whether what is remembered is out of date: look once more.
      const again = part.waiting.filter((item) => item.tries === 0 && item.input.hint !== true);
      for (const item of part.waiting) if (!again.includes(item)) item.resolve({ kind: 'ignored', reason: ignored.get(item) ?? 'it changes nothing' });
      if (again.length > 0) {
        this.cache.drop(part.id);
        for (const item of again) item.tries++;
        this.#enqueue(part.id, again);
      }
      return undefined;
    }
    return addDecision(writes, part.entry, inputs, decision, nowMs, { home: this.options.home, continuation: this.options.continuation(), claims, room, queueTeams: this.options.queueTeams });
  }

  #settle(part: Part, row: WrittenRun, after: AfterCommit, ignored: Map<Waiting, string>): void {
    part.entry.version = row.version;
    part.entry.lastUsedMs = row.nowMs;
    this.listener.committed(part.entry, after);
    for (const [index, item] of part.waiting.entries()) {
      const reason = ignored.get(item);
      const next = after.next.get(index);
      item.resolve(reason !== undefined ? { kind: 'ignored', reason } : { kind: 'applied', next: next === undefined ? [] : [next] });
    }
    // A run that only waits is read again when something comes: a hundred thousand of them do not fit.
    if (after.finished !== null || (after.waits > 0 && part.entry.run.book.active === 0)) this.cache.drop(part.id);
  }

  /** Somebody else wrote the run first, or a completion's claim is not the current one: read it again and decide anew. */
  #retry(part: Part): void {
    this.counters.conflicts++;
    this.cache.drop(part.id);
    const again: Waiting[] = [];
    for (const item of part.waiting) {
      item.tries++;
      // The claim of a completion is checked by the statement; when that is what refused it, the run's version never moves.
      if (item.tries >= 3 && item.input.completion !== undefined && !item.input.completion.claimKnown) item.resolve({ kind: 'ignored', reason: 'not the current claim' });
      else if (item.tries >= MAX_TRIES) item.resolve({ kind: 'later', reason: 'the run changes too fast' });
      else again.push(item);
    }
    if (again.length > 0) this.#enqueue(part.id, again);
  }

  /** The statement failed, or its outcome is unknown. Forget the runs; publish nothing, answer nothing but `later`. */
  async #failed(parts: readonly Part[], error: unknown): Promise<void> {
    this.counters.failures++;
    for (const part of parts) this.cache.drop(part.id);
    const reason = messageOf(error);
    if (isTransient(error)) {
      this.logger.warn('a batch was not committed', { error: reason, runs: parts.length });
      for (const part of parts) for (const item of part.waiting) item.resolve({ kind: 'later', reason: `not committed: ${reason}` });
      return;
    }
    if (parts.length > 1) {
      // One bad run must not stop the others: try each half by itself, from what is stored.
      for (const half of [parts.slice(0, parts.length >> 1), parts.slice(parts.length >> 1)]) {
        const loaded = await this.cache.load(half.map((part) => part.id)).catch(() => new Map<RunId, CachedRun>());
        const ready: Part[] = [];
        for (const part of half) {
          const entry = loaded.get(part.id);
          if (entry === undefined) for (const item of part.waiting) item.resolve({ kind: 'later', reason: 'the run could not be read' });
          else {
            this.cache.put(part.id, entry);
            ready.push({ ...part, entry });
          }
        }
        if (ready.length > 0) await this.#flush(ready);
      }
      return;
    }
    const [part] = parts;
    if (part === undefined) return;
    this.logger.error('run quarantined: its changes cannot be written', { error: reason, dag_id: part.entry.row.dagId, run_id: part.entry.row.runId });
    await this.stuck.quarantine(part.id, `cannot be applied: ${reason}`).catch(() => undefined);
    for (const item of part.waiting) item.resolve({ kind: 'later', reason: `run quarantined: ${reason}` });
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

