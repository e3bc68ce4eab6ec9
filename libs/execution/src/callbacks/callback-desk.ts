import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunRequest, RunnerAnswer, RunnerQuestion, executionProto } from '@millrace/contracts';
import type { Logger } from '@millrace/telemetry';
import type { BundleCache } from '../bundle-cache/bundle-cache.js';
import type { RunEnd, RunnerProcess } from '../runner-pool/runner-process.js';
import type { RunnerPool } from '../runner-pool/runner-pool.js';
import { requestOf, type RunPlaces } from '../supervisor/run-request.js';
import type { SchedulerLink } from '../session/scheduler-link.js';
import type { WorkerSession } from '../session/worker-session.js';

type Callback = executionProto.Callback;
type Report = executionProto.CallbackReport;

export interface CallbackTools {
  readonly pool: RunnerPool;
  readonly bundles: BundleCache;
  readonly places: RunPlaces;
  readonly killGraceMs: number;
  readonly logger: Logger;
  readonly ask: (grant: executionProto.Grant, question: RunnerQuestion) => Promise<RunnerAnswer>;
}

/** Callbacks at once; the pool has so many runners beside those of its slots. */
export const CALLBACK_RUNNERS = 2;
/** One that has waited here for so long is somebody else's by now. */
const WAIT_MAX_MS = 15_000;
const REPORT_AGAIN_MS = 3_000;
/** What a report may carry of what was printed. */
const LOG_MAX_LENGTH = 64 * 1024;

/** Runs what authors want to be told with, beside the slots, and reports until a scheduler has written it down. */
export class CallbackDesk {
  /** The newest token of each callback that runs. */
  private readonly running = new Map<string, string>();
  private readonly unanswered = new Map<string, { report: Report; sentAt: number; sentTo: SchedulerLink | undefined }>();
  private readonly waiting = new Map<string, { callback: Callback; since: number }>();
  private waiters: (() => void)[] = [];

  constructor(
    private readonly session: WorkerSession,
    private readonly tools: CallbackTools,
  ) {}

  /**
   * Takes a hand-over. One that is here already came again because a scheduler did not hear of it in time (it was frozen, say):
   * what was or will be found out goes under the newer token, since a report under the older one counts no more.
   */
  begin(callback: Callback): void {
    const { callbackId, token } = callback;
    this.session.link('')?.send({ $case: 'callbackTaken', value: { callbackId, token } });
    const told = this.unanswered.get(callbackId);
    if (told?.report.ok === true) {
      this.unanswered.set(callbackId, { report: { ...told.report, token }, sentAt: 0, sentTo: told.sentTo });
      this.tick();
    } else if (this.running.has(callbackId)) {
      this.running.set(callbackId, token);
    } else {
      // It failed, and is given again for another try.
      this.unanswered.delete(callbackId);
      this.waiting.set(callbackId, { callback, since: performance.now() });
      this.next();
    }
  }

  private next(): void {
    for (const [id, { callback, since }] of this.waiting) {
      if (this.running.size >= CALLBACK_RUNNERS) return;
      this.waiting.delete(id);
      if (performance.now() - since < WAIT_MAX_MS) this.start(callback);
    }
  }

  private start(callback: Callback): void {
    const { callbackId, grant } = callback;
    if (grant === undefined) return;
    this.running.set(callbackId, callback.token);
    void this.run(callback, grant)
      .catch((error: unknown) => ({ ok: false, error: error instanceof Error ? error.message : String(error), log: '' }))
      .then((result) => {
        const token = this.running.get(callbackId) ?? callback.token;
        this.running.delete(callbackId);
        this.unanswered.set(callbackId, { report: { callbackId, token, ...result }, sentAt: 0, sentTo: undefined });
        this.tick();
        this.next();
      });
  }

  known(ack: executionProto.CallbackAck): void {
    if (this.unanswered.get(ack.callbackId)?.report.token === ack.token) this.unanswered.delete(ack.callbackId);
    this.wake();
  }

  opened(): void {
    for (const waiting of this.unanswered.values()) waiting.sentAt = 0;
    this.tick();
  }

  tick(): void {
    const now = performance.now();
    for (const waiting of this.unanswered.values()) {
      if (waiting.sentAt > 0 && now - waiting.sentAt < REPORT_AGAIN_MS) continue;
      // One that did not answer may be dead in silence: another is asked.
      const link = this.session.link('', waiting.sentTo);
      if (link?.send({ $case: 'callbackReport', value: waiting.report }) !== true) continue;
      waiting.sentAt = now;
      waiting.sentTo = link;
    }
  }

  /** Resolves when nothing runs and nothing waits for an answer. */
  async idle(): Promise<void> {
    while (this.running.size + this.unanswered.size > 0) await new Promise<void>((resolve) => this.waiters.push(resolve));
  }

  private wake(): void {
    const waiters = this.waiters;
    this.waiters = [];
    for (const wake of waiters) wake();
  }

  private async run(callback: Callback, grant: executionProto.Grant): Promise<Omit<Report, 'callbackId' | 'token'>> {
    const { pool, bundles, places } = this.tools;
    const bundleFile = bundles.known(grant.bundleHash) ?? (await bundles.file(grant.bundleHash));
    const logFile = join(places.scratchFolder, `callback-${callback.callbackId}-${callback.token}.log`);
    const request: RunRequest = {
      ...requestOf(grant, bundleFile, places, logFile),
      callback: { id: callback.callbackId, on: callback.on as NonNullable<RunRequest['callback']>['on'], reason: callback.reason, state: callback.state, deadline: callback.deadline === '' ? null : callback.deadline },
    };
    const runner = await pool.take(bundleFile);
    const end = await this.inRunner(runner, request, grant);
    const log = await readFile(logFile, 'utf8').catch(() => '');
    await rm(logFile, { force: true });
    const error = end.kind === 'died' ? end.how : end.result.error;
    return { ok: end.kind === 'result' && end.result.outcome === 'success', error, log: log.slice(-LOG_MAX_LENGTH) };
  }

  private inRunner(runner: RunnerProcess, request: RunRequest, grant: executionProto.Grant): Promise<RunEnd> {
    return new Promise((resolve) => {
      const limitMs = grant.executionTimeoutMs;
      let isOver = false;
      const timeout = setTimeout(() => {
        isOver = true;
        const how = `the callback took longer than ${limitMs / 1_000} s`;
        void this.tools.pool.kill(runner, this.tools.killGraceMs, how).finally(() => resolve({ kind: 'died', how }));
      }, limitMs);
      runner.run(request, (question) => this.tools.ask(grant, question), (end) => {
        if (isOver) return;
        clearTimeout(timeout);
        if (end.kind === 'result') this.tools.pool.giveBack(runner);
        resolve(end);
      });
    });
  }
}
