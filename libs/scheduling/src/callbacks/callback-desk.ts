import type { executionProto } from '@millrace/contracts';
import { Callbacks } from '@millrace/persistence';
import type { Database, RunRow, TakenCallback } from '@millrace/persistence';
import type { Logger } from '@millrace/telemetry';
import { NO_INSTANCE_ID } from '@millrace/vocabulary';
import type { AttemptId, ClaimToken, InstanceId } from '@millrace/vocabulary';
import { instantText, makeGrant } from '../claims/make-grant.js';
import type { QueueTeams } from '../placement/queue-teams.js';
import type { RunCache } from '../run-cache/run-cache.js';
import type { ConnectedWorker, WorkerDirectory } from '../sessions/worker-directory.js';

/** Callbacks one worker is given at once; they run beside its slots. */
const PER_WORKER = 4;
/** A callback that takes longer is ended by its worker. */
export const CALLBACK_TIMEOUT_MS = 60_000;
const LEASE_MS = CALLBACK_TIMEOUT_MS + 20_000;
/** From its hand-over until its worker says that it has it. */
const ARRIVAL_MS = 5_000;
/** One that throws is tried so often. */
const MAX_TRIES = 3;
const AGAIN_AFTER_MS = 2_000;
const LOG_MAX_LENGTH = 64 * 1024;

/**
 * Gives callbacks to connected workers and takes their reports. At least once: a worker that dies in the middle is followed by
 * another; `callback.id` is the fence for effects outside.
 */
export class CallbackDesk {
  #working = false;
  #again = false;

  constructor(
    private readonly database: Database,
    private readonly cache: RunCache,
    private readonly workers: WorkerDirectory,
    private readonly logger: Logger,
    private readonly home: string,
    private readonly queueTeams: QueueTeams,
  ) {}

  /** There may be something to hand out. Never throws. */
  poke(): void {
    void this.once().catch((error: unknown) => this.logger.debug('callbacks are left to the next sweep', { error: textOf(error) }));
  }

  /** Hands out what is due to workers that can take it. */
  async once(): Promise<number> {
    if (this.#working) {
      this.#again = true;
      return 0;
    }
    this.#working = true;
    try {
      let total = 0;
      do {
        this.#again = false;
        total += await this.#handOut();
      } while (this.#again);
      return total;
    } finally {
      this.#working = false;
    }
  }

  /** Callbacks of workers that are gone go to others. */
  async repair(): Promise<number> {
    return new Callbacks(this.database).free(MAX_TRIES + 2);
  }

  /** It has arrived: nobody else is given it until its time is over. */
  async taken({ callbackId, token }: executionProto.CallbackTaken): Promise<void> {
    await new Callbacks(this.database).hold(callbackId, token, LEASE_MS);
  }

  /** @returns whether the report can be forgotten: it was written, or is of an older hand-over. */
  async report(report: executionProto.CallbackReport): Promise<boolean> {
    const callbacks = new Callbacks(this.database);
    const tries = await callbacks.triesOf(report.callbackId, report.token);
    if (tries === undefined) return true;
    const log = clean(report.log).slice(-LOG_MAX_LENGTH);
    const error = report.ok ? null : clean(report.error).slice(0, 2_000);
    const state = report.ok ? 'success' : tries < MAX_TRIES ? 'pending' : 'failed';
    await callbacks.report(report.callbackId, report.token, state, error, log, state === 'pending' ? AGAIN_AFTER_MS * tries : 0);
    if (state === 'failed') this.logger.warn('a callback failed', { callback_id: report.callbackId, error, tries });
    this.poke();
    return true;
  }

  async #handOut(): Promise<number> {
    const callbacks = new Callbacks(this.database);
    if (this.workers.size === 0 || !(await callbacks.anyDue())) return 0;
    let handed = 0;
    for (const worker of this.workers.connected()) {
      const taken = await callbacks.take([...worker.queues], worker.sessionId, ARRIVAL_MS, PER_WORKER);
      if (taken.length === 0) continue;
      const runs = await this.cache.headers([...new Set(taken.flatMap((callback) => callback.runId ?? []))]);
      const mayRun = taken.filter((callback) => this.queueTeams.mayUse(callback.queue, callback.team));
      for (const callback of taken) if (!mayRun.includes(callback)) await this.#refuse(callbacks, callback);
      for (const callback of mayRun) this.#send(worker, callback, callback.runId === null ? undefined : runs.get(callback.runId));
      handed += taken.length;
      // As many as it may have: there may be more for the next one.
      if (taken.length === PER_WORKER) this.#again = this.workers.size > 1;
    }
    return handed;
  }

  async #refuse(callbacks: Callbacks, { id, token, queue, dagId, team }: TakenCallback): Promise<void> {
    const reason = this.queueTeams.refusal(queue, dagId, team);
    await callbacks.report(id, token, 'failed', reason, '', 0);
    this.logger.warn('a callback was not run: its queue is another team\'s', { callback_id: id, dag_id: dagId, reason });
  }

  #send(worker: ConnectedWorker, callback: TakenCallback, row: RunRow | undefined): void {
    worker.callback({
      callbackId: callback.id,
      token: callback.token,
      on: callback.kind,
      reason: callback.reason,
      deadline: callback.deadline ?? '',
      state: stateOf(callback, row),
      grant: row === undefined ? grantWithoutRun(callback) : this.#grant(callback, row),
    });
  }

  #grant(callback: TakenCallback, row: RunRow): executionProto.Grant {
    const { plan, taskParams } = this.cache.version(row.dagVersionId);
    const task = callback.taskId === null ? undefined : plan.tasks[plan.byId.get(callback.taskId) ?? -1];
    const of = {
      instanceId: callback.instanceId ?? (NO_INSTANCE_ID as InstanceId),
      attemptId: callback.id as AttemptId,
      token: callback.token as ClaimToken,
      indexPath: callback.indexPath,
      tryNumber: callback.tryNumber,
      maxTries: task?.retries ?? 0,
      resumeJson: null,
      wait: null,
      startMs: row.startedAtMs ?? row.queuedAtMs,
      generation: 0,
    };
    const told = { taskId: callback.taskId ?? '', executionTimeoutSeconds: CALLBACK_TIMEOUT_MS / 1000, queue: callback.queue, owner: task?.owner ?? '' };
    return makeGrant(row, told, taskParams, of, this.home);
  }
}

function stateOf(callback: TakenCallback, row: RunRow | undefined): string {
  const states = { success: 'success', failure: 'failed', retry: 'up_for_retry', skipped: 'skipped', deadline: row?.state ?? '' };
  return states[callback.kind];
}

/** Nothing ran when something should have: there is no run to speak of. */
function grantWithoutRun(callback: TakenCallback): executionProto.Grant {
  return {
    instanceId: NO_INSTANCE_ID, attemptId: callback.id, claimToken: callback.token, dagId: callback.dagId, runId: '', taskId: '', indexPath: [], tryNumber: 0, maxTries: 0,
    bundleHash: callback.currentBundleHash ?? '', logicalDate: '', dataIntervalStart: '', dataIntervalEnd: '', runAfter: instantText(Date.now()), runType: '', confJson: '{}', paramsJson: '{}',
    executionTimeoutMs: CALLBACK_TIMEOUT_MS, queue: callback.queue, resumeJson: '', homeSchedulerId: '', traceparent: '', runUuid: '', startDate: instantText(Date.now()), partitionKey: '', owner: '',
    firstStartDate: '', looks: 0, resumedBy: '', resumePayloadJson: '', placementGeneration: 0,
  };
}

function clean(text: string): string {
  return text.replaceAll('\0', '\uFFFD');
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
