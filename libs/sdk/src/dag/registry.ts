import { DagDefinitionError } from '../definition-site/dag-definition-error.js';
import { siteText } from '../definition-site/definition-site.js';
import type { Dag } from './dag.js';

// Every bundle has its own copy of the SDK, so this holds the dags of one dag file.
const registered: Dag[] = [];

/** @internal */
export function register(dag: Dag): void {
  registered.push(dag);
}

/**
 * The dags defined so far, by id: what a bundle exports as `__millrace_dags__`.
 * @throws DagDefinitionError when two dags have the same id
 */
export function collectDags(): Map<string, Dag> {
  const dags = new Map<string, Dag>();
  for (const dag of registered) {
    const first = dags.get(dag.dagId);
    if (first !== undefined) throw new DagDefinitionError(`duplicate dag id "${dag.dagId}": first used at ${siteText(first.site) ?? 'an unknown place'}`, dag.site);
    dags.set(dag.dagId, dag);
  }
  return dags;
}
