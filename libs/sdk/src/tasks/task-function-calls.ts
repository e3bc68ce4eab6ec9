import { DagDefinitionError } from '../definition-site/dag-definition-error.js';
import { definitionSite } from '../definition-site/definition-site.js';
import type { Expansion } from '../mapping/expansion.js';
import { expansionOf, expansionOfInputs } from '../mapping/expansion.js';
import type { TaskOutput } from './task-output.js';

/** Makes a task. `calledAs`: the function whose caller is the place of definition. */
export type MakeOne = (input: unknown, expansion: Expansion | null, calledAs: (...args: never[]) => unknown) => TaskOutput<unknown>;

/** @internal what a task function can be called as: itself, with part of its input, and mapped. */
export function taskFunctionCalls(make: MakeOne, withOptions: (more: object) => unknown): object {
  const call = (input?: unknown): TaskOutput<unknown> => make(input, null, call);
  return Object.assign(call, { with: withOptions, ...mappedCalls(make, undefined) });
}

function mappedCalls(make: MakeOne, given: unknown): object {
  const expand = (args: Readonly<Record<string, unknown>>): TaskOutput<unknown> => make(given, stated(() => expansionOf(args), expand), expand);
  const expandKwargs = (list: unknown): TaskOutput<unknown> => make(given, stated(() => expansionOfInputs(list), expandKwargs), expandKwargs);
  const partial = (more: object): object => mappedCalls(make, { ...(given as object | undefined), ...more });
  return { expand, expandKwargs, partial };
}

function stated(read: () => Expansion, calledAs: (...args: never[]) => unknown): Expansion {
  try {
    return read();
  } catch (error) {
    throw error instanceof TypeError ? new DagDefinitionError(error.message, definitionSite(calledAs)) : error;
  }
}
