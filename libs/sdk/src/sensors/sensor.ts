import type { TaskContext } from '../context/task-context.js';
import { ControlFlow, TaskDeferred, TaskSkipped } from '../control-flow/control-flow.js';
import { DagDefinitionError } from '../definition-site/dag-definition-error.js';
import { definitionSite } from '../definition-site/definition-site.js';
import { secondsOf } from '../durations/duration.js';
import type { Duration } from '../durations/duration.js';
import { Operator } from '../tasks/operator.js';
import type { DocumentFields } from '../tasks/operator.js';
import type { OperatorOptions } from '../tasks/operator-options.js';
import { pause } from './pause.js';
import { nextPokeSeconds } from './poke-interval.js';

export const SENSOR_MODES = ['poke', 'reschedule', 'deferred'] as const;
/** How a sensor waits between two looks; see {@link SensorOptions.mode}. */
export type SensorMode = (typeof SENSOR_MODES)[number];

export interface SensorOptions extends OperatorOptions {
  /**
   * `poke` sleeps in its slot: for waits of seconds. `reschedule` gives the slot back between two looks. `deferred` does too, and what it
   * waits for can be reported to `wakeKey`, which makes it look at once. @default 'poke'
   */
  readonly mode?: SensorMode;
  /** Between two looks. @default '60s' */
  readonly pokeInterval?: Duration;
  /** Double the interval after each look, with a jitter. @default false */
  readonly exponentialBackoff?: boolean;
  /** No interval is longer. @default no limit */
  readonly maxWait?: Duration;
  /**
   * The whole wait, over all looks and retries since the instance was made or cleared (`poke`: since this try began). The task then fails,
   * whatever retries are left. @default '7d'
   */
  readonly timeout?: Duration;
  /** A wait that took too long, and a look that fails for good, skip the task. @default false */
  readonly softFail?: boolean;
  /** A look that throws is logged, and counts as "not yet". @default false */
  readonly silentFail?: boolean;
  /** Whatever goes wrong skips the task. @default false */
  readonly neverFail?: boolean;
  /** `deferred` only: an event reported to this key makes the sensor look at once. */
  readonly wakeKey?: string;
}

/** What a look may return: whether it is there, or {@link sensed} with a value to hand on. */
export type PokeAnswer<Result> = boolean | Sensed<Result>;

export interface Sensed<Result> {
  readonly __millrace: 'sensed';
  readonly isDone: boolean;
  readonly value: Result;
}

/** It is there, and this is what the sensor returns as XCom `return_value`. @example return sensed({ rows: 12 }) */
export function sensed<Result>(value: Result, isDone = true): Sensed<Result> {
  return { __millrace: 'sensed', isDone, value };
}

/** The whole wait took longer than `timeout`. */
export class SensorTimeout extends ControlFlow {
  override readonly name = 'SensorTimeout';
  readonly millrace = 'fail';
}

/**
 * Waits until something is there. Subclass it and write `poke`:
 * @example
 * export class FileSensor extends Sensor {
 *   constructor(id: string, readonly path: string, options: SensorOptions = {}) { super(id, options); }
 *   override poke(): boolean { return existsSync(this.path); }
 * }
 */
export abstract class Sensor<Result = unknown> extends Operator<Result | undefined> {
  static override readonly uiColor: string = '#e6f1f2';
  readonly mode: SensorMode;
  readonly pokeIntervalSeconds: number;
  readonly timeoutSeconds: number;

  constructor(id: string, options: SensorOptions = {}, definedBy?: (...args: never[]) => unknown) {
    super(id, options, definedBy);
    const refuse = (problem: string): never => {
      throw new DagDefinitionError(`sensor "${this.taskId}": ${problem}`, definitionSite(definedBy ?? (new.target as unknown as (...args: never[]) => unknown)));
    };
    const seconds = (value: Duration, what: string): number => {
      try {
        return secondsOf(value, what);
      } catch (error) {
        return refuse(error instanceof Error ? error.message : String(error));
      }
    };
    this.mode = options.mode ?? 'poke';
    if (!SENSOR_MODES.includes(this.mode)) refuse(`mode must be one of ${SENSOR_MODES.join(', ')}, got ${JSON.stringify(this.mode)}`);
    if (options.wakeKey !== undefined && this.mode !== 'deferred') refuse('wakeKey needs mode: \'deferred\'');
    this.pokeIntervalSeconds = seconds(options.pokeInterval ?? 60, 'pokeInterval');
    this.timeoutSeconds = seconds(options.timeout ?? '7d', 'timeout');
    if (options.maxWait !== undefined) seconds(options.maxWait, 'maxWait');
    if (this.timeoutSeconds <= 0) refuse('timeout must be longer than 0');
    if (options.softFail === true && options.neverFail === true) refuse('softFail and neverFail exclude each other');
  }

  /** One look: true, or `sensed(value)`, when it is there; false to look again later. Throw to fail the try. */
  abstract poke(context: TaskContext): PokeAnswer<Result> | Promise<PokeAnswer<Result>>;

  override async execute(context: TaskContext): Promise<Result | undefined> {
    const { mode } = this;
    const options = this.options as SensorOptions;
    // A sensor that sleeps in its slot has only this try; one that gives it back has all looks since the first.
    const beganMs = mode === 'poke' ? context.nowMs : Math.min(context.firstStartDate.getTime(), context.nowMs);
    const key = `${context.dagId}#${context.runId}#${context.taskId}#${context.indexPath.join('.')}#${Math.round(beganMs)}`;
    for (let look = mode === 'poke' ? 1 : context.looks + 1; ; look++) {
      const answer = await this.#look(context, options);
      if (answer === true) return undefined;
      if (answer !== false && answer.isDone) return answer.value;
      const waitedSeconds = (context.nowMs - beganMs) / 1_000;
      if (waitedSeconds >= this.timeoutSeconds) this.#timedOut(options, waitedSeconds);
      const pauseSeconds = nextPokeSeconds(
        { pokeIntervalSeconds: this.pokeIntervalSeconds, exponentialBackoff: options.exponentialBackoff ?? false, maxWaitSeconds: options.maxWait === undefined ? null : secondsOf(options.maxWait, 'maxWait') },
        look, key, this.timeoutSeconds - waitedSeconds,
      );
      if (mode === 'reschedule') throw new TaskDeferred('reschedule', { until: pauseSeconds });
      if (mode === 'deferred') throw new TaskDeferred('defer', { until: pauseSeconds, ...(options.wakeKey === undefined ? {} : { correlationKey: options.wakeKey }) });
      await (context.pauseMs ?? pause)(pauseSeconds * 1_000, context.signal);
    }
  }

  override documentFields(): DocumentFields {
    return { isSensor: true, sensorTimeoutSeconds: this.timeoutSeconds };
  }

  async #look(context: TaskContext, options: SensorOptions): Promise<PokeAnswer<Result>> {
    try {
      const answer: unknown = await this.poke(context);
      // By its mark: a plugin may carry a copy of `sensed` of its own.
      return typeof answer === 'object' && answer !== null && (answer as { __millrace?: unknown }).__millrace === 'sensed' ? (answer as Sensed<Result>) : Boolean(answer);
    } catch (error) {
      const signal = (error as { millrace?: unknown } | null)?.millrace;
      if (signal === 'fail' && (options.softFail === true || options.neverFail === true)) throw new TaskSkipped(`skipped instead of failed: ${messageOf(error)}`);
      if (signal !== undefined) throw error;
      if (options.silentFail === true) {
        context.log.error('This look failed, and counts as "not yet" (silentFail)', error);
        return false;
      }
      if (options.neverFail === true) throw new TaskSkipped(`skipped instead of failed: ${messageOf(error)}`);
      throw error;
    }
  }

  #timedOut(options: SensorOptions, waitedSeconds: number): never {
    const message = `not there after ${Math.round(waitedSeconds)} s; the time-out is ${this.timeoutSeconds} s`;
    throw options.softFail === true || options.neverFail === true ? new TaskSkipped(message) : new SensorTimeout(message);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
