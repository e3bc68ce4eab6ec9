import { pathToFileURL } from 'node:url';
import { BUNDLE_EXPORT, type DagLike, type TaskLike } from './dag-contract.js';

const loaded = new Map<string, ReadonlyMap<string, DagLike>>();

/** Imports a bundle once per process. Throws when the file cannot be evaluated or is no bundle. */
export async function loadBundle(bundleFile: string): Promise<ReadonlyMap<string, DagLike>> {
  const known = loaded.get(bundleFile);
  if (known !== undefined) return known;
  const namespace = (await import(pathToFileURL(bundleFile).href)) as Record<string, unknown>;
  const dags = namespace[BUNDLE_EXPORT];
  if (!isMap(dags)) throw new Error(`${bundleFile} is no dag bundle: it has no export ${BUNDLE_EXPORT}. Publish the dag file again with this version of Millrace.`);
  loaded.set(bundleFile, dags as ReadonlyMap<string, DagLike>);
  return dags as ReadonlyMap<string, DagLike>;
}

/** Finds one task of a bundle. The message of the error names what the bundle has instead. */
export function findTask(dags: ReadonlyMap<string, DagLike>, dagId: string, taskId: string): TaskLike {
  const dag = dags.get(dagId);
  if (dag === undefined) throw new Error(`the bundle has no dag "${dagId}"; it has ${names(dags)}`);
  const task: TaskLike | undefined = isMap(dag.tasks) ? dag.tasks.get(taskId) : undefined;
  if (task === undefined) throw new Error(`dag "${dagId}" of the bundle has no task "${taskId}"; it has ${isMap(dag.tasks) ? names(dag.tasks) : 'no tasks'}`);
  if (typeof task.operator?.execute !== 'function') throw new Error(`the operator of task "${taskId}" has no execute(context) method`);
  return task;
}

/** Already imported: the hot path then awaits nothing. */
export function loadedBundle(bundleFile: string): ReadonlyMap<string, DagLike> | undefined {
  return loaded.get(bundleFile);
}

/** By shape, since a bundle could have been evaluated with its own globals. */
function isMap(value: unknown): boolean {
  return typeof value === 'object' && value !== null && typeof (value as { get?: unknown }).get === 'function' && typeof (value as { keys?: unknown }).keys === 'function';
}

function names(map: ReadonlyMap<string, unknown>): string {
  const all = [...map.keys()];
  return all.length === 0 ? 'none' : all.slice(0, 10).map((name) => `"${name}"`).join(', ') + (all.length > 10 ? ` and ${all.length - 10} more` : '');
}
