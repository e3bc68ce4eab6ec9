import { randomUUID } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { executionProto } from '@millrace/contracts';
import { InProcessBroker } from '@millrace/messaging';
import { logPathOf } from '@millrace/task-logs';
import { createMetrics, type LogFields, type Logger } from '@millrace/telemetry';
import type { ChildEntries } from '../runner-pool/built-entries.js';
import { CALLBACK_RUNNERS } from '../callbacks/callback-desk.js';
import { RunnerPool } from '../runner-pool/runner-pool.js';
import { WorkerSession } from '../session/worker-session.js';
import { ResultSpool } from '../spool/result-spool.js';
import { TaskWorker } from '../supervisor/task-worker.js';
import { workerMetrics } from '../supervisor/worker-metrics.js';
import type { FakeScheduler } from './fake-scheduler.js';
import { TEST_TOKEN } from './test-token.js';

export interface RigOptions {
  readonly entries: ChildEntries;
  readonly schedulers: readonly Pick<FakeScheduler, 'address' | 'grants'>[];
  readonly concurrency?: number;
  readonly warm?: number;
  readonly selfFenceMs?: number;
  readonly runnerFenceMs?: number;
  readonly killGraceMs?: number;
  readonly drainGraceMs?: number;
  readonly offerEveryMs?: number;
  readonly tasksPerRunner?: number;
  readonly logMaxBytes?: number;
  readonly xcomMaxBytes?: number;
  readonly environment?: NodeJS.ProcessEnv;
  readonly home?: string;
}

/** A worker in this process against fake schedulers, with a broker and folders of its own. */
export class WorkerRig {
  readonly home: string;
  readonly broker = new InProcessBroker();
  readonly worker: TaskWorker;
  readonly pool: RunnerPool;
  readonly said: { level: string; message: string; fields?: LogFields }[] = [];
  runnerStarts = 0;

  constructor(readonly options: RigOptions) {
    this.home = options.home ?? mkdtempSync(join(tmpdir(), 'millrace-worker-'));
    const logger = this.logger();
    const concurrency = options.concurrency ?? 4;
    this.pool = new RunnerPool({
      entries: options.entries,
      settings: { selfFenceMs: options.runnerFenceMs ?? 10_000, logMaxBytes: options.logMaxBytes ?? 1_000_000 },
      environment: options.environment ?? process.env,
      logger,
      concurrency,
      extra: CALLBACK_RUNNERS,
      warm: options.warm ?? 1,
      tasksPerRunner: options.tasksPerRunner ?? 1_000,
      onStarted: () => this.runnerStarts++,
    });
    const session = new WorkerSession({
      schedulerAddresses: options.schedulers.map((scheduler) => scheduler.address),
      internalToken: TEST_TOKEN,
      hello: () => ({ workerName: 'rig', logHost: '127.0.0.1', logPort: 0, queues: ['default'], slots: concurrency, version: '0', pid: process.pid }),
      selfFenceMs: options.selfFenceMs ?? 10_000,
      logger,
    });
    const worker: TaskWorker = new TaskWorker(
      {
        queues: ['default'],
        concurrency,
        logFolder: join(this.home, 'logs'),
        scratchFolder: join(this.home, 'scratch'),
        bundleFolder: join(this.home, 'bundles'),
        xcomMaxBytes: options.xcomMaxBytes ?? 100_000,
        killGraceMs: options.killGraceMs ?? 300,
        drainGraceMs: options.drainGraceMs ?? 0,
        offerEveryMs: options.offerEveryMs ?? 60_000,
      },
      {
        broker: this.broker,
        session,
        pool: this.pool,
        spool: new ResultSpool(join(this.home, 'spool')),
        metrics: workerMetrics(createMetrics('worker', { process: false }), { slots: () => concurrency, running: () => worker.runningCount, spooled: () => worker.spooledCount, runners: () => this.pool.size }),
        logger,
      },
    );
    this.worker = worker;
  }

  async start(): Promise<this> {
    await this.broker.start();
    await this.worker.start();
    return this;
  }

  async stop(): Promise<void> {
    await this.worker.stop();
    await this.broker.stop();
    if (this.options.home === undefined) rmSync(this.home, { recursive: true, force: true });
  }

  /** Queues attempts of one message; the schedulers grant them. */
  publish(...grants: executionProto.Grant[]): void {
    for (const scheduler of this.options.schedulers) for (const grant of grants) scheduler.grants.set(grant.attemptId, grant);
    void this.broker.publishAttempts('default', { v: 1, ids: grants.map((grant) => [grant.instanceId, grant.attemptId]), home: '' });
  }

  /** Resolves when the log of a try holds this text. */
  async logged(grant: executionProto.Grant, text: string): Promise<void> {
    while (!existsSync(this.logFile(grant)) || !this.log(grant).includes(text)) await new Promise((resolve) => setImmediate(resolve));
  }

  log(grant: executionProto.Grant): string {
    return readFileSync(this.logFile(grant), 'utf8');
  }

  private logFile(grant: executionProto.Grant): string {
    const { dagId, runId, taskId, indexPath, tryNumber } = grant;
    return join(this.home, 'logs', logPathOf({ dagId, runId, taskId, indexPath, tryNumber }));
  }

  private logger(): Logger {
    const say = (level: string) => (message: string, fields?: LogFields) => void this.said.push(fields === undefined ? { level, message } : { level, message, fields });
    const logger: Logger = { debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error'), child: () => logger };
    return logger;
  }
}

/** A grant with everything a test does not care about filled in. */
export function grantOf(bundleHash: string, taskId: string, more: Partial<executionProto.Grant> = {}): executionProto.Grant {
  return {
    instanceId: randomUUID(),
    attemptId: randomUUID(),
    claimToken: randomUUID(),
    dagId: 'example',
    runId: 'manual__2026-11-23T04:00:00.000000+00:00',
    taskId,
    indexPath: [],
    tryNumber: 1,
    maxTries: 1,
    bundleHash,
    logicalDate: '2026-11-23T04:00:00.000Z',
    dataIntervalStart: '2026-11-23T04:00:00.000Z',
    dataIntervalEnd: '2026-11-23T04:00:00.000Z',
    runAfter: '2026-11-23T04:00:00.000Z',
    runType: 'manual',
    confJson: '{}',
    paramsJson: '{}',
    executionTimeoutMs: 0,
    placementGeneration: 0,
    queue: 'default',
    resumeJson: '',
    homeSchedulerId: '',
    traceparent: '',
    runUuid: randomUUID(),
    startDate: '2026-11-23T04:00:01.000Z',
    partitionKey: '',
    owner: 'millrace',
    firstStartDate: '',
    looks: 0,
    resumedBy: '',
    resumePayloadJson: '',
    ...more,
  };
}

/** A bundle as the dag-processor makes them, from task bodies: `{ noop: 'async () => {}' }`. */
export function bundleOf(tasks: Readonly<Record<string, string>>, preamble = ''): string {
  const entries = Object.entries(tasks).map(([taskId, body]) => `[${JSON.stringify(taskId)}, typeof (${body}) === 'function' ? { operator: { execute: ${body} }, templateFields: [] } : ${body}]`);
  return `${preamble}\nexport const __millrace_dags__ = new Map([['example', { tasks: new Map([${entries.join(',\n')}]) }]]);\n`;
}
