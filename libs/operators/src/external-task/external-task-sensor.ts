import { Operator, defer, fail, secondsOf, skip } from '@millrace/sdk';
import type { Duration, OperatorOptions, OtherRunLook, TaskContext } from '@millrace/sdk';

export interface ExternalTaskSensorOptions extends OperatorOptions {
  /** A template. */
  readonly externalDagId: string;
  /** Wait for this task. Left out, with the two below: for the whole run. A template. */
  readonly externalTaskId?: string;
  readonly externalTaskIds?: readonly string[];
  /** Wait for all tasks of this group. */
  readonly externalTaskGroupId?: string;
  /** The other run's logical date is this much before ours. @default the same date */
  readonly executionDelta?: Duration;
  /** The other runs' logical dates, from ours. Instead of `executionDelta`. */
  readonly executionDateFn?: (logicalDate: Date, context: TaskContext) => Date | readonly Date[];
  /** @default ['success'] */
  readonly allowedStates?: readonly string[];
  /** States that fail this task. @default [] */
  readonly failedStates?: readonly string[];
  /** States that skip this task. @default [] */
  readonly skippedStates?: readonly string[];
  /** Fail at once when the dag, task or group does not exist. @default false */
  readonly checkExistence?: boolean;
  /** How often it looks, should nobody have told it. @default '60s' */
  readonly pokeInterval?: Duration;
  /** From its first start. @default '7d' */
  readonly timeout?: Duration;
  /** Skipped instead of failed when the time is over, or a state fails it. @default false */
  readonly softFail?: boolean;
}

/** Waits, without a slot, for a run of another dag, or for tasks or a group of it, of the matching logical date. It is told when that ends. */
export class ExternalTaskSensor extends Operator<void> {
  static override readonly operatorName: string = 'ExternalTaskSensor';
  static override readonly uiColor: string = '#4db7db';
  override readonly templateFields: readonly string[] = ['externalDagId', 'externalTaskIds', 'externalTaskGroupId'];
  readonly externalDagId: string;
  readonly externalTaskIds: readonly string[];
  readonly externalTaskGroupId: string | undefined;
  readonly executionDelta: Duration | undefined;
  readonly executionDateFn: ExternalTaskSensorOptions['executionDateFn'];
  readonly allowedStates: readonly string[];
  readonly failedStates: readonly string[];
  readonly skippedStates: readonly string[];
  readonly checkExistence: boolean;
  readonly pokeInterval: Duration;
  readonly timeout: Duration;
  readonly softFail: boolean;

  constructor(id: string, options: ExternalTaskSensorOptions) {
    super(id, options);
    const { externalTaskId, externalTaskIds, externalTaskGroupId, executionDelta, executionDateFn } = options;
    if (executionDelta !== undefined && executionDateFn !== undefined) throw new RangeError('give executionDelta or executionDateFn, not both');
    if ((externalTaskId !== undefined || externalTaskIds !== undefined) && externalTaskGroupId !== undefined) throw new RangeError('give tasks or externalTaskGroupId, not both');
    if (externalTaskId !== undefined && externalTaskIds !== undefined) throw new RangeError('give externalTaskId or externalTaskIds, not both');
    this.externalDagId = options.externalDagId;
    this.externalTaskIds = externalTaskId === undefined ? (externalTaskIds ?? []) : [externalTaskId];
    this.externalTaskGroupId = externalTaskGroupId;
    this.executionDelta = executionDelta;
    this.executionDateFn = executionDateFn;
    this.allowedStates = options.allowedStates ?? ['success'];
    this.failedStates = options.failedStates ?? [];
    this.skippedStates = options.skippedStates ?? [];
    this.checkExistence = options.checkExistence ?? false;
    this.pokeInterval = options.pokeInterval ?? '60s';
    this.timeout = options.timeout ?? '7d';
    this.softFail = options.softFail ?? false;
    const both = this.allowedStates.find((state) => this.failedStates.includes(state) || this.skippedStates.includes(state));
    if (both !== undefined) throw new RangeError(`state ${both} cannot be allowed and end the wait in another way`);
  }

  override async execute(context: TaskContext): Promise<void> {
    const dates = this.#dates(context);
    const look = await context.otherRuns.look({
      dagId: this.externalDagId, dates, taskIds: this.externalTaskIds.length === 0 ? null : this.externalTaskIds, groupId: this.externalTaskGroupId ?? null,
      allowed: this.allowedStates, failed: this.failedStates, skipped: this.skippedStates, watch: true, checkExistence: this.checkExistence,
    });
    if (look.unknown.length > 0) fail(`waiting for what does not exist: ${look.unknown.join(', ')}`);
    context.log.info(`${this.#what()} on ${dates.map((date) => date.toISOString()).join(', ')}: ${look.verdict} (${foundText(look)})`);
    switch (look.verdict) {
      case 'allowed':
        return;
      case 'skipped':
        return skip(`${this.#what()} is in one of the states ${this.skippedStates.join(', ')}`);
      case 'failed':
        return this.#giveUp(`${this.#what()} is in one of the states ${this.failedStates.join(', ')}`);
      case 'waiting':
        return defer({
          until: this.pokeInterval, timeout: new Date(context.firstStartDate.getTime() + secondsOf(this.timeout, 'timeout') * 1_000), onTimeout: this.softFail ? 'skip' : 'fail-for-good',
          ...(look.key === null ? {} : { correlationKey: look.key }),
        });
      default:
        return look.verdict satisfies never;
    }
  }

  #giveUp(reason: string): never {
    if (this.softFail) skip(reason);
    throw new Error(reason);
  }

  #dates(context: TaskContext): readonly Date[] {
    const { logicalDate } = context;
    if (logicalDate === null) fail('this run has no logical date, so no run of another dag matches it; trigger it with one');
    if (this.executionDateFn !== undefined) {
      const dates = this.executionDateFn(logicalDate, context);
      return dates instanceof Date ? [dates] : dates;
    }
    return [this.executionDelta === undefined ? logicalDate : new Date(logicalDate.getTime() - secondsOf(this.executionDelta, 'executionDelta') * 1_000)];
  }

  #what(): string {
    if (this.externalTaskGroupId !== undefined) return `group ${this.externalTaskGroupId} of dag ${this.externalDagId}`;
    return this.externalTaskIds.length === 0 ? `dag ${this.externalDagId}` : `${this.externalTaskIds.join(', ')} of dag ${this.externalDagId}`;
  }
}

function foundText({ found }: OtherRunLook): string {
  return found.length === 0 ? 'no such run yet' : found.map((run) => `${run.runId} ${run.state}`).join(', ');
}
