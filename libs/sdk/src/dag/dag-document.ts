import type { DagDocumentInput } from '@millrace/contracts';
import { DagDefinitionError } from '../definition-site/dag-definition-error.js';
import { siteText } from '../definition-site/definition-site.js';
import type { DefinitionSite } from '../definition-site/definition-site.js';
import { secondsOf } from '../durations/duration.js';
import { toldOfRuns } from '../callbacks/callbacks.js';
import { deadlineDocuments } from '../callbacks/deadline.js';
import { listRuns } from '../schedules/list-runs.js';
import type { ListRequest, RunList } from '../schedules/list-runs.js';
import { checkTimezone, compileSchedule } from '../schedules/schedule.js';
import { isTimetable } from '../schedules/timetable.js';
import type { Dag } from './dag.js';
import type { DagOptions, Param, ParamsInput } from './dag-options.js';
import { instantText } from './dates.js';
import { findCycle } from './find-cycle.js';
import { nodeOf } from '../tasks/operator.js';
import type { TaskDefaults } from '../tasks/operator-options.js';
import { taskDocument } from './task-document.js';

/** The dag as data, defaults left out. @throws DagDefinitionError at the place of what cannot be */
export function dagDocument(dag: Dag): DagDocumentInput {
  const operators = [...dag.tasks.values()].map((task) => task.operator);
  const cycle = findCycle(operators);
  if (cycle !== null) {
    const names = [...cycle, cycle[0]].map((operator) => `"${operator?.taskId ?? ''}"`).join(' → ');
    throw new DagDefinitionError(`dag "${dag.dagId}" has a cycle: ${names}; a task cannot come after itself`, cycle[0] === undefined ? dag.site : nodeOf(cycle[0]).site);
  }
  const header = at(dag.site, `dag "${dag.dagId}"`, () => dagFields(dag.options));
  const { resultTask } = dag.options;
  if (resultTask !== undefined && !dag.tasks.has(resultTask)) throw new DagDefinitionError(`dag "${dag.dagId}": resultTask "${resultTask}" is none of its tasks`, dag.site);
  const edgeLabels: Record<string, Record<string, string>> = {};
  for (const operator of operators) {
    for (const [upstream, label] of nodeOf(operator).edgeLabels) (edgeLabels[upstream.taskId] ??= {})[operator.taskId] = label;
  }
  return definedOnly({
    format: 1,
    dagId: dag.dagId,
    ...header,
    tasks: operators.map((operator) => at(nodeOf(operator).site, `task "${operator.taskId}"`, () => taskDocument(operator, dag.options.defaultArgs ?? {}))),
    groups: [...dag.groups.values()].map((group) => definedOnly({
      groupId: group.groupId,
      parent: group.parent?.groupId,
      label: group.options.label,
      tooltip: group.options.tooltip,
      uiColor: group.options.uiColor,
      uiFgColor: group.options.uiFgColor,
      expand: group.expansion?.document(),
      loop: group.loop === null ? undefined : { max: group.loop.max, atMax: group.loop.atMax, condition: group.condition?.taskId ?? '' },
    })),
    edgeLabels: Object.keys(edgeLabels).length === 0 ? undefined : edgeLabels,
    definedAt: siteText(dag.site) ?? undefined,
  });
}

/** The next runs of the dag's timetable. @throws DagDefinitionError at the dag's place, with what the timetable did */
export function timetableRuns(dag: Dag, request: ListRequest): RunList {
  const { schedule, timezone = 'UTC', startDate, endDate, catchup } = dag.options;
  if (!isTimetable(schedule)) return { runs: [], isComplete: true };
  const limits = {
    earliest: startDate === undefined ? null : new Date(instantText(startDate, timezone, 'startDate')),
    latest: endDate === undefined ? null : new Date(instantText(endDate, timezone, 'endDate')),
    catchup: catchup ?? false,
  };
  return at(dag.site, `timetable of dag "${dag.dagId}"`, () => listRuns(schedule, limits, request));
}

function dagFields(options: DagOptions): Omit<DagDocumentInput, 'format' | 'dagId'> {
  const timezone = options.timezone ?? 'UTC';
  checkTimezone(timezone);
  const schedule = compileSchedule(options.schedule, timezone);
  if (schedule?.kind === 'continuous' && (options.maxActiveRuns ?? 1) !== 1) throw new RangeError('schedule continuous() needs maxActiveRuns: 1');
  return {
    displayName: options.displayName,
    description: options.description,
    docMd: options.docMd,
    tags: options.tags === undefined ? undefined : [...options.tags],
    owners: options.owners === undefined ? undefined : [...options.owners],
    ownerLinks: options.ownerLinks,
    team: options.team,
    schedule: schedule ?? undefined,
    timezone: options.timezone,
    startDate: options.startDate === undefined ? undefined : instantText(options.startDate, timezone, 'startDate'),
    endDate: options.endDate === undefined ? undefined : instantText(options.endDate, timezone, 'endDate'),
    catchup: options.catchup,
    maxActiveRuns: schedule?.kind === 'continuous' ? 1 : options.maxActiveRuns,
    maxActiveTasks: options.maxActiveTasks,
    maxActiveTasksPerDag: options.maxActiveTasksPerDag,
    maxConsecutiveFailedRuns: options.maxConsecutiveFailedRuns,
    runRetries: options.runRetries,
    runRetryDelaySeconds: options.runRetryDelay === undefined ? undefined : secondsOf(options.runRetryDelay, 'runRetryDelay'),
    holdAfterFailure: options.holdAfterFailure,
    dagrunTimeoutSeconds: options.dagrunTimeout === undefined ? undefined : secondsOf(options.dagrunTimeout, 'dagrunTimeout'),
    failFast: options.failFast,
    isPausedUponCreation: options.isPausedUponCreation,
    renderTemplateAsNativeObj: options.renderTemplateAsNativeObj,
    placement: options.placement,
    resultTask: options.resultTask,
    params: options.params === undefined ? undefined : paramDocuments(options.params),
    paramOrder: options.params === undefined || Object.keys(options.params).length < 2 ? undefined : Object.keys(options.params),
    callbacks: noneIfEmpty(toldOfRuns(options)),
    deadlines: noneIfEmpty(deadlineDocuments(options.deadlines ?? [])),
    defaultArgs: options.defaultArgs === undefined ? undefined : dataOf(options.defaultArgs),
  };
}

function noneIfEmpty<T>(list: T[]): T[] | undefined {
  return list.length === 0 ? undefined : list;
}

/** What JSON can hold of them: callbacks stay in the bundle. */
function dataOf({ onExecute: _e, onSuccess: _s, onFailure: _f, onRetry: _r, onSkipped: _k, ...data }: TaskDefaults): Record<string, unknown> {
  return JSON.parse(JSON.stringify(data)) as Record<string, unknown>;
}

function paramDocuments(params: ParamsInput): NonNullable<DagDocumentInput['params']> {
  return Object.fromEntries(Object.entries(params).map(([name, given]) => [name, isParam(given) ? { value: given.value, schema: given.schema, description: given.description } : { value: given }]));
}

function isParam(given: unknown): given is Param {
  return typeof given === 'object' && given !== null && (given as { __param?: unknown }).__param === true;
}

/** Gives an error of the author's values the place where they stand. */
function at<T>(site: DefinitionSite, what: string, compile: () => T): T {
  try {
    return compile();
  } catch (error) {
    if (error instanceof RangeError || error instanceof TypeError) throw new DagDefinitionError(`${what}: ${error.message}`, site);
    throw error;
  }
}

function definedOnly<T extends object>(fields: T): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}

