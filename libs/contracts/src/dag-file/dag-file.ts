import { z } from 'zod';
import { ID_PATTERN, TRIGGER_RULES } from '@millrace/vocabulary';

/**
 * A dag written as YAML or JSON (`*.dag.yaml`, or sent to the api): what an author writes, not what a version stores (that is the dag
 * document). The names are those of the SDK's options, so that one page of documentation serves both. The published JSON Schema is made
 * of this.
 */

const id = (what: string) => z.string(`expected ${what}, a text`).regex(ID_PATTERN, `expected ${what}: letters, digits, "_", "-" and ".", at most 250 characters`);

const DURATION_TEXT = /^\s*(\d+(\.\d+)?\s*(ms|s|m|h|d|w)?\s*)+$/i;
const WHAT_DURATION = 'expected a length of time: seconds as a number, or a text like "30s", "5m", "1h30m", "2d"';
const duration = z.union([z.number(WHAT_DURATION).nonnegative(WHAT_DURATION), z.string(WHAT_DURATION).regex(DURATION_TEXT, WHAT_DURATION)], WHAT_DURATION);

const date = z.string('expected a date in quotes, like "2026-01-31" or "2026-01-31T06:00:00+01:00"').regex(/^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?$/, 'expected a date like "2026-01-31" or "2026-01-31T06:00:00+01:00"');
const count = (min: number) => z.number().int().min(min);
const data = z.record(z.string(), z.unknown(), 'expected a mapping of names to values');

const assetObject = z.strictObject({ name: z.string().min(1), uri: z.string().min(1).optional(), group: z.string().min(1).optional(), extra: data.optional() });
const asset = z.union([z.string().min(1), assetObject], 'expected an asset: its name or URI, or { name, uri, group, extra }');

export type AssetInFile = z.infer<typeof asset>;
export type AssetsInFile = AssetInFile | { readonly any: readonly AssetsInFile[] } | { readonly all: readonly AssetsInFile[] } | readonly AssetsInFile[];
const assets: z.ZodType<AssetsInFile> = z.lazy(() => z.union([
  asset,
  z.strictObject({ any: z.array(assets).min(1) }),
  z.strictObject({ all: z.array(assets).min(1) }),
  z.array(assets).min(1),
], 'expected assets: one (its name, URI or { name, uri }), a list (all of them), { any: […] } or { all: […] }')).meta({ id: 'assets' });

const timezone = z.string().min(1);
const cronText = z.string().min(1);
const timeSchedule = z.union([
  cronText,
  z.strictObject({ cron: z.union([cronText, z.array(cronText).min(1)]), timezone: timezone.optional() }),
  z.strictObject({ cronInterval: cronText, timezone: timezone.optional() }),
  z.strictObject({ every: duration }),
  z.strictObject({ everyInterval: duration }),
  z.strictObject({ events: z.array(date).min(1).max(10_000), restrictToEvents: z.boolean().optional(), description: z.string().optional() }),
], 'expected a time: a cron text, { cron }, { cronInterval }, { every }, { everyInterval } or { events }');

const schedule = z.union([
  timeSchedule,
  z.strictObject({ assets, time: timeSchedule.optional() }),
  z.null(),
], 'expected a schedule: a cron text ("0 6 * * *", "@daily", "@once", "@continuous"), { cron }, { cronInterval }, { every }, { everyInterval }, { events } or { assets }');
export type ScheduleInFile = z.infer<typeof schedule>;

const retryRule = z.strictObject({
  on: z.union([z.string().min(1), z.array(z.string().min(1)).min(1)], 'expected the name of an error, or a list of names; "*" is any'),
  fail: z.boolean().optional(),
  retries: count(0).optional(),
  delay: duration.optional(),
  exponentialBackoff: z.union([z.boolean(), z.number()], 'expected true, false or a number').optional(),
  maxDelay: duration.optional(),
});

/** What `defaultArgs` may set for all tasks. */
const shared = {
  retries: count(0).max(1_000).optional().describe('Tries after the first that may fail.'),
  retryDelay: duration.optional().describe('Between two tries; "5m" when left out.'),
  retryExponentialBackoff: z.union([z.boolean(), z.number().min(0).max(10)], 'expected true, false or a number').optional().describe('Growth of the delay: true doubles it each try, a number is the base.'),
  maxRetryDelay: duration.optional(),
  retryPolicy: z.array(retryRule).max(100).optional().describe('What is different for some errors; the first rule that names the error counts.'),
  executionTimeout: duration.optional().describe('A try that takes longer is killed and counts as failed.'),
  triggerRule: z.enum(TRIGGER_RULES, `expected a trigger rule: ${TRIGGER_RULES.join(', ')}`).optional(),
  queue: id('a queue').optional(),
  pool: z.string().min(1).optional(),
  poolSlots: count(1).optional(),
  priorityWeight: z.number().int().optional(),
  weightRule: z.enum(['downstream', 'upstream', 'absolute']).optional(),
  dependsOnPast: z.boolean().optional(),
  waitForDownstream: z.boolean().optional(),
  ignoreFirstDependsOnPast: z.boolean().optional(),
  maxActivePerDag: count(1).optional(),
  maxActivePerRun: count(1).optional(),
  onLost: z.enum(['retry-policy', 'retry', 'fail', 'ask']).optional(),
  owner: z.string().min(1).optional(),
};

const dependency = z.union([z.string().min(1), z.strictObject({ task: z.string().min(1), label: z.string().max(250).optional() })], 'expected the id of a task or group, or { task, label }');
const dependsOn = z.union([z.string().min(1), z.array(dependency)], 'expected the id of a task or group, or a list of them').optional().describe('Tasks and groups that come before: ids within the same group, or full ids.');

const outputOf = z.strictObject({ output: z.string().min(1).describe('The task whose list (or object) is mapped over.'), key: z.string().min(1).optional() });
export type MapOverInFile = z.infer<typeof outputOf> | readonly unknown[] | { readonly zip: readonly MapOverInFile[]; readonly longest?: boolean | undefined; readonly fill?: unknown };
const mapOver: z.ZodType<MapOverInFile> = z.lazy(() => z.union([
  z.array(z.unknown()),
  outputOf,
  z.strictObject({ zip: z.array(mapOver).min(1), longest: z.boolean().optional(), fill: z.unknown().optional() }),
], 'expected what to map over: a list, { output: task } or { zip: […] }')).meta({ id: 'mapOver' });

export const taskInFile = z.strictObject({
  id: id('a task id'),
  operator: z.string('expected the name of an operator').min(1).describe('A built-in operator by its short name or class name ("bash", "BashOperator"), or with `from` the name a module exports.'),
  from: z.string().min(1).optional().describe('The module that exports the operator: "plugins/name.js", "./relative.ts" or a package.'),
  options: data.optional().describe("The operator's own options."),
  dependsOn,
  expand: z.record(z.string(), mapOver, 'expected a mapping from options to what each is mapped over').optional().describe('One instance for each combination of elements.'),
  expandKwargs: mapOver.optional().describe('One instance for each object, whose fields are the options of the instance.'),
  mapIndexTemplate: z.string().optional(),
  displayName: z.string().optional(),
  docMd: z.string().optional(),
  params: data.optional(),
  setup: z.boolean().optional(),
  teardown: z.boolean().optional(),
  onFailureFailDagRun: z.boolean().optional(),
  inlets: z.array(asset).optional(),
  outlets: z.array(asset).optional(),
  ...shared,
});
export type TaskInFile = z.infer<typeof taskInFile>;

export interface GroupInFile {
  readonly group: string;
  readonly label?: string | undefined;
  readonly tooltip?: string | undefined;
  readonly prefixIds?: boolean | undefined;
  readonly uiColor?: string | undefined;
  readonly uiFgColor?: string | undefined;
  readonly dependsOn?: string | readonly (string | { readonly task: string; readonly label?: string | undefined })[] | undefined;
  readonly tasks: readonly (TaskInFile | GroupInFile)[];
}
export const groupInFile: z.ZodType<GroupInFile> = z.lazy(() => z.strictObject({
  group: id('a group id'),
  label: z.string().optional(),
  tooltip: z.string().optional(),
  prefixIds: z.boolean().optional().describe("Put the group's id before the ids of its tasks; true when left out."),
  uiColor: z.string().optional(),
  uiFgColor: z.string().optional(),
  dependsOn,
  tasks: z.array(entryInFile).min(1, 'expected at least one task in a group'),
})).meta({ id: 'group' });

/** Told apart by the word `group`, so that what is wrong in a task is told as of a task. */
export const entryInFile: z.ZodType<TaskInFile | GroupInFile> = z.lazy(() => z.union([taskInFile.meta({ id: 'task' }), groupInFile])).meta({ id: 'entry' });

const param = z.union([z.strictObject({ value: z.unknown(), schema: data.optional(), description: z.string().optional() }), z.unknown()]);

export const dagFileShape = {
  dag: id('a dag id').describe('The id of the dag.'),
  displayName: z.string().optional(),
  description: z.string().optional(),
  docMd: z.string().optional().describe('Markdown shown with the dag.'),
  tags: z.array(z.string().min(1).max(100)).optional(),
  owners: z.array(z.string()).optional(),
  ownerLinks: z.record(z.string(), z.string()).optional(),
  team: z.string().optional(),
  schedule: schedule.optional().describe('When runs are made; left out: only by hand.'),
  timezone: timezone.optional().describe('IANA name; cron and dates without offset are read in it. "UTC" when left out.'),
  startDate: date.optional(),
  endDate: date.optional(),
  catchup: z.boolean().optional(),
  maxActiveRuns: count(1).optional(),
  maxActiveTasks: count(1).optional(),
  maxActiveTasksPerDag: count(1).optional(),
  maxConsecutiveFailedRuns: count(0).optional(),
  runRetries: count(0).max(100).optional(),
  runRetryDelay: duration.optional(),
  holdAfterFailure: z.boolean().optional(),
  dagrunTimeout: duration.optional(),
  failFast: z.boolean().optional(),
  isPausedUponCreation: z.boolean().optional(),
  renderTemplateAsNativeObj: z.boolean().optional(),
  placement: z.enum(['any', 'single-worker']).optional(),
  resultTask: z.string().min(1).optional().describe('The task whose return value is the result of a run: its full id.'),
  params: z.record(z.string(), param, 'expected a mapping of names to defaults').optional().describe('Defaults, or { value, schema, description } with a JSON Schema.'),
  defaultArgs: z.strictObject(shared).optional().describe('Options of all tasks that do not set them themselves.'),
  tasks: z.array(entryInFile, 'expected a list of tasks').min(1, 'expected at least one task').max(100_000),
};
export const dagFileSchema = z.strictObject(dagFileShape);
export type DagFile = z.infer<typeof dagFileSchema>;

export function isGroup(entry: TaskInFile | GroupInFile): entry is GroupInFile {
  return 'group' in entry;
}
