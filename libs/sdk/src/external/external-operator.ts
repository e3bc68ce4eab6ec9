import type { CancelRequest, ExternalJob, TaskContext } from '../context/task-context.js';
import { TaskDeferred } from '../control-flow/control-flow.js';
import { DagDefinitionError } from '../definition-site/dag-definition-error.js';
import { definitionSite } from '../definition-site/definition-site.js';
import { secondsOf } from '../durations/duration.js';
import type { Duration } from '../durations/duration.js';
import { Operator } from '../tasks/operator.js';
import type { DocumentFields } from '../tasks/operator.js';
import type { OperatorOptions } from '../tasks/operator-options.js';

export interface ExternalOperatorOptions extends OperatorOptions {
  /** How long the work may take, from when it was begun. The platform is then told to stop, and the try fails. @default no limit */
  readonly timeout?: Duration;
  /** Ask the platform this often, besides waiting for its report. Needs `check`. @default never */
  readonly pollInterval?: Duration;
}

/** What `submit` is given. */
export interface Submission {
  /** The same for the same work, also when a lost try is followed by another: a platform that knows it does not start twice. */
  readonly idempotencyKey: string;
  /** Where the platform reports, with POST: `{ "state": "running" | "success" | "failed", "result"?, "progress"?, "reason"? }`. No other credential is needed. */
  readonly callbackUrl: string;
  /** An earlier try may have submitted it already, and was lost before it could say so. */
  readonly isRepeated: boolean;
}

/** What the platform said when it took the work. */
export interface Submitted {
  /** The platform's id of it. */
  readonly externalId?: string;
  /** How it is told to stop when nobody waits any more. */
  readonly cancel?: CancelRequest;
  /** It is done at once. */
  readonly status?: ExternalStatus;
}

/** What a look at the platform found. */
export type ExternalStatus =
  | { readonly state: 'running'; readonly progress?: unknown }
  | { readonly state: 'success'; readonly result?: unknown }
  | { readonly state: 'failed'; readonly reason?: string };

/** The platform said that the work failed, or took longer than it may. Another try submits anew. */
export class ExternalTaskFailed extends Error {
  override readonly name: string = 'ExternalTaskFailed';
}

export class ExternalTaskTimeout extends ExternalTaskFailed {
  override readonly name = 'ExternalTaskTimeout';
}

/**
 * Starts work on another platform and waits for it without a slot: for its report, by looking now and then, or both. Whatever crashes in
 * between, work is submitted once: what was begun is written down before the request is sent, and a try after a lost one goes on with it.
 * Write `submit`, and `check` to poll. The task returns the result of the work.
 */
export abstract class ExternalOperator<Result = unknown> extends Operator<Result> {
  static override readonly uiColor: string = '#cbe3f7';
  readonly timeoutSeconds: number | null;
  readonly pollIntervalSeconds: number | null;

  constructor(id: string, options: ExternalOperatorOptions = {}, definedBy?: (...args: never[]) => unknown) {
    super(id, options, definedBy);
    const site = (): ReturnType<typeof definitionSite> => definitionSite(definedBy ?? (new.target as unknown as (...args: never[]) => unknown));
    const seconds = (value: Duration | undefined, what: string): number | null => {
      if (value === undefined) return null;
      let length: number;
      try {
        length = secondsOf(value, what);
      } catch (error) {
        throw new DagDefinitionError(`task "${this.taskId}": ${error instanceof Error ? error.message : String(error)}`, site());
      }
      if (length <= 0) throw new DagDefinitionError(`task "${this.taskId}": ${what} must be longer than 0`, site());
      return length;
    };
    this.timeoutSeconds = seconds(options.timeout, 'timeout');
    this.pollIntervalSeconds = seconds(options.pollInterval, 'pollInterval');
    if (this.pollIntervalSeconds !== null && this.check === undefined) throw new DagDefinitionError(`task "${this.taskId}" has a pollInterval, but its operator cannot look at the work (no \`check\`)`, site());
  }

  /** Hands the work over. Called again, with the same key, only when a try was lost in the middle of it, or threw. */
  abstract submit(submission: Submission, context: TaskContext): Promise<Submitted>;

  /** Looks at work that was handed over. */
  check?(job: ExternalJob, context: TaskContext): Promise<ExternalStatus>;

  override async execute(context: TaskContext): Promise<Result> {
    const { external, log } = context;
    const begun = await external.begin();
    let job: ExternalJob = begun;
    if (job.state === 'submitting' && begun.callbackUrl !== undefined) {
      if (!begun.isNew) log.warn(`An earlier try began this and did not say whether the platform took it: asking again with the same idempotency key ${job.id}`);
      const { externalId, cancel, status } = await this.submit({ idempotencyKey: job.id, callbackUrl: begun.callbackUrl, isRepeated: !begun.isNew }, context);
      job = await external.submitted({ externalId: externalId ?? null, ...(cancel === undefined ? {} : { cancel }) });
      log.info(`Submitted${job.externalId === null ? '' : ` as ${job.externalId}`}`);
      if (status !== undefined) job = await external.report(status);
    } else if (this.check !== undefined && (job.state === 'submitted' || job.state === 'running')) {
      job = await external.report(await this.check(job, context));
    }
    const leftSeconds = this.timeoutSeconds === null ? null : this.timeoutSeconds - (context.nowMs - job.createdAtMs) / 1_000;
    const isOpen = job.state === 'submitting' || job.state === 'submitted' || job.state === 'running';
    if (isOpen && leftSeconds !== null && leftSeconds <= 0) job = await external.report({ state: 'timed_out', reason: `not done after ${this.timeoutSeconds} s` });
    switch (job.state) {
      case 'success':
        return job.result as Result;
      case 'failed':
        throw new ExternalTaskFailed(job.reason ?? 'the platform reported a failure');
      case 'cancelled':
        throw new ExternalTaskFailed(job.reason ?? 'cancelled');
      case 'timed_out':
        throw new ExternalTaskTimeout(job.reason ?? 'timed out');
      default:
        log.info(`Waiting for ${job.externalId ?? 'the platform'}, without a slot${job.progress === null ? '' : `; last progress ${JSON.stringify(job.progress)}`}`);
        throw new TaskDeferred('defer', {
          correlationKey: job.correlationKey,
          ...(this.pollIntervalSeconds === null ? {} : { until: leftSeconds === null ? this.pollIntervalSeconds : Math.min(this.pollIntervalSeconds, leftSeconds) }),
          ...(leftSeconds === null ? {} : { timeout: leftSeconds, onTimeout: 'resume' }),
        });
    }
  }

  override documentFields(): DocumentFields {
    return { external: true };
  }
}
