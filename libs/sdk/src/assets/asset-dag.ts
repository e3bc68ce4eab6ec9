import type { TaskContext } from '../context/task-context.js';
import { Dag } from '../dag/dag.js';
import { withDag } from '../dag/current-dag.js';
import type { DagOptions } from '../dag/dag-options.js';
import { task } from '../tasks/task-function.js';
import type { Asset } from './asset.js';

/**
 * A dag with one task that writes one asset, all three of the same name, as Airflow's `@asset`.
 * @example
 * const raw = assetDag(asset('raw', { uri: 's3://lake/raw' }), { schedule: '@daily' }, (context) => load(context.ds));
 * const clean = assetDag(asset('clean'), { schedule: raw }, async (context) => tidy(await context.inletEvents(raw)));
 * @returns the asset, to schedule others on
 * @throws DagDefinitionError for a name that is no dag id
 */
export function assetDag(written: Asset, options: DagOptions & { readonly inlets?: readonly Asset[] }, run: (context: TaskContext) => unknown): Asset {
  const { inlets, ...dagOptions } = options;
  const made = new Dag(written.name, dagOptions, assetDag as never);
  withDag(made, () => task({ id: written.name, outlets: [written], ...(inlets === undefined ? {} : { inlets }) }, (_: unknown, context) => run(context))());
  return written;
}
