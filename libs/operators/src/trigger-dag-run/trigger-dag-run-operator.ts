import { Operator, defer, fail, skip } from '@millrace/sdk';
import type { Duration, OperatorOptions, TaskContext } from '@millrace/sdk';

export interface TriggerDagRunOperatorOptions extends OperatorOptions {
  /** The dag to run. A template. */
  readonly triggerDagId: string;
  /** Id of the run. A template. @default made from the time */
  readonly triggerRunId?: string;
  /** JSON values; its texts are templates. */
  readonly conf?: Readonly<Record<string, unknown>>;
  /** A date, or a template that gives one. @default none */
  readonly logicalDate?: Date | string;
  readonly note?: string;
  /** Wait for the end of the run, without a slot. @default false */
  readonly waitForCompletion?: boolean;
  /** While it waits: how often it looks, should nobody have told it. @default '60s' */
  readonly pokeInterval?: Duration;
  /** Ends that are a success of this task. @default ['success'] */
  readonly allowedStates?: readonly string[];
  /** Ends that are a failure of this task. @default ['failed'] */
  readonly failedStates?: readonly string[];
  /** A run of that id or date that exists is cleared and runs again. @default false */
  readonly resetDagRun?: boolean;
  /** The task is skipped when a run of that id or date exists. @default false */
  readonly skipWhenAlreadyExists?: boolean;
  /** @default false */
  readonly failWhenDagIsPaused?: boolean;
}

export interface TriggeredDagRun {
  readonly dagId: string;
  readonly runId: string;
}

/**
 * Runs another dag. A retry goes on with the run that an earlier try asked for, unless that run failed: then it asks for another.
 * The result is `{ dagId, runId }`; the run id is also XCom `trigger_run_id`.
 */
export class TriggerDagRunOperator extends Operator<TriggeredDagRun> {
  static override readonly operatorName: string = 'TriggerDagRunOperator';
  static override readonly uiColor: string = '#ffefeb';
  override readonly templateFields: readonly string[] = ['triggerDagId', 'triggerRunId', 'logicalDate', 'conf', 'note'];
  readonly triggerDagId: string;
  readonly triggerRunId: string | undefined;
  readonly logicalDate: Date | string | undefined;
  readonly conf: Readonly<Record<string, unknown>>;
  readonly note: string | undefined;
  readonly waitForCompletion: boolean;
  readonly pokeInterval: Duration;
  readonly allowedStates: readonly string[];
  readonly failedStates: readonly string[];
  readonly resetDagRun: boolean;
  readonly skipWhenAlreadyExists: boolean;
  readonly failWhenDagIsPaused: boolean;

  constructor(id: string, options: TriggerDagRunOperatorOptions) {
    super(id, options);
    this.triggerDagId = options.triggerDagId;
    this.triggerRunId = options.triggerRunId;
    this.logicalDate = options.logicalDate;
    this.conf = options.conf ?? {};
    this.note = options.note;
    this.waitForCompletion = options.waitForCompletion ?? false;
    this.pokeInterval = options.pokeInterval ?? '60s';
    this.allowedStates = options.allowedStates ?? ['success'];
    this.failedStates = options.failedStates ?? ['failed'];
    this.resetDagRun = options.resetDagRun ?? false;
    this.skipWhenAlreadyExists = options.skipWhenAlreadyExists ?? false;
    this.failWhenDagIsPaused = options.failWhenDagIsPaused ?? false;
  }

  override async execute(context: TaskContext): Promise<TriggeredDagRun> {
    const known = context.resume as TriggeredDagRun | null;
    return known === null ? this.#trigger(context) : this.#look(context, known);
  }

  async #trigger(context: TaskContext): Promise<TriggeredDagRun> {
    const run = await context.otherRuns.trigger({
      dagId: this.triggerDagId, runId: this.triggerRunId ?? null, logicalDate: this.logicalDate === undefined || this.logicalDate === '' ? null : this.logicalDate, conf: this.conf, note: this.note ?? null,
      reset: this.resetDagRun, skipExisting: this.skipWhenAlreadyExists, failWhenPaused: this.failWhenDagIsPaused, wait: this.waitForCompletion, allowed: this.allowedStates, failed: this.failedStates,
    });
    context.log.info(`Run ${run.runId} of dag ${run.dagId}: ${SAID[run.outcome]}`);
    if (run.outcome === 'exists') skip(`run ${run.runId} of dag ${run.dagId} exists already`);
    await context.ti.xcomPush('trigger_run_id', run.runId);
    const triggered = { dagId: run.dagId, runId: run.runId };
    return this.waitForCompletion ? this.#settled(context, triggered, run.state, run.key) : triggered;
  }

  async #look(context: TaskContext, known: TriggeredDagRun): Promise<TriggeredDagRun> {
    const { found, key } = await context.otherRuns.look({ dagId: known.dagId, runId: known.runId, allowed: this.allowedStates, failed: this.failedStates, watch: true });
    const [run] = found;
    if (run === undefined) fail(`run ${known.runId} of dag ${known.dagId} was deleted while this task waited for it`);
    return this.#settled(context, known, run.state, key);
  }

  #settled(context: TaskContext, run: TriggeredDagRun, state: string, key: string | null): TriggeredDagRun {
    if (this.failedStates.includes(state)) throw new Error(`run ${run.runId} of dag ${run.dagId} ended ${state}`);
    if (this.allowedStates.includes(state)) {
      context.log.info(`Run ${run.runId} of dag ${run.dagId} ended ${state}`);
      return run;
    }
    return defer({ until: this.pokeInterval, resume: run, ...(key === null ? {} : { correlationKey: key }) });
  }
}

const SAID = { made: 'triggered', attached: 'an earlier try asked for it; going on with it', reset: 'exists, and runs again', exists: 'exists already' } as const;
