import { randomUUID } from 'node:crypto';
import type { RunnerAnswer, RunnerQuestion } from '@millrace/contracts';
import { eventsOf } from './asset-events.js';
import { connectionOf, noConnection, noVariable } from './connection.js';
import type { Macros } from './dag-contract.js';
import { TemplateDate, ds, isoformat, strftime, tsNodash } from './template-dates.js';
import type { TaskContext } from './task-context.js';

/** Answers a question a template asks while it renders, or ends the rendering until the answer is there. */
export type AskNow = (question: RunnerQuestion) => RunnerAnswer;

/** The names a template may use, as Airflow calls them. Names of dates are missing when the run has no logical date. */
export function templateNames(context: TaskContext, taskFields: Record<string, unknown>, askNow: AskNow, macros: Macros = {}): Record<string, unknown> {
  const ti = taskInstanceOf(context, askNow);
  return {
    ...dateNames(context),
    run_id: context.runId,
    dag: { dag_id: context.dagId },
    dag_run: { dag_id: context.dagId, run_id: context.runId, run_type: context.runType, conf: context.conf, logical_date: wrapped(context.logicalDate), run_after: wrapped(context.runAfter), data_interval_start: wrapped(context.dataIntervalStart), data_interval_end: wrapped(context.dataIntervalEnd), partition_key: context.partitionKey },
    task: { ...taskFields, task_id: context.taskId, dag_id: context.dagId, owner: context.owner, queue: context.queue },
    ti,
    task_instance: ti,
    task_instance_key_str: context.ti.taskInstanceKeyStr,
    params: context.params,
    conf: context.conf,
    partition_key: context.partitionKey,
    var: { value: variables(askNow, (text) => text), json: variables(askNow, (text) => JSON.parse(text) as unknown) },
    conn: connections(askNow),
    triggering_asset_events: askedWhenRead(() => triggering(askNow)),
    // The plugins' names first: none may take the place of what has always been there.
    macros: { ...macros, ...MACROS },
  };
}

/** The template engine copies all names before it renders, so a getter would be read, and asked for, by every template. */
function askedWhenRead(read: () => Record<string, unknown>): Record<string, unknown> {
  let value: Record<string, unknown> | undefined;
  const now = (): Record<string, unknown> => (value ??= read());
  return new Proxy({} as Record<string, unknown>, {
    get: (_, name) => Reflect.get(now(), name) as unknown,
    has: (_, name) => Reflect.has(now(), name),
    ownKeys: () => Reflect.ownKeys(now()),
    getOwnPropertyDescriptor: (_, name) => Reflect.getOwnPropertyDescriptor(now(), name),
  });
}

/** As Airflow's: by the asset's name, each with its events. */
function triggering(askNow: AskNow): Record<string, unknown> {
  const answer = askNow({ ask: 'assetEvents', triggering: true, name: '', uri: '', alias: '', after: '', before: '', limit: 10_000, ascending: true });
  const byName: Record<string, unknown[]> = {};
  for (const event of eventsOf('json' in answer ? answer.json : null)) {
    (byName[event.assetName] ??= []).push({
      extra: event.extra, timestamp: wrapped(event.timestamp), source_dag_id: event.sourceDagId, source_run_id: event.sourceRunId, source_task_id: event.sourceTaskId,
      source_map_index: event.sourceMapIndex, partition_key: event.partitionKey, asset: { name: event.assetName, uri: event.assetUri }, uri: event.assetUri,
    });
  }
  return byName;
}

function dateNames(context: TaskContext): Record<string, unknown> {
  const date = context.logicalDate;
  const common = { data_interval_start: wrapped(context.dataIntervalStart), data_interval_end: wrapped(context.dataIntervalEnd), run_after: wrapped(context.runAfter) };
  if (date === null) return common;
  return { ...common, logical_date: wrapped(date), ds: ds(date), ds_nodash: ds(date).replaceAll('-', ''), ts: isoformat(date), ts_nodash: tsNodash(date), ts_nodash_with_tz: `${tsNodash(date)}+0000` };
}

function taskInstanceOf(context: TaskContext, askNow: AskNow): Record<string, unknown> {
  return {
    dag_id: context.dagId,
    run_id: context.runId,
    task_id: context.taskId,
    try_number: context.tryNumber,
    max_tries: context.maxTries,
    map_index: context.mapIndex,
    task_instance_key_str: context.ti.taskInstanceKeyStr,
    start_date: wrapped(context.startDate),
    queue: context.queue,
    xcom_pull: (...args: unknown[]) => xcomPull(context, args, askNow),
    xcom_push: () => {
      throw new Error('a template cannot push an XCom');
    },
  };
}

/** Airflow's order of positional arguments: task_ids, dag_id, key. */
function xcomPull(context: TaskContext, args: unknown[], askNow: AskNow): unknown {
  const last = args.at(-1);
  const named = typeof last === 'object' && last !== null && '__keywords' in last ? (args.pop() as Record<string, unknown>) : {};
  const taskIds = named['task_ids'] ?? args[0] ?? context.taskId;
  const many = Array.isArray(taskIds);
  const mapIndexes = named['map_indexes'];
  const dagId = (named['dag_id'] ?? args[1] ?? null) as string | null;
  const runId = (named['run_id'] ?? null) as string | null;
  const own = many || mapIndexes !== undefined ? null : context.ti.ownPath(String(taskIds), dagId, runId);
  const answer = askNow({
    ask: 'xcom',
    dagId,
    runId,
    taskIds: many ? (taskIds as string[]) : [String(taskIds)],
    key: String(named['key'] ?? args[2] ?? 'return_value'),
    indexPath: typeof mapIndexes === 'number' ? (mapIndexes < 0 ? [] : [mapIndexes]) : own?.isWhole === true ? own.path : null,
    includePriorDates: named['include_prior_dates'] === true,
  });
  const all = 'xcoms' in answer ? answer.xcoms : [];
  const found = own === null ? all : all.filter((one) => own.path.every((index, i) => one.indexPath[i] === index));
  const values = found.map((one) => JSON.parse(one.json) as unknown);
  if (many || (typeof mapIndexes !== 'number' && own?.isWhole !== true && found.some((one) => one.indexPath.length > 0))) return values;
  return values[0] ?? null;
}

function variables(askNow: AskNow, read: (text: string) => unknown): unknown {
  const get = (key: string, fallback?: unknown): unknown => {
    const answer = askNow({ ask: 'variable', key });
    const text = 'json' in answer ? answer.json : null;
    return text === null ? fallback : read(text);
  };
  return named((key) => {
    if (key === 'get') return get;
    const value = get(key);
    if (value === undefined) throw noVariable(key);
    return value;
  });
}

/** `conn.warehouse.host`; `conn.get('warehouse-eu')` for ids that are no names, with a second value for one that is not there. */
function connections(askNow: AskNow): unknown {
  return named((id) => {
    if (id === 'get') return (wanted: string, fallback?: unknown) => templateConnection(wanted, askNow) ?? fallback;
    const connection = templateConnection(id, askNow);
    if (connection === undefined) throw noConnection(id);
    return connection;
  });
}

function templateConnection(connectionId: string, askNow: AskNow): unknown {
  const answer = askNow({ ask: 'connection', connectionId });
  if (!('json' in answer) || answer.json === null) return undefined;
  const connection = connectionOf(connectionId, answer.json);
  return { ...connection, conn_id: connection.connectionId, conn_type: connection.connType, extra_dejson: connection.extra };
}

/** An object whose properties are looked up when a template names them. */
function named(look: (name: string) => unknown): unknown {
  return new Proxy(Object.create(null) as object, { get: (_, name) => (typeof name === 'string' ? look(name) : undefined), has: () => true });
}

function wrapped(date: Date | null): TemplateDate | null {
  return date === null ? null : new TemplateDate(date);
}

const MACROS = {
  ds_add: (day: string, days: number) => ds(new Date(Date.parse(`${day}T00:00:00Z`) + days * 86_400_000)),
  ds_format: (day: string, from: string, to: string) => {
    if (from !== '%Y-%m-%d' && from !== '%Y%m%d') throw new Error(`macros.ds_format reads %Y-%m-%d and %Y%m%d, got ${from}`);
    const dashed = from === '%Y%m%d' ? `${day.slice(0, 4)}-${day.slice(4, 6)}-${day.slice(6, 8)}` : day;
    return strftime(new Date(`${dashed}T00:00:00Z`), to);
  },
  uuid: { uuid4: () => randomUUID() },
  random: () => Math.random(),
  json: { dumps: (value: unknown) => JSON.stringify(value), loads: (text: string) => JSON.parse(text) as unknown },
  time: { time: () => Date.now() / 1_000 },
  datetime: { now: () => new TemplateDate(new Date()), utcnow: () => new TemplateDate(new Date()) },
};
