import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunRequest, RunnerAnswer, RunnerQuestion, executionProto } from '@millrace/contracts';
import type { Logger } from '@millrace/telemetry';
import type { BundleCache } from '../bundle-cache/bundle-cache.js';
import type { RunEnd, RunnerProcess } from '../runner-pool/runner-process.js';
import type { RunnerPool } from '../runner-pool/runner-pool.js';
import { requestOf, type RunPlaces } from '../supervisor/run-request.js';
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
  /** By id and token: the same hand-over twice is one. */
  private readonly running = new Set<string>();
  private readonly unanswered = new Map<string, { readonly report: Report; sentAt: number }>();
  private readonly waiting: { readonly callback: Callback; readonly since: number }[] = [];
  private waiters: (() => void)[] = [];

  constructor(
    private readonly session: WorkerSession,
    private readonly tools: CallbackTools,
  ) {}

  begin(callback: Callback): void {
    this.session.link('')?.send({ $case: 'callbackTaken', value: { callbackId: callback.callbackId, token: callback.token } });
    this.waiting.push({ callback, since: performance.now() });
    this.next();
  }

  private next(): void {
    while (this.running.size < CALLBACK_RUNNERS) {
      const first = this.waiting.shift();
      if (first === undefined) return;
      if (performance.now() - first.since < WAIT_MAX_MS) this.start(first.callback);
    }
  }

  private start(callback: Callback): void {
    const key = `${callback.callbackId}/${callback.token}`;
    if (this.running.has(key) || this.unanswered.has(callback.callbackId) || callback.grant === undefined) return;
    this.running.add(key);
    void this.run(callback, callback.grant)
      .catch((error: unknown) => ({ ok: false, error: error instanceof Error ? error.message : String(error), log: '' }))
      .then((result) => {
        this.running.delete(key);
        const report = { callbackId: callback.callbackId, token: callback.token, ...result };
        this.unanswered.set(callback.callbackId, { report, sentAt: 0 });
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
      if (this.session.link('')?.send({ $case: 'callbackReport', value: waiting.report }) === true) waiting.sentAt = now;
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
