import { TRIGGER_RULES } from '@millrace/vocabulary';
import type { PlanSource, PlanTaskSource } from '../graph/plan.js';
import type { Random } from './random.js';
import { withMapping } from './random-mapping.js';

export const BRANCH = 'BranchOperator';
export const SHORT_CIRCUIT = 'ShortCircuitOperator';

/** A random dag: all rules, branches, retries, setups with teardowns, groups, mapping, loops, fail fast, few or many slots. Mostly small, at most 300 tasks. */
export function randomDag(random: Random): PlanSource {
  const size = random.chance(0.75) ? random.between(1, 12) : random.chance(0.8) ? random.between(10, 50) : random.between(50, 300);
  const density = random.pick([0.5, 1.5, 3]) ?? 1.5;
  const isWild = random.chance(0.6);
  const inPool = random.chance(0.3);
  const tasks: PlanTaskSource[] = [];
  for (let i = 0; i < size; i++) {
    const upstream = new Set<string>();
    const edges = Math.min(i, random.between(0, Math.ceil(density * 2)));
    for (let k = 0; k < edges; k++) {
      const reach = random.chance(0.7) ? Math.min(i, 6) : i;
      upstream.add(`t${i - random.between(1, Math.max(1, reach))}`);
    }
    tasks.push(randomTask(random, `t${i}`, [...upstream], isWild, inPool));
  }
  if (random.chance(0.25)) addTeardowns(random, tasks);
  const dag: PlanSource = {
    dagId: 'simulated',
    tasks,
    maxActiveTasks: random.pick([1, 2, 4, 16, 1_000]) ?? 16,
    failFast: random.chance(0.08),
    dagrunTimeoutSeconds: random.chance(0.05) ? random.between(20, 400) : null,
  };
  return random.chance(0.55) ? withMapping(random, dag) : dag;
}

function randomTask(random: Random, taskId: string, upstream: string[], isWild: boolean, inPool = false): PlanTaskSource {
  return {
    taskId,
    operator: random.chance(0.12) ? BRANCH : random.chance(0.05) ? SHORT_CIRCUIT : 'EmptyOperator',
    upstream,
    triggerRule: isWild ? (random.pick(TRIGGER_RULES) ?? 'all_success') : 'all_success',
    retries: random.chance(0.5) ? 0 : random.between(1, 3),
    retryDelaySeconds: random.pick([0, 1, 30]) ?? 0,
    retryExponentialBackoff: random.chance(0.3) ? 2 : 0,
    maxRetryDelaySeconds: random.chance(0.3) ? 60 : null,
    retryPolicy: random.chance(0.15) ? [{ on: ['failed'], fail: random.chance(0.3), retries: random.between(0, 3), retryDelaySeconds: 1, retryExponentialBackoff: null, maxRetryDelaySeconds: null }] : [],
    executionTimeoutSeconds: null,
    onLost: random.pick(['retry-policy', 'retry-policy', 'retry', 'fail', 'ask'] as const) ?? 'retry-policy',
    queue: 'default',
    pool: inPool && random.chance(0.5) ? 'small' : 'default_pool',
    poolSlots: 1,
    priorityWeight: random.between(1, 5),
    weightRule: random.pick(['downstream', 'upstream', 'absolute'] as const) ?? 'downstream',
    group: null,
    isSetup: false,
    isTeardown: false,
    onFailureFailDagRun: false,
    owner: 'simulator',
    maxActivePerRun: inPool && random.chance(0.2) ? 1 : null,
    maxActivePerDag: null,
  };
}

/** Makes a task a setup and gives it a teardown behind some of what is downstream of it. */
function addTeardowns(random: Random, tasks: PlanTaskSource[]): void {
  const count = random.between(1, 2);
  for (let k = 0; k < count; k++) {
    const at = random.between(0, tasks.length - 1);
    const setup = tasks[at];
    if (setup === undefined || setup.isTeardown) continue;
    tasks[at] = { ...setup, isSetup: true, operator: 'EmptyOperator' };
    const below = downstreamOf(tasks, setup.taskId);
    const teardown = randomTask(random, `teardown${k}`, [setup.taskId, ...random.some(below, 0.5)], false);
    tasks.push({ ...teardown, operator: 'EmptyOperator', isTeardown: true, onFailureFailDagRun: random.chance(0.3) });
  }
}

/** In the order of the list, which is one of the graph too. */
function downstreamOf(tasks: readonly PlanTaskSource[], taskId: string): string[] {
  const below = new Set([taskId]);
  for (const task of tasks) if (task.upstream.some((id) => below.has(id))) below.add(task.taskId);
  below.delete(taskId);
  return [...below];
}
