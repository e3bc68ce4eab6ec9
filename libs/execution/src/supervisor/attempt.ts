import { join } from 'node:path';
import type { RunQuestion, RunRequest, RunResult, RunnerAnswer, RunnerQuestion, executionProto } from '@millrace/contracts';
import { logPathOf } from '@millrace/task-logs';
import type { Logger } from '@millrace/telemetry';
import type { BundleCache } from '../bundle-cache/bundle-cache.js';
import { PipedOutput } from '../runner-pool/piped-output.js';
import type { RunEnd, RunnerProcess } from '../runner-pool/runner-process.js';
import type { RunnerPool } from '../runner-pool/runner-pool.js';
import { maskSensitiveFields, isSensitiveName } from '../runner/sensitive-names.js';
import { runRequestOf, type RunPlaces } from './run-request.js';

type Completion = executionProto.Completion;
type Grant = executionProto.Grant;

export interface AttemptTools {
  readonly pool: RunnerPool;
  readonly bundles: BundleCache;
  readonly places: RunPlaces;
  readonly killGraceMs: number;
  readonly logger: Logger;
  readonly ask: (grant: Grant, question: RunnerQuestion) => Promise<RunnerAnswer>;
  /** The task begins in its runner. */
  readonly onStart: (attempt: Attempt) => void;
  /** Called once, when nothing of the attempt runs any more. Null: its session is over, and nobody wants the result. */
  readonly onEnd: (attempt: Attempt, completion: Completion | null) => void;
}

/** One granted attempt, from the grant to its result. */
export class Attempt {
  private readonly startedAtMs = Date.now();
  private runner: RunnerProcess | undefined;
  private timeout: NodeJS.Timeout | undefined;
  private stopping = false;
  private ended = false;

  constructor(
    readonly grant: Grant,
    /** When its message or continuation arrived, monotonic. */
    readonly receivedAt: number,
    private readonly tools: AttemptTools,
  ) {}

  get claim(): executionProto.ClaimItem {
    const { instanceId, attemptId, claimToken } = this.grant;
    return { instanceId, attemptId, claimToken };
  }

  /** Without a wait when the bundle is known and a runner stands ready. */
  start(): void {
    const bundleFile = this.tools.bundles.known(this.grant.bundleHash);
    const runner = bundleFile === undefined ? undefined : this.tools.pool.take(bundleFile);
    if (bundleFile !== undefined && runner !== undefined && !(runner instanceof Promise)) this.startIn(runner, bundleFile);
    else void this.prepare(bundleFile, runner);
  }

  /**
   * Ends the attempt with its whole process tree. `report: false` when its session is over: its lease ran out or will, and
   * the schedulers decide what follows.
   */
  stop(reason: string, report: boolean, errorNames: string[] = []): void {
    if (this.stopping || this.ended) return;
    this.stopping = true;
    clearTimeout(this.timeout);
    const over = (): void => this.end(report ? { ...this.emptyCompletion(), error: reason, errorNames } : null);
    if (this.runner === undefined) {
      if (report) this.logFailure(reason);
      return over();
    }
    this.tools.pool.kill(this.runner, report ? this.tools.killGraceMs : 0, reason).then(over, (error: unknown) => {
      this.tools.logger.error('processes of an attempt could not be ended', { attempt_id: this.grant.attemptId, error: String(error) });
      over();
    });
  }

  private async prepare(known: string | undefined, taken: RunnerProcess | Promise<RunnerProcess> | undefined): Promise<void> {
    let bundleFile: string;
    try {
      bundleFile = known ?? (await this.tools.bundles.file(this.grant.bundleHash));
    } catch (error) {
      if (this.stopping) return;
      const reason = `the bundle could not be fetched: ${error instanceof Error ? error.message : String(error)}`;
      this.logFailure(reason);
      return this.end({ ...this.emptyCompletion(), error: reason });
    }
    const runner = await (taken ?? this.tools.pool.take(bundleFile));
    if (this.stopping || this.ended) this.tools.pool.giveBack(runner);
    else this.startIn(runner, bundleFile);
  }

  private startIn(runner: RunnerProcess, bundleFile: string): void {
    let request: RunRequest;
    try {
      request = runRequestOf(this.grant, bundleFile, this.tools.places);
    } catch (error) {
      this.tools.pool.giveBack(runner);
      return this.end({ ...this.emptyCompletion(), retryable: false, error: String(error) });
    }
    this.runner = runner;
    const limitMs = this.grant.executionTimeoutMs;
    if (limitMs > 0) this.timeout = setTimeout(() => this.stop(`timed out after ${limitMs / 1_000} s (execution_timeout)`, true, ['TaskTimeout']), Math.min(limitMs, 2_147_483_647));
    runner.run(request, (question) => this.answer(runner, question), (end) => this.onRunEnd(runner, end));
    this.tools.onStart(this);
  }

  /** The log of a try that never reached a runner: people look there first. */
  private logFailure(reason: string): void {
    const lost = (message: string): void => this.tools.logger.error(message, { attempt_id: this.grant.attemptId });
    try {
      const output = new PipedOutput(join(this.tools.places.logFolder, logPathOf(this.grant)), Infinity, lost);
      output.say('ERROR', reason);
      output.end('failed');
    } catch (error) {
      lost(`a try without a runner could not be logged: ${String(error)}`);
    }
  }

  private async answer(runner: RunnerProcess, question: RunnerQuestion): Promise<RunnerAnswer> {
    const answer = await this.tools.ask(this.grant, question);
    const mask = runner.outputMask;
    if (mask !== undefined && 'json' in answer && answer.json !== null) {
      if (question.ask === 'connection') maskSensitiveFields(mask, JSON.parse(answer.json));
      if (question.ask === 'variable' && isSensitiveName(question.key)) mask.add(answer.json);
    }
    return answer;
  }

  private onRunEnd(runner: RunnerProcess, end: RunEnd): void {
    if (this.stopping) return; // What a task says after it was told to stop changes nothing; its tree is being ended.
    clearTimeout(this.timeout);
    if (end.kind === 'result') {
      this.tools.pool.giveBack(runner);
      this.end(this.completionOf(end.result));
    } else this.end({ ...this.emptyCompletion(), error: end.how });
  }

  private end(completion: Completion | null): void {
    if (this.ended) return;
    this.ended = true;
    clearTimeout(this.timeout);
    this.tools.onEnd(this, completion);
  }

  private completionOf(result: RunResult): Completion {
    // Written out: spreading is a third of what this costs on the hot path.
    return {
      instanceId: this.grant.instanceId,
      attemptId: this.grant.attemptId,
      claimToken: this.grant.claimToken,
      outcome: result.outcome,
      retryable: result.retryable,
      error: result.error,
      xcoms: result.xcoms as Completion['xcoms'],
      startedAt: new Date(result.startedAtMs),
      endedAt: new Date(result.endedAtMs),
      resumeAt: result.resumeAt ?? '',
      resumeJson: result.resumeJson,
      correlationKey: result.correlationKey,
      giveUpAt: result.giveUp?.at ?? '',
      giveUpThen: result.giveUp?.as ?? '',
      errorNames: result.errorNames as string[],
      question: result.question === null ? undefined : questionOf(result.question),
      renderedFieldsJson: result.renderedFieldsJson,
      hasBranch: result.branchTaskIds !== null,
      branchTaskIds: (result.branchTaskIds ?? []) as string[],
      wantsMore: false,
      onlySuccessor: false,
      pid: this.runner?.pid ?? 0,
      skipDownstream: result.skipDownstream,
      loop: result.loop ?? '',
      indexName: result.indexName ?? '',
      outletEventsJson: result.outletEventsJson,
    };
  }

  /** A failure this worker states itself. */
  private emptyCompletion(): Completion {
    return {
      ...this.claim,
      outcome: 'failed',
      retryable: true,
      error: '',
      xcoms: [],
      startedAt: new Date(this.startedAtMs),
      endedAt: new Date(),
      resumeAt: '',
      resumeJson: '',
      correlationKey: '',
      giveUpAt: '',
      giveUpThen: '',
      errorNames: [],
      question: undefined,
      renderedFieldsJson: '',
      hasBranch: false,
      branchTaskIds: [],
      wantsMore: false,
      onlySuccessor: false,
      pid: this.runner?.pid ?? 0,
      skipDownstream: '',
      loop: '',
      indexName: '',
      outletEventsJson: '',
    };
  }
}

function questionOf(question: RunQuestion): executionProto.Question {
  const { subject, body, options, defaults, multiple, paramsJson, assigneesJson } = question;
  return { subject, body, options: [...options], hasDefaults: defaults !== null, defaults: [...(defaults ?? [])], multiple, paramsJson, assigneesJson };
}
