import { Operator, defer, secondsOf } from '@millrace/sdk';
import type { Duration, OperatorOptions, TaskContext } from '@millrace/sdk';

/** Waits for a moment without a slot and without looking: the database's timer wakes it. */
abstract class MomentSensor extends Operator<void> {
  static override readonly uiColor: string = '#e6f1f2';

  protected abstract momentOf(context: TaskContext): Date;

  override execute(context: TaskContext): void {
    const moment = this.momentOf(context);
    // By the database's clock, which all workers share.
    if (moment.getTime() <= context.nowMs) {
      context.log.info(`${moment.toISOString()} has come`);
      return;
    }
    context.log.info(`Waiting until ${moment.toISOString()}`);
    defer({ until: moment });
  }
}

export interface DateTimeSensorOptions extends OperatorOptions {
  /** A date, or ISO 8601 text with its offset; without one it is UTC. Template: `{{ data_interval_end.add({ hours: 6 }) }}`. */
  readonly targetTime: Date | string;
}

/** Waits until a moment. */
export class DateTimeSensor extends MomentSensor {
  override readonly templateFields: readonly string[] = ['targetTime'];
  readonly targetTime: Date | string;

  constructor(id: string, options: DateTimeSensorOptions) {
    super(id, options);
    const given: unknown = options?.targetTime;
    const isUsable = given instanceof Date ? !Number.isNaN(given.getTime()) : typeof given === 'string' && (given.includes('{{') || given.includes('{%') || readMoment(given) !== null);
    if (!isUsable) throw new TypeError(`task "${this.taskId}": targetTime must be a date or ISO 8601 text, got ${JSON.stringify(given) ?? 'nothing'}`);
    this.targetTime = options.targetTime;
  }

  protected override momentOf(): Date {
    const moment = this.targetTime instanceof Date ? this.targetTime : readMoment(this.targetTime);
    if (moment === null) throw new Error(`targetTime is no ISO 8601 text: ${JSON.stringify(this.targetTime)}`);
    return moment;
  }
}

export interface TimeDeltaSensorOptions extends OperatorOptions {
  /** So long after the end of the run's data interval; of a run without one, after it was due (`run_after`). */
  readonly delta: Duration;
}

/** Waits for a length of time after the run's data interval has ended. */
export class TimeDeltaSensor extends MomentSensor {
  readonly delta: Duration;

  constructor(id: string, options: TimeDeltaSensorOptions) {
    super(id, options);
    secondsOf(options?.delta, `task "${this.taskId}": delta`);
    this.delta = options.delta;
  }

  protected override momentOf({ dataIntervalEnd, runAfter }: TaskContext): Date {
    return new Date((dataIntervalEnd ?? runAfter).getTime() + secondsOf(this.delta, 'delta') * 1_000);
  }
}

/** With a space for the "T", as templates print dates. */
function readMoment(text: string): Date | null {
  const match = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)\s*(Z|[+-]\d{2}:?\d{2})?)?$/i.exec(text.trim());
  if (match === null) return null;
  const moment = new Date(`${match[1]}T${match[2] ?? '00:00'}${match[3] ?? 'Z'}`);
  return Number.isNaN(moment.getTime()) ? null : moment;
}
