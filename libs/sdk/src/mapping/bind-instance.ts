import type { TaskContext } from '../context/task-context.js';
import { nodeOf } from '../tasks/operator.js';
import type { Operator } from '../tasks/operator.js';
import { isPlain } from '../tasks/task-output.js';
import type { Expansion } from './expansion.js';
import { readElements } from './read-elements.js';
import { scopeOfGroup } from './scope.js';

/**
 * Gives a mapped task the values of its index, in its fields, and gives what puts them back. null: the task is not mapped.
 * A process runs one try at a time; a copy would have no `#private` state.
 */
export async function bindInstance(operator: Operator, context: TaskContext<object>): Promise<(() => void) | null> {
  const { expansion, group } = nodeOf(operator);
  if (expansion === null) return null;
  const index = context.indexPath.at(-1);
  if (index === undefined) throw new Error(`task "${operator.taskId}" is mapped, but this instance has no index`);
  const elements = await readElements(expansion, scopeOfGroup(group), index, context);
  return operator.mapsInput ? setFields(operator, { input: inputOf(operator, expansion, elements) }) : setFields(operator, fieldsOf(operator, elements));
}

function inputOf(operator: Operator, expansion: Expansion, elements: unknown): unknown {
  const given = (operator as unknown as { input?: unknown }).input;
  if (expansion.kind === 'kwargs' && !(isPlain(given) && isPlain(elements))) return elements;
  return { ...(given as object | undefined), ...(elements as object) };
}

function fieldsOf(operator: Operator, elements: unknown): Readonly<Record<string, unknown>> {
  if (!isPlain(elements) || Array.isArray(elements)) throw new TypeError(`expandKwargs of task "${operator.taskId}" needs objects of fields, got ${JSON.stringify(elements)?.slice(0, 200)}`);
  const unknown = Object.keys(elements).find((name) => !(name in operator));
  if (unknown !== undefined) throw new TypeError(`expandKwargs names "${unknown}", but ${operator.constructor.name} has no such property`);
  return elements as Readonly<Record<string, unknown>>;
}

function setFields(operator: Operator, fields: Readonly<Record<string, unknown>>): () => void {
  const own = operator as unknown as Record<string, unknown>;
  const before = Object.fromEntries(Object.keys(fields).map((name) => [name, own[name]]));
  Object.assign(own, fields);
  return () => void Object.assign(own, before);
}
