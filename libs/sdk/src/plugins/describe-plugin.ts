import { siteText } from '../definition-site/definition-site.js';
import { Operator } from '../tasks/operator.js';
import { Sensor } from '../sensors/sensor.js';
import { Timetable } from '../schedules/timetable.js';
import type { Plugin } from './plugin.js';
import { nameOfClass } from './plugin.js';

/** What a plugin gives, as data. */
export interface PluginDescription {
  readonly name: string;
  /** false: a module without `plugin(…)`, known by its file's name and what it exports. */
  readonly isDeclared: boolean;
  readonly version: string;
  readonly description: string;
  readonly operators: readonly string[];
  readonly sensors: readonly string[];
  readonly timetables: readonly string[];
  readonly hooks: readonly string[];
  readonly macros: readonly string[];
  /** What its listeners listen to, e.g. `onTaskSuccess`. */
  readonly listeners: readonly string[];
  readonly links: readonly { readonly name: string; readonly operators: readonly string[] }[];
  readonly routes: readonly { readonly method: string; readonly path: string }[];
  /** Where `plugin(…)` stands, in the bundle; null: nowhere. */
  readonly definedAt: string | null;
}

export function isPlugin(value: unknown): value is Plugin {
  return typeof value === 'object' && value !== null && (value as { __millrace?: unknown }).__millrace === 'plugin';
}

/** @internal what a module gives: its default export's word, or for a module without `plugin(…)` the classes it exports. */
export function describePlugin(module: Readonly<Record<string, unknown>>, fallbackName: string): PluginDescription {
  const declared = isPlugin(module['default']) ? module['default'] : Object.values(module).find(isPlugin);
  if (declared === undefined) {
    const classes = [...new Set(Object.values(module).filter((one): one is abstract new () => unknown => typeof one === 'function' && one.prototype !== undefined))];
    const sensors = classes.filter((one) => one.prototype instanceof Sensor);
    const names = (list: readonly unknown[]): string[] => list.map(nameOfClass);
    return {
      name: fallbackName, isDeclared: false, version: '', description: '', operators: names(classes.filter((one) => one.prototype instanceof Operator && !sensors.includes(one))), sensors: names(sensors),
      timetables: names(classes.filter((one) => one.prototype instanceof Timetable)), hooks: [], macros: [], listeners: [], links: [], routes: [], definedAt: null,
    };
  }
  const { name, spec, site } = declared;
  const names = (list: readonly unknown[] | undefined): string[] => (list ?? []).map(nameOfClass);
  return {
    name, isDeclared: true, version: spec.version ?? '', description: spec.description ?? '', operators: names(spec.operators), sensors: names(spec.sensors), timetables: names(spec.timetables), hooks: names(spec.hooks),
    macros: Object.keys(spec.macros ?? {}),
    listeners: [...new Set((spec.listeners ?? []).flatMap((listener) => Object.entries(listener).filter(([key, value]) => key.startsWith('on') && typeof value === 'function').map(([key]) => key)))],
    links: (spec.links ?? []).map((link) => ({ name: link.name, operators: link.operators.map((one) => (typeof one === 'string' ? one : nameOfClass(one))) })),
    routes: (spec.routes ?? []).map(({ method, path }) => ({ method, path })),
    definedAt: siteText(site) ?? null,
  };
}
