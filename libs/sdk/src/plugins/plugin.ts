import type { CallbackContext } from '../callbacks/callbacks.js';
import type { TaskContext } from '../context/task-context.js';
import { DagDefinitionError } from '../definition-site/dag-definition-error.js';
import { definitionSite } from '../definition-site/definition-site.js';
import type { DefinitionSite } from '../definition-site/definition-site.js';
import type { Operator } from '../tasks/operator.js';

// oxlint-disable-next-line typescript/no-explicit-any -- classes with any constructor
type AnyClass = abstract new (...args: any[]) => unknown;

/**
 * Told of changes of every run and task of every dag. Kept in the database with the change itself and run by a worker, as callbacks are: at least
 * once, also when the task's worker was killed. What a listener throws is logged, and changes nothing.
 */
export interface Listener {
  /** In the task's own process, before it runs. Keep it short: the task waits for it. */
  onTaskRunning?(context: TaskContext): unknown;
  onTaskSuccess?(context: CallbackContext): unknown;
  /** Failed for good. */
  onTaskFailed?(context: CallbackContext): unknown;
  /** A try failed and another follows. */
  onTaskRetry?(context: CallbackContext): unknown;
  onTaskSkipped?(context: CallbackContext): unknown;
  onRunSuccess?(context: CallbackContext): unknown;
  onRunFailed?(context: CallbackContext): unknown;
  /** Only of these dags. @default all */
  readonly dags?: readonly string[];
}

/** A link beside the tasks of some operators, e.g. to the page of a job on another platform. Made when a try ends. */
export interface Link {
  /** What people read. */
  readonly name: string;
  /** Names of operators, e.g. `['SparkOperator']`, or their classes. */
  readonly operators: readonly (string | AnyClass)[];
  /** The address, http or https; null: none for this try. What it throws is logged. */
  url(context: TaskContext, task: Operator): string | null | undefined | Promise<string | null | undefined>;
}

/** A request to a route of a plugin, `/plugins/<plugin><path>`. */
export interface PluginRequest {
  readonly method: string;
  /** Below the plugin's prefix, with parameters as in the route. */
  readonly path: string;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  /** Without authorization and cookies. Names in small letters. */
  readonly headers: Readonly<Record<string, string>>;
  /** JSON when it was, else text; null: none. */
  readonly body: unknown;
  /** Who asks. */
  readonly user: { readonly name: string };
}

/** An answer with status or headers of its own; anything else a handler returns is answered as JSON with 200. */
export interface PluginResponse {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** A text as it is, anything else as JSON. */
  readonly body?: unknown;
}

export interface PluginRoute {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Below the plugin's prefix, e.g. `/rates/:currency`. */
  readonly path: string;
  readonly handle: (request: PluginRequest) => unknown;
}

export interface PluginSpec {
  readonly version?: string;
  readonly description?: string;
  /** Classes dag files import. Listed, so that people find them. */
  readonly operators?: readonly AnyClass[];
  readonly sensors?: readonly AnyClass[];
  readonly timetables?: readonly AnyClass[];
  /** Clients of other systems, which operators use. */
  readonly hooks?: readonly (AnyClass | ((...args: never[]) => unknown))[];
  /** Functions and values for templates: `{{ macros.<plugin>.<name>(…) }}`. */
  readonly macros?: Readonly<Record<string, unknown>>;
  readonly listeners?: readonly Listener[];
  readonly links?: readonly Link[];
  /** Answered by the api under `/plugins/<name>`, in a process of the plugin's own without files and credentials. */
  readonly routes?: readonly PluginRoute[];
}

/** What a module of the plugins folder, or a package, exports as default. */
export interface Plugin {
  readonly __millrace: 'plugin';
  readonly name: string;
  readonly spec: PluginSpec;
  readonly site: DefinitionSite;
}

const NAME = /^[A-Za-z_]\w{0,99}$/;
const LISTENERS = ['onTaskRunning', 'onTaskSuccess', 'onTaskFailed', 'onTaskRetry', 'onTaskSkipped', 'onRunSuccess', 'onRunFailed'] as const;
const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];

/**
 * Makes the things of a module known under a name.
 * @example
 * export default plugin('finance', {
 *   operators: [PlusOperator],
 *   macros: { quarter: (day: string) => `Q${Math.ceil(Number(day.slice(5, 7)) / 3)}` },
 * });
 * @throws DagDefinitionError naming what cannot be
 */
export function plugin(name: string, spec: PluginSpec): Plugin {
  const site = definitionSite(plugin as (...args: never[]) => unknown);
  const refuse = (problem: string): never => {
    throw new DagDefinitionError(`plugin ${JSON.stringify(name)}: ${problem}`, site);
  };
  if (typeof name !== 'string' || !NAME.test(name)) refuse('a name begins with a letter and holds letters, digits and "_" (templates call its macros by it), at most 100 characters');
  if (typeof spec !== 'object' || spec === null) refuse('needs an object of what it gives as second argument');
  for (const field of ['operators', 'sensors', 'timetables', 'hooks'] as const) {
    for (const one of listOf(spec[field], field, refuse)) if (typeof one !== 'function') refuse(`${field} must hold classes, got ${typeof one}`);
  }
  for (const macro of Object.keys(spec.macros ?? {})) if (!NAME.test(macro)) refuse(`macro ${JSON.stringify(macro)} cannot be called in a template; use letters, digits and "_"`);
  for (const listener of listOf(spec.listeners, 'listeners', refuse)) {
    if (!LISTENERS.some((on) => typeof listener?.[on] === 'function')) refuse(`a listener needs at least one of ${LISTENERS.join(', ')}`);
  }
  const links = new Set<string>();
  for (const link of listOf(spec.links, 'links', refuse)) {
    if (typeof link?.name !== 'string' || link.name.trim() === '' || link.name.length > 100) refuse('a link needs a name of 1 to 100 characters');
    if (links.has(link.name)) refuse(`two links are named "${link.name}"`);
    links.add(link.name);
    if (typeof link.url !== 'function') refuse(`link "${link.name}" needs url(context), which returns an address`);
    if (!Array.isArray(link.operators) || link.operators.length === 0) refuse(`link "${link.name}" needs the operators it belongs to, e.g. operators: ['BashOperator']`);
  }
  const routes = new Set<string>();
  for (const route of listOf(spec.routes, 'routes', refuse)) {
    if (!METHODS.includes(route?.method)) refuse(`the method of a route is one of ${METHODS.join(', ')}, got ${JSON.stringify(route?.method)}`);
    if (typeof route.path !== 'string' || !/^\/[\w\-./:~]*$/.test(route.path)) refuse(`the path of a route begins with "/", got ${JSON.stringify(route.path)}`);
    if (typeof route.handle !== 'function') refuse(`route ${route.method} ${route.path} needs handle(request)`);
    const key = `${route.method} ${route.path.replaceAll(/:\w+/g, ':')}`;
    if (routes.has(key)) refuse(`two routes are ${route.method} ${route.path}`);
    routes.add(key);
  }
  return { __millrace: 'plugin', name, spec, site };
}

function listOf<T>(given: readonly T[] | undefined, field: string, refuse: (problem: string) => never): readonly T[] {
  if (given === undefined) return [];
  return Array.isArray(given) ? given : refuse(`${field} must be a list`);
}

/** @internal the classes and functions by name */
export function nameOfClass(one: unknown): string {
  const given = one as { operatorName?: unknown; name?: unknown };
  return typeof given.operatorName === 'string' ? given.operatorName : typeof given.name === 'string' ? given.name : '';
}
