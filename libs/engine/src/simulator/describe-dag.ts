import type { PlanSource } from '../graph/plan.js';
import type { ExpandSource, MapSource } from '../mapping/map-source.js';

/** A dag in the words of the scenarios, one task a line, for a person to read. */
export function describeDag(dag: PlanSource): string {
  const tasks = dag.tasks.map((task) => {
    const options = [
      task.triggerRule === 'all_success' ? '' : task.triggerRule, task.retries > 0 ? `retries=${task.retries}` : '', task.isSetup ? 'setup' : '', task.isTeardown ? 'teardown' : '',
      task.group === null ? '' : `group=${task.group}`, task.expand == null ? '' : expansion(task.expand), task.operator === 'EmptyOperator' ? '' : task.operator, task.onLost === 'retry-policy' ? '' : `onLost=${task.onLost}`,
      task.pool === 'default_pool' ? '' : `pool=${task.pool}`, task.maxActivePerRun === null ? '' : `maxActivePerRun=${task.maxActivePerRun}`, task.onFailureFailDagRun ? 'fails-run' : '',
    ].filter((option) => option !== '');
    return `  ${task.taskId}${task.upstream.length > 0 ? ` <- ${task.upstream.join(', ')}` : ''}${options.length > 0 ? ` [${options.join(' ')}]` : ''}`;
  });
  const groups = (dag.groups ?? []).map((group) => {
    const options = [
      group.parent === null ? '' : `parent=${group.parent}`, group.expand == null ? '' : expansion(group.expand), group.loop == null ? '' : `loop=${group.loop.condition} max=${group.loop.max} atMax=${group.loop.atMax}`,
    ].filter((option) => option !== '');
    return `  group ${group.groupId}${options.length > 0 ? ` [${options.join(' ')}]` : ''}`;
  });
  const terms = `maxActiveTasks ${dag.maxActiveTasks}, failFast ${dag.failFast}, timeout ${dag.dagrunTimeoutSeconds ?? 'none'}, maxMapLength ${dag.maxMapLength ?? 'default'}`;
  return [`dag (${terms})`, ...groups, ...tasks].join('\n');
}

function expansion(expand: ExpandSource): string {
  if (expand.kind === 'kwargs') return `kwargs=${source(expand.over)}`;
  return `expand=${expand.args.map(({ over }) => source(over)).join(',')}`;
}

function source(over: MapSource): string {
  if (over.from === 'literal') return String(Array.isArray(over.values) ? over.values.length : Object.keys(over.values).length);
  return over.from === 'task' ? over.taskId : `${over.longest ? 'longest' : 'zip'}(${over.parts.map(source).join(',')})`;
}
