import type { AssetInFile, AssetsInFile, DagPlan, MapOverInFile, PlannedEntry, PlannedPlace, PlannedTask, ScheduleInFile } from '@millrace/contracts';
import { Asset, allOf, anyOf } from '../assets/asset.js';
import type { AssetExpression } from '../assets/asset.js';
import { Dag } from '../dag/dag.js';
import { param } from '../dag/dag-options.js';
import type { DagOptions } from '../dag/dag-options.js';
import { withDag } from '../dag/current-dag.js';
import { DagDefinitionError } from '../definition-site/dag-definition-error.js';
import { definedIn, definitionSite } from '../definition-site/definition-site.js';
import { zip, zipLongest } from '../mapping/expansion.js';
import { assetsOrTime } from '../schedules/asset-schedules.js';
import { cron, cronInterval, events, every, everyInterval } from '../schedules/schedule.js';
import type { Schedule, ScheduleInput } from '../schedules/schedule.js';
import type { Operator } from '../tasks/operator.js';
import type { OperatorOptions } from '../tasks/operator-options.js';
import { makeGroup } from '../tasks/task-group.js';
import type { TaskGroup } from '../tasks/task-group.js';

export type OperatorClass = new (id: string, options: OperatorOptions) => Operator;

/**
 * @internal Builds the dag of a dag file: what the bundle of a `*.dag.yaml` calls. The plan has been checked; what only an operator or a
 * schedule knows is refused here, at its place in the file.
 * @param operators classes by the names the plan uses
 * @throws DagDefinitionError
 */
export function dagFromPlan(plan: DagPlan, operators: Readonly<Record<string, unknown>>): Dag {
  const { schedule, params, ...options } = plan.options;
  const place = (at: PlannedPlace): string => `${plan.path}:${at[0]}:${at[1]}`;
  const compiled = inPlace(place(plan.scheduleAt), `schedule of dag "${plan.dag}"`, () => scheduleOf(schedule));
  const made = definedIn(place(plan.at), () => new Dag(plan.dag, {
    ...(options as DagOptions),
    ...(compiled === null ? {} : { schedule: compiled }),
    ...(params === undefined ? {} : { params: paramsOf(params) }),
  }));
  const ids = new Map<string, Operator | TaskGroup>();
  withDag(made, () => {
    const build = (entries: readonly PlannedEntry[]): void => {
      for (const entry of entries) {
        definedIn(place(entry.at), () => {
          if (entry.kind === 'task') return void addTask(entry);
          const { group, ...groupOptions } = entry.options;
          const grouped = makeGroup({ id: group, ...groupOptions }, dagFromPlan, () => build(entry.entries));
          ids.set(grouped.groupId, grouped as TaskGroup);
        });
      }
    };
    const addTask = (entry: PlannedTask): void => {
      const kind = operators[entry.operator];
      const what = `task "${entry.id}"`;
      if (!isOperatorClass(kind)) throw new DagDefinitionError(`${what}: ${entry.operator} is no operator: a class that extends Operator is expected, with a constructor (id, options)`, definitionSite(dagFromPlan as never));
      const { inlets, outlets, ...shared } = entry.options;
      const task = inPlace(place(entry.at), what, () => new kind(entry.id, {
        ...(shared as OperatorOptions),
        ...(inlets === undefined ? {} : { inlets: inlets.map(assetOf) }),
        ...(outlets === undefined ? {} : { outlets: outlets.map(assetOf) }),
        ...entry.own,
      }));
      ids.set(task.taskId, task);
    };
    build(plan.entries);
    // After all tasks are there: a mapped one may take the output of one that is written below it.
    const expand = (entries: readonly PlannedEntry[], prefix: (id: string) => string): void => {
      for (const entry of entries) {
        if (entry.kind === 'group') {
          const inner = entry.options.prefixIds === false ? prefix : (id: string) => prefix(`${entry.options.group}.${id}`);
          expand(entry.entries, inner);
        } else {
          const task = ids.get(prefix(entry.id)) as Operator;
          inPlace(place(entry.at), `task "${task.taskId}"`, () => definedIn(place(entry.at), () => {
            if (entry.expand !== undefined) task.expand(Object.fromEntries(Object.entries(entry.expand).map(([name, over]) => [name, sourceOf(over, ids)])) as never);
            if (entry.expandKwargs !== undefined) task.expandKwargs(sourceOf(entry.expandKwargs, ids) as never);
          }));
        }
      }
    };
    expand(plan.entries, (id) => id);
    for (const [before, after, label] of plan.edges) ids.get(before)?.to(ids.get(after) as Operator, label === undefined ? {} : { label });
  });
  return made;
}

function isOperatorClass(kind: unknown): kind is OperatorClass {
  // By what it can do: a plugin may carry a copy of the SDK.
  return typeof kind === 'function' && typeof (kind.prototype as { execute?: unknown } | undefined)?.execute === 'function';
}

/** Gives an error of the author's values the place where they are written. */
function inPlace<T>(place: string, what: string, make: () => T): T {
  try {
    return definedIn(place, make);
  } catch (error) {
    if (error instanceof DagDefinitionError && error.definedAt !== null) throw error;
    const message = error instanceof Error ? error.message : String(error);
    throw definedIn(place, () => new DagDefinitionError(message.startsWith(what) ? message : `${what}: ${message}`, definitionSite(inPlace as never)));
  }
}

function sourceOf(over: MapOverInFile, ids: ReadonlyMap<string, Operator | TaskGroup>): unknown {
  if (Array.isArray(over)) return over;
  if ('output' in over) {
    const { output } = ids.get(over.output) as Operator;
    return over.key === undefined ? output : output.xcom(over.key);
  }
  if (!('zip' in over)) return over;
  const parts = over.zip.map((part) => sourceOf(part, ids)) as never[][];
  return over.longest === true ? zipLongest(over.fill ?? null, ...parts) : zip(...parts);
}

function paramsOf(given: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(given).map(([name, value]) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || !('value' in value)) return [name, value];
    const { value: preset, schema, description, ...others } = value as { value: unknown; schema?: Record<string, unknown>; description?: string };
    if (Object.keys(others).length > 0) return [name, value];
    return [name, param(preset, { ...(schema === undefined ? {} : { schema }), ...(description === undefined ? {} : { description }) })];
  }));
}

function scheduleOf(given: ScheduleInFile | undefined): ScheduleInput {
  if (given === undefined || given === null) return null;
  if (typeof given === 'string') return ['@once', '@continuous'].includes(given.trim().toLowerCase()) ? given : cron(given);
  if ('assets' in given) return given.time === undefined ? expressionOf(given.assets) : assetsOrTime(expressionOf(given.assets), timeOf(given.time));
  return timeOf(given);
}

function timeOf(given: Exclude<ScheduleInFile, null | { assets: unknown }>): Schedule | string {
  if (typeof given === 'string') return given;
  const zone = 'timezone' in given && given.timezone !== undefined ? { timezone: given.timezone } : {};
  if ('cron' in given) return cron(given.cron, zone);
  if ('cronInterval' in given) return cronInterval(given.cronInterval, zone);
  if ('every' in given) return every(given.every);
  if ('everyInterval' in given) return everyInterval(given.everyInterval);
  const { events: dates, ...more } = given as { events: string[]; restrictToEvents?: boolean; description?: string };
  return events(dates, more);
}

function expressionOf(given: AssetsInFile): AssetExpression {
  if (Array.isArray(given)) return allOf(...given.map((one) => expressionOf(one as AssetsInFile)));
  if (typeof given === 'object' && 'any' in given) return anyOf(...given.any.map(expressionOf));
  if (typeof given === 'object' && 'all' in given) return allOf(...given.all.map(expressionOf));
  return assetOf(given as AssetInFile);
}

function assetOf(given: AssetInFile): Asset {
  if (typeof given === 'string') return new Asset(given);
  const { name, ...more } = given;
  return new Asset(name, Object.fromEntries(Object.entries(more).filter(([, value]) => value !== undefined)));
}
