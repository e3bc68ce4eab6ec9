import type { Callback, CallbackList } from '../callbacks/callbacks.js';
import type { TaskContext } from '../context/task-context.js';
import type { Dag } from '../dag/dag.js';
import type { Operator } from '../tasks/operator.js';
import type { OperatorOptions } from '../tasks/operator-options.js';
import { isPlugin } from './describe-plugin.js';
import type { Link, Listener, Plugin } from './plugin.js';
import { nameOfClass } from './plugin.js';

const TASK_EVENTS = { onSuccess: 'onTaskSuccess', onFailure: 'onTaskFailed', onRetry: 'onTaskRetry', onSkipped: 'onTaskSkipped' } as const;
const RUN_EVENTS = { onSuccess: 'onRunSuccess', onFailure: 'onRunFailed' } as const;
/** What a link is kept under: an XCom beside the task's own, as Airflow has it. */
export const LINK_KEY = '_link_';

const ATTACHED = new WeakMap<Dag, Set<Plugin>>();

/** Dags whose templates have the plugins' macros. */
type WithMacros = { macros?: Record<string, Readonly<Record<string, unknown>>> };

/**
 * @internal Gives dags the listeners, links and macros of plugins: listeners become callbacks of the dag and its tasks, links XComs that a try
 * leaves, macros names of its templates. What bundles do with the plugins of an installation, and `runDag` with those it is given.
 */
export function attachPlugins<Dags extends ReadonlyMap<string, Dag>>(dags: Dags, modules: readonly unknown[]): Dags {
  const plugins = modules.map((module) => (isPlugin(module) ? module : Object.values(module as object).find(isPlugin))).filter((one): one is Plugin => one !== undefined);
  for (const dag of dags.values()) {
    const known = ATTACHED.get(dag) ?? new Set();
    ATTACHED.set(dag, known);
    // A test may run the same dag several times.
    for (const plugin of plugins) if (!known.has(plugin)) attach(dag, plugin);
    for (const plugin of plugins) known.add(plugin);
  }
  return dags;
}

function attach(dag: Dag, { name, spec }: Plugin): void {
  if (spec.macros !== undefined) ((dag as WithMacros).macros ??= {})[name] = spec.macros;
  const listeners = (spec.listeners ?? []).filter((listener) => listener.dags === undefined || listener.dags.includes(dag.dagId));
  if (listeners.length > 0) {
    const own = dag.options as Record<string, CallbackList | undefined>;
    set(dag, { ...dag.options, ...added(own, own, RUN_EVENTS, listeners, name) });
  }
  for (const { operator } of dag.tasks.values()) {
    if (listeners.length > 0) listenTo(operator, dag, listeners, name);
    const links = (spec.links ?? []).filter((link) => link.operators.some((kind) => isOf(operator, kind)));
    if (links.length > 0) linkFrom(operator, links);
  }
}

function listenTo(operator: Operator, dag: Dag, listeners: readonly Listener[], name: string): void {
  const own = operator.options as Record<string, CallbackList | undefined>;
  const defaults = (dag.options.defaultArgs ?? {}) as Record<string, CallbackList | undefined>;
  const running = listeners.flatMap((listener) => (listener.onTaskRunning === undefined ? [] : [safely(name, 'onTaskRunning', listener)]));
  const onExecute = [own['onExecute'] ?? defaults['onExecute'] ?? []].flat();
  set(operator, { ...operator.options, ...added(own, defaults, TASK_EVENTS, listeners, name), ...(running.length === 0 ? {} : { onExecute: [...onExecute, ...running] as OperatorOptions['onExecute'] }) });
}

/** The author's callbacks first, then those of the listeners. */
function added(own: Readonly<Record<string, CallbackList | undefined>>, defaults: Readonly<Record<string, CallbackList | undefined>>, events: Readonly<Record<string, keyof Listener>>, listeners: readonly Listener[], name: string): Record<string, CallbackList> {
  const lists: Record<string, CallbackList> = {};
  for (const [option, on] of Object.entries(events)) {
    const told = listeners.filter((listener) => typeof listener[on] === 'function').map((listener) => safely(name, on, listener));
    if (told.length > 0) lists[option] = [...([own[option] ?? defaults[option] ?? []].flat() as Callback[]), ...told];
  }
  return lists;
}

/** A listener's mistake is the listener's: it neither fails nor repeats the author's own callbacks. */
function safely(plugin: string, on: keyof Listener, listener: Listener): (context: TaskContext) => Promise<void> {
  return async (context) => {
    try {
      await (listener[on] as (context: unknown) => unknown).call(listener, context);
    } catch (error) {
      context.log.error(`Listener ${on} of plugin "${plugin}" failed:`, error);
    }
  };
}

function isOf(operator: Operator, kind: Link['operators'][number]): boolean {
  const name = typeof kind === 'string' ? kind : nameOfClass(kind);
  for (let made = operator.constructor; typeof made === 'function' && made.name !== ''; made = Object.getPrototypeOf(made) as typeof made) if (nameOfClass(made) === name || made.name === name) return true;
  return false;
}

function linkFrom(operator: Operator, links: readonly Link[]): void {
  const own = operator as unknown as { execute: (context: TaskContext) => unknown };
  const execute = own.execute.bind(operator);
  Object.defineProperty(operator, 'execute', { configurable: true, enumerable: false, writable: true, value: async (context: TaskContext): Promise<unknown> => {
    try {
      return await execute(context);
    } finally {
      for (const link of links) await leave(link, operator, context);
    }
  } });
}

async function leave(link: Link, operator: Operator, context: TaskContext): Promise<void> {
  try {
    const url = await link.url(context, operator);
    if (url === null || url === undefined || url === '') return;
    if (!/^https?:\/\//i.test(url)) throw new TypeError(`an address begins with http:// or https://, got ${JSON.stringify(url)}`);
    await context.ti.xcomPush(`${LINK_KEY}${link.name}`, url);
  } catch (error) {
    context.log.warn(`The link "${link.name}" could not be made:`, error);
  }
}

function set(target: { readonly options: unknown }, options: object): void {
  (target as { options: unknown }).options = options;
}
