import { relatedInstances } from '../mapping/related.js';
import type { Instance, Run } from './run.js';

/** Instances with the setups they stand under and the teardowns of those: clearing a task clears what it needs around it. */
export function withSetups(run: Run, instances: ReadonlySet<Instance>): Set<Instance> {
  const all = new Set(instances);
  for (const instance of all) {
    const task = run.plan.tasks[instance.task];
    if (task === undefined) continue;
    const around = task.isTeardown ? task.setups : [...task.setups, ...teardownsOf(run, task.isSetup ? [task.position] : task.setups)];
    for (const position of around) for (const other of relatedInstances(run, instance, position)) all.add(other);
  }
  return all;
}

function teardownsOf(run: Run, setups: readonly number[]): number[] {
  return setups.flatMap((setup) => (run.plan.tasks[setup]?.downstreamTasks ?? []).filter((position) => run.plan.tasks[position]?.isTeardown === true));
}
