import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { dagDocumentSchema } from '@millrace/contracts';
import type { DagDocument } from '@millrace/contracts';
import { compilePlan, compileTimetable } from '@millrace/engine';
import type { PlanSource } from '@millrace/engine';
import type { DagLike } from '@millrace/execution/runner';
import { attachPlugins } from '@millrace/sdk';
import type { Dag } from '@millrace/sdk';
import { RUN_ID_PATTERN } from '@millrace/vocabulary';
import { checkNames } from './options/outcomes.js';
import type { RunDagOptions } from './options/run-options.js';
import { TestRun } from './result/test-run.js';
import { DagWorld } from './world/dag-world.js';

/** What `dag(…)` of `@millrace/sdk` returns. By shape: a bundle carries a copy of the SDK of its own. */
export interface RunnableDag {
  readonly dagId: string;
  readonly tasks: ReadonlyMap<string, unknown>;
  toDocument(): unknown;
}

const START = '2026-01-01T00:00:00.000Z';

/**
 * Runs a dag to its end, in this process and in milliseconds: states are what the scheduler would decide, templates and context are a worker's,
 * time is the test's. What a task does to the world outside it really does, unless an outcome is chosen for it.
 * @example
 * const run = await runDag(flights, { conf: { day: '2026-01-02' }, outcomes: { extract: { returns: [1, 2, 3] } } });
 * expect(run.states).toEqual({ extract: 'success', load: 'success' });
 * @throws Error for a dag that could not be published, options that name what is not there, and a run that would wait for ever
 */
export async function runDag(dag: RunnableDag, options: RunDagOptions = {}): Promise<TestRun> {
  if (options.plugins !== undefined) attachPlugins(new Map([[dag.dagId, dag as unknown as Dag]]), options.plugins);
  const document = documentOf(dag);
  const compiled = compilePlan(document as PlanSource);
  if (!compiled.ok) throw new Error(`dag "${document.dagId}" could not be published: ${compiled.errors.map((error) => error.message).join('; ')}`);
  checkNames(new Set(document.tasks.map((task) => task.taskId)), {
    outcomes: options.outcomes, platform: options.platform, answers: options.answers, tasks: Object.fromEntries((options.tasks ?? []).map((taskId) => [taskId, true])),
  });
  const logicalDate = options.logicalDate === null ? null : instantOf(options.logicalDate ?? START, 'logicalDate');
  const nowMs = Date.parse(instantOf(options.now ?? logicalDate ?? START, 'now'));
  const interval = intervalOf(document, options, logicalDate);
  const runId = options.runId ?? `${options.runType ?? 'manual'}__${(logicalDate ?? new Date(nowMs).toISOString()).replace('.000Z', '+00:00').replace('Z', '+00:00')}`;
  if (!RUN_ID_PATTERN.test(runId)) throw new RangeError(`runId ${JSON.stringify(runId)} cannot be: letters, digits, "_", ".", "~", ":", "+", "-" and blanks, at most 250 characters`);
  const world = new DagWorld({
    dag: dag as unknown as DagLike, document, plan: compiled.plan, options, nowMs, runId, logicalDate, intervalStart: interval.start, intervalEnd: interval.end, params: paramsOf(document, options.conf ?? {}),
  });
  return new TestRun(await world.live());
}

function documentOf(dag: RunnableDag): DagDocument {
  if (typeof (dag as Partial<RunnableDag> | null | undefined)?.toDocument !== 'function') throw new TypeError('runDag needs what dag(…) returned as first argument; is it the default export of the file you import?');
  const checked = dagDocumentSchema.safeParse(dag.toDocument());
  if (checked.success) return checked.data;
  const [issue] = checked.error.issues;
  throw new Error(`dag "${dag.dagId}" could not be published: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'is no dag document'}`);
}

/** As a trigger: what the timetable says of a run by hand, unless it is given. */
function intervalOf(document: DagDocument, { dataInterval }: RunDagOptions, logicalDate: string | null): { start: string | null; end: string | null } {
  if (dataInterval !== undefined) return { start: instantOf(dataInterval.start, 'dataInterval.start'), end: instantOf(dataInterval.end, 'dataInterval.end') };
  if (logicalDate === null) return { start: null, end: null };
  const compiled = compileTimetable(document.schedule, {
    timezone: document.timezone, startMs: document.startDate === null ? null : Date.parse(document.startDate), endMs: document.endDate === null ? null : Date.parse(document.endDate), catchup: document.catchup,
  });
  if (!compiled.ok || compiled.timetable === null) return { start: logicalDate, end: logicalDate };
  const { intervalStartMs, intervalEndMs } = compiled.timetable.manual(Date.parse(logicalDate));
  return { start: new Date(intervalStartMs).toISOString(), end: new Date(intervalEndMs).toISOString() };
}

/** As a trigger: the dag's params, over them the conf, each checked against its schema. */
function paramsOf(document: DagDocument, conf: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const params: Record<string, unknown> = Object.fromEntries(Object.entries(document.params).map(([name, param]) => [name, Object.hasOwn(conf, name) ? conf[name] : param.value]));
  for (const [name, { schema }] of Object.entries(document.params)) {
    if (Object.keys(schema).length === 0) continue;
    const ajv = new Ajv2020({ strict: false, allErrors: true });
    (addFormats as unknown as (ajv: Ajv2020) => void)(ajv);
    if (!ajv.validate(schema, params[name])) throw new RangeError(`param "${name}" of dag "${document.dagId}" is not valid: ${ajv.errorsText(ajv.errors, { dataVar: name })}`);
  }
  return { ...conf, ...params };
}

function instantOf(value: Date | string, what: string): string {
  const date = new Date(value);
  if (Number.isNaN(date.getTime())) throw new RangeError(`${what} is no time: ${JSON.stringify(value)}`);
  return date.toISOString();
}
