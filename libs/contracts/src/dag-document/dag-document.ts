import { z } from 'zod';
import { expandSchema, loopSchema } from './mapping.js';
import { ID_PATTERN, TRIGGER_RULES } from '@millrace/vocabulary';
import { assetAliasSchema, assetConditionSchema, assetSchema, partitionMapperSchema } from './asset-schema.js';

/**
 * The one description of a dag as data: what the SDK writes, what a dag version stores, what the engine plans from.
 * Times are RFC 3339 text in UTC, lengths of time are seconds.
 */

const id = (what: string) =>
  z.string().regex(ID_PATTERN, `${what} may hold letters, digits, "_", "-" and ".", at most 250 characters`);

const seconds = z.number().nonnegative().max(10 * 365 * 86_400);
const instant = z.iso.datetime({ offset: true });

const timeSchedules = [
  /** A trigger: logical date = interval start = interval end = the time it fires. A bare cron string means this. */
  z.object({ kind: z.literal('cron'), expressions: z.array(z.string().min(1)).min(1), timezone: z.string() }),
  /** Data intervals: the run for [start, end) is created at end; its logical date is start. */
  z.object({ kind: z.literal('cronInterval'), expression: z.string().min(1), timezone: z.string() }),
  z.object({ kind: z.literal('every'), seconds: seconds.positive() }),
  z.object({ kind: z.literal('everyInterval'), seconds: seconds.positive() }),
  z.object({ kind: z.literal('once') }),
  z.object({ kind: z.literal('continuous') }),
  /** A run at each of these instants. */
  z.object({ kind: z.literal('events'), dates: z.array(instant).max(10_000), restrictToEvents: z.boolean().default(false), description: z.string().max(1_000).nullable().default(null) }),
] as const;

export const scheduleSchema = z.discriminatedUnion('kind', [
  ...timeSchedules,
  /** A timetable written in dag code: its runs are worked out where dag code runs, and published beside the version. */
  z.object({ kind: z.literal('custom'), name: z.string().min(1).max(250), summary: z.string().max(1_000), description: z.string().max(1_000).default('') }),
  z.object({ kind: z.literal('assets'), condition: assetConditionSchema }),
  /** Whichever comes first: the assets or the time. */
  z.object({ kind: z.literal('assetsOrTime'), condition: assetConditionSchema, time: z.discriminatedUnion('kind', timeSchedules) }),
  /** One run for each partition key for which the condition is met. `mappers`: for the named assets; others use `defaultMapper`. */
  z.object({
    kind: z.literal('partitionedAssets'),
    condition: assetConditionSchema,
    mappers: z.array(z.object({ asset: z.object({ name: z.string(), uri: z.string() }), mapper: partitionMapperSchema })).default([]),
    defaultMapper: partitionMapperSchema.default({ kind: 'identity' }),
  }),
  /** Each time it fires is a partition: its key is the time, `runOffset` firings away, written in `keyFormat`. */
  z.object({ kind: z.literal('cronPartition'), expression: z.string().min(1), timezone: z.string(), runOffset: z.number().int().min(-1_000).max(1_000).default(0), keyFormat: z.string().min(1).max(100).default('%Y-%m-%dT%H:%M:%S') }),
]);
export type Schedule = z.infer<typeof scheduleSchema>;


/** null: as the task says. */
export const retryRuleSchema = z.object({
  /** Names of errors: their own, of a class of theirs, or their code. `*`: any. */
  on: z.array(z.string().min(1).max(250)).min(1),
  /** Such an error fails the task at once. */
  fail: z.boolean().default(false),
  retries: z.number().int().min(0).max(1_000).nullable().default(null),
  retryDelaySeconds: seconds.nullable().default(null),
  retryExponentialBackoff: z.number().min(0).max(10).nullable().default(null),
  maxRetryDelaySeconds: seconds.nullable().default(null),
});

export const taskSchema = z.object({
  taskId: id('a task id'),
  displayName: z.string().optional(),
  /** Class name shown as operator, e.g. `BashOperator`. */
  operator: z.string().min(1),
  upstream: z.array(z.string()).default([]),
  triggerRule: z.enum(TRIGGER_RULES).default('all_success'),
  retries: z.number().int().min(0).max(1_000).default(0),
  retryDelaySeconds: seconds.default(300),
  /** 0: constant delay; otherwise the base of the growth, 2 in Airflow. */
  retryExponentialBackoff: z.number().min(0).max(10).default(0),
  maxRetryDelaySeconds: seconds.nullable().default(null),
  /** What is different for some errors; the first rule that names the error counts. */
  retryPolicy: z.array(retryRuleSchema).max(100).default([]),
  executionTimeoutSeconds: seconds.nullable().default(null),
  /** What happens to an attempt whose worker was lost after it started. */
  onLost: z.enum(['retry-policy', 'retry', 'fail', 'ask']).default('retry-policy'),
  queue: id('a queue').default('default'),
  pool: z.string().min(1).default('default_pool'),
  poolSlots: z.number().int().min(1).default(1),
  priorityWeight: z.number().int().default(1),
  weightRule: z.enum(['downstream', 'upstream', 'absolute']).default('downstream'),
  dependsOnPast: z.boolean().default(false),
  waitForDownstream: z.boolean().default(false),
  ignoreFirstDependsOnPast: z.boolean().default(true),
  maxActivePerDag: z.number().int().min(1).nullable().default(null),
  maxActivePerRun: z.number().int().min(1).nullable().default(null),
  owner: z.string().default('millrace'),
  docMd: z.string().nullable().default(null),
  /** Names of the operator's fields that are templates. */
  templateFields: z.array(z.string()).default([]),
  /** The operator's own fields as JSON, for people and for rendered-field views; the runner uses the bundle's objects. */
  fields: z.record(z.string(), z.unknown()).default({}),
  params: z.record(z.string(), z.unknown()).default({}),
  uiColor: z.string().default('#fff'),
  uiFgColor: z.string().default('#000'),
  /** Enclosing group id, or null; groups nest by their own `parent`. */
  group: z.string().nullable().default(null),
  isSetup: z.boolean().default(false),
  isTeardown: z.boolean().default(false),
  onFailureFailDagRun: z.boolean().default(false),
  isSensor: z.boolean().default(false),
  sensorTimeoutSeconds: seconds.nullable().default(null),
  /** Starts work on other platforms, which is stopped when nobody waits for it any more. */
  external: z.boolean().default(false),
  /** Dynamic mapping: what the task is expanded over; null when not mapped. */
  expand: expandSchema.nullable().default(null),
  /** Template of what people see instead of the index of a mapped instance. */
  mapIndexTemplate: z.string().nullable().default(null),
  /** Changes that functions of the bundle are told of. */
  callbacks: z.array(z.enum(['success', 'failure', 'retry', 'skipped'])).default([]),
  inlets: z.array(assetSchema).default([]),
  outlets: z.array(assetSchema).default([]),
  inletAliases: z.array(assetAliasSchema).default([]),
  outletAliases: z.array(assetAliasSchema).default([]),
  /** Where the task is written, `file:line`, relative to the dags folder. */
  definedAt: z.string().nullable().default(null),
});
export type TaskDocument = z.infer<typeof taskSchema>;

export const groupSchema = z.object({
  groupId: id('a group id'),
  parent: z.string().nullable().default(null),
  label: z.string().nullable().default(null),
  tooltip: z.string().default(''),
  uiColor: z.string().default('CornflowerBlue'),
  uiFgColor: z.string().default('#000'),
  expand: expandSchema.nullable().default(null),
  loop: loopSchema.nullable().default(null),
});

export const paramSchema = z.object({
  value: z.unknown(),
  schema: z.record(z.string(), z.unknown()).default({}),
  description: z.string().nullable().default(null),
});

/** Until when something must have happened; counted from `reference`. */
export const deadlineSchema = z.object({
  name: z.string().min(1).max(250),
  /**
   * queued, logicalDate: a run must have ended by then. averageRunTime: a run must not take longer than the average of the last
   * `averageOf` successful ones plus the interval. lastSuccess: some run must succeed at least so often, whether any is made or not. fixed: at `at`.
   */
  reference: z.enum(['queued', 'logicalDate', 'averageRunTime', 'lastSuccess', 'fixed']),
  intervalSeconds: z.number().max(10 * 365 * 86_400).default(0),
  at: instant.nullable().default(null),
  averageOf: z.number().int().min(1).max(1_000).default(10),
  /** A function of the bundle is told. */
  hasCallback: z.boolean().default(false),
});
export type Deadline = z.infer<typeof deadlineSchema>;

export const dagDocumentSchema = z.object({
  /** Format of this document. */
  format: z.literal(1),
  dagId: id('a dag id'),
  displayName: z.string().optional(),
  description: z.string().nullable().default(null),
  docMd: z.string().nullable().default(null),
  tags: z.array(z.string().min(1).max(100)).default([]),
  owners: z.array(z.string()).default([]),
  ownerLinks: z.record(z.string(), z.string()).default({}),
  team: z.string().nullable().default(null),
  schedule: scheduleSchema.nullable().default(null),
  timezone: z.string().default('UTC'),
  startDate: instant.nullable().default(null),
  endDate: instant.nullable().default(null),
  catchup: z.boolean().default(false),
  maxActiveRuns: z.number().int().min(1).default(16),
  /** Running and queued instances of one run. */
  maxActiveTasks: z.number().int().min(1).default(16),
  /** Running and queued instances of all runs of the dag together. */
  maxActiveTasksPerDag: z.number().int().min(1).nullable().default(null),
  maxConsecutiveFailedRuns: z.number().int().min(0).default(0),
  /** A failed run runs its failed tasks again so many times, each after this long. */
  runRetries: z.number().int().min(0).max(100).default(0),
  runRetryDelaySeconds: seconds.default(300),
  /** After a failed run nothing new starts until somebody releases the dag. */
  holdAfterFailure: z.boolean().default(false),
  dagrunTimeoutSeconds: seconds.nullable().default(null),
  failFast: z.boolean().default(false),
  isPausedUponCreation: z.boolean().nullable().default(null),
  renderTemplateAsNativeObj: z.boolean().default(false),
  placement: z.enum(['any', 'single-worker']).default('any'),
  /** The task whose return value is the result of a run. */
  resultTask: z.string().nullable().default(null),
  params: z.record(z.string(), paramSchema).default({}),
  /** Their names as the author wrote them: the database keeps objects in an order of its own. Left out when there is nothing to order. */
  paramOrder: z.array(z.string()).optional(),
  defaultArgs: z.record(z.string(), z.unknown()).default({}),
  /** Ends of a run that functions of the bundle are told of. */
  callbacks: z.array(z.enum(['success', 'failure'])).default([]),
  deadlines: z.array(deadlineSchema).max(20).default([]),
  tasks: z.array(taskSchema).max(1_000_000).default([]),
  groups: z.array(groupSchema).default([]),
  /** Labels on edges, `from -> to -> label`. */
  edgeLabels: z.record(z.string(), z.record(z.string(), z.string())).default({}),
  /** Where the dag is written, relative to the dags folder. */
  definedAt: z.string().nullable().default(null),
});
/** Complete, as stored: every default filled in. */
export type DagDocument = z.infer<typeof dagDocumentSchema>;
/** As an author's tool may write it: defaults left out. */
export type DagDocumentInput = z.input<typeof dagDocumentSchema>;
