import type { DagCallbacks } from '../callbacks/callbacks.js';
import type { DeadlineInput } from '../callbacks/deadline.js';
import type { Duration } from '../durations/duration.js';
import type { ScheduleInput } from '../schedules/schedule.js';
import type { OptionNames } from '../definition-site/known-options.js';
import type { TaskDefaults } from '../tasks/operator-options.js';

/** A param with more than a default. */
export interface Param<T = unknown> {
  readonly __param: true;
  readonly value: T;
  /** JSON Schema the value of a run must satisfy. */
  readonly schema: Readonly<Record<string, unknown>>;
  readonly description: string | null;
}

/** A schema of a library that can say itself as JSON Schema (Standard JSON Schema), as zod's can. */
export interface SelfDescribingSchema {
  readonly '~standard': { readonly jsonSchema: { input(options: { readonly target: 'draft-2020-12' }): Record<string, unknown> } };
}

/**
 * A param with a JSON Schema: a run's conf is checked against it, and the trigger form is made of it. The schema is written as it is, or as a zod schema.
 * @example params: { limit: param(100, { schema: z.int().min(1), description: 'Rows to read' }) }
 */
export function param<T>(value: T, more: { readonly schema?: Readonly<Record<string, unknown>> | SelfDescribingSchema; readonly description?: string } = {}): Param<T> {
  return { __param: true, value, schema: jsonSchemaOf(more.schema), description: more.description ?? null };
}

function jsonSchemaOf(given: Readonly<Record<string, unknown>> | SelfDescribingSchema | undefined): Readonly<Record<string, unknown>> {
  if (given === undefined) return {};
  const standard = (given as Partial<SelfDescribingSchema>)['~standard'];
  if (standard === undefined) return given as Readonly<Record<string, unknown>>;
  if (typeof standard.jsonSchema?.input !== 'function') throw new TypeError('the schema of a param cannot say itself as JSON Schema; zod can from version 4.2 on. Or write the JSON Schema');
  const { $schema: _, ...schema } = standard.jsonSchema.input({ target: 'draft-2020-12' });
  return schema;
}

export type ParamsInput = Readonly<Record<string, unknown>>;
/** What `context.params` holds: the values, a {@link Param} by its value. */
export type ParamValues<P> = { readonly [K in keyof P]: P[K] extends Param<infer T> ? T : P[K] };

export interface DagOptions<P extends ParamsInput = ParamsInput> extends DagCallbacks {
  /** Until when a run must have ended, or must have been. */
  readonly deadlines?: readonly DeadlineInput[];
  /** Shown instead of the id. */
  readonly displayName?: string;
  readonly description?: string;
  /** Markdown shown with the dag. */
  readonly docMd?: string;
  readonly tags?: readonly string[];
  /** Who to ask, e.g. `['data-platform']`. */
  readonly owners?: readonly string[];
  /** A link for an owner: `{ 'data-platform': 'https://…' }`. */
  readonly ownerLinks?: Readonly<Record<string, string>>;
  readonly team?: string;
  /** When runs are made; a bare text is a cron *trigger*. @default only by hand */
  readonly schedule?: ScheduleInput;
  /** IANA name; cron and dates without offset are read in it. @default 'UTC' */
  readonly timezone?: string;
  /** No scheduled run before this: a `Date` or ISO text; without offset it is in `timezone`. */
  readonly startDate?: Date | string;
  /** No scheduled run after this. */
  readonly endDate?: Date | string;
  /** Make all runs missed since `startDate`, not only the newest. @default false */
  readonly catchup?: boolean;
  /** Runs at once. @default 16 */
  readonly maxActiveRuns?: number;
  /** Tasks at once in one run. @default 16 */
  readonly maxActiveTasks?: number;
  /** Tasks at once in all runs of the dag together. @default no limit */
  readonly maxActiveTasksPerDag?: number;
  /** The dag pauses itself after so many failed runs in a row; 0 never. @default 0 */
  readonly maxConsecutiveFailedRuns?: number;
  /** A run that failed runs its failed tasks, and what did not run because of them, again so many times. @default 0 */
  readonly runRetries?: number;
  /** Before each run retry. @default '5m' */
  readonly runRetryDelay?: Duration;
  /** After a failed run nothing new starts until somebody releases the dag, or the run succeeds after all. @default false */
  readonly holdAfterFailure?: boolean;
  /** A run that takes longer fails. @default no limit */
  readonly dagrunTimeout?: Duration;
  /** The first failing task stops the rest of the run. @default false */
  readonly failFast?: boolean;
  /** @default what the installation says */
  readonly isPausedUponCreation?: boolean;
  /** A template that is one expression gives its value, not its text. @default false */
  readonly renderTemplateAsNativeObj?: boolean;
  /** `single-worker` keeps all tasks of a run on one worker. @default 'any' */
  readonly placement?: 'any' | 'single-worker';
  /** The task whose return value is the result of a run: shown with it, and given to who waits for it. */
  readonly resultTask?: string;
  /** Defaults of `context.params`; a run's conf overlays them. Values, or `param(value, { schema })`. */
  readonly params?: P;
  /** Options of all tasks that do not set them themselves. */
  readonly defaultArgs?: TaskDefaults;
}

export const DAG_OPTIONS: OptionNames<DagOptions> = {
  deadlines: true, displayName: true, description: true, docMd: true, tags: true, owners: true, ownerLinks: true, team: true, schedule: true, timezone: true, startDate: true, endDate: true, catchup: true,
  maxActiveRuns: true, maxActiveTasks: true, maxActiveTasksPerDag: true, maxConsecutiveFailedRuns: true, runRetries: true, runRetryDelay: true, holdAfterFailure: true, dagrunTimeout: true, failFast: true,
  isPausedUponCreation: true, renderTemplateAsNativeObj: true, placement: true, resultTask: true, params: true, defaultArgs: true, onSuccess: true, onFailure: true,
};
