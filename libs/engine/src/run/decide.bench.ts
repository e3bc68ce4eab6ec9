import { bench, describe } from 'vitest';
import type { AttemptId, InstanceId, RunId } from '@millrace/vocabulary';
import type { PlanSource, PlanTaskSource, Run } from '../index.js';
import { compilePlan, createRun, decide, markClaimed } from '../index.js';

/* `npx vitest bench libs/engine`: time for whole runs; the figure for one finished event is printed beside. */

const shapes: Record<string, PlanSource> = {
  'chain of 1,000': dag(1_000, (i) => (i === 0 ? [] : [`t${i - 1}`])),
  'fan 1 -> 10,000 -> 1': dag(10_002, (i) => (i === 0 ? [] : i === 10_001 ? names(1, 10_000) : ['t0'])),
  'fan 1 -> 100,000 -> 1': dag(100_002, (i) => (i === 0 ? [] : i === 100_001 ? names(1, 100_000) : ['t0'])),
};

describe('a whole run, one event a decision', () => {
  for (const [name, source] of Object.entries(shapes)) {
    const compiled = compilePlan(source);
    if (!compiled.ok) throw new Error(compiled.errors[0]?.message);
    const figures: number[] = [];
    bench(name, () => { figures.push(carry(createRun(compiled.plan, facts))); }, {
      iterations: 3, time: 0, warmupIterations: 1, warmupTime: 0,
      teardown: (_, mode) => { if (mode === 'run') console.log(`${name}: ${Math.min(...figures).toFixed(2)} µs per finished event`); },
    });
  }
});

const facts = {
  id: '01890000-0000-7000-8000-000000000000' as RunId, createdAtMs: 1_700_000_000_000, state: 'queued', paused: false,
  startedAtMs: null, endedAtMs: null, reason: null, taskSelection: null,
} as const;

/** Finishes whatever is dispatched until the run ends; microseconds per finished event. */
function carry(run: Run): number {
  const queue: { id: InstanceId; attemptId: AttemptId }[] = [];
  let now = 1_700_000_000_000;
  const take = (effects: ReturnType<typeof decide>['effects']): void => {
    for (const effect of effects) if (effect.type === 'dispatch') queue.push({ id: effect.instance.id, attemptId: effect.attemptId });
  };
  take(decide(run, [{ type: 'started' }], now).effects);
  let finished = 0;
  let spent = 0;
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    markClaimed(run, next.id, next.attemptId);
    const begin = performance.now();
    const decision = decide(run, [{
      type: 'finished', instanceId: next.id, attemptId: next.attemptId, outcome: 'success', retryable: true, error: '', resumeAtMs: null, branch: null, skipDownstream: '',
    }], ++now);
    spent += performance.now() - begin;
    finished += 1;
    take(decision.effects);
  }
  if (run.state !== 'success') throw new Error(`the run is ${run.state}`);
  return (spent * 1000) / finished;
}

function names(from: number, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `t${from + i}`);
}

function dag(size: number, upstream: (i: number) => string[]): PlanSource {
  const tasks = Array.from({ length: size }, (_, i): PlanTaskSource => ({
    taskId: `t${i}`, operator: 'EmptyOperator', upstream: upstream(i), triggerRule: 'all_success', retries: 0, retryDelaySeconds: 300,
    retryExponentialBackoff: 0, maxRetryDelaySeconds: null, retryPolicy: [], executionTimeoutSeconds: null, onLost: 'retry-policy', queue: 'default',
    pool: 'default_pool', poolSlots: 1, priorityWeight: 1, weightRule: 'downstream', group: null, isSetup: false, isTeardown: false,
    onFailureFailDagRun: false, owner: 'millrace',
  }));
  return { dagId: 'bench', tasks, maxActiveTasks: 16, failFast: false, dagrunTimeoutSeconds: null };
}
