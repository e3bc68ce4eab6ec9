import { describe, expect, it } from 'vitest';
import type { Plan, PlanTask } from '../graph/plan.js';
import { decide } from '../run/decide.js';
import type { RunEvent } from '../run/events.js';
import type { Run } from '../run/run.js';
import { ENGINE } from './engine.js';
import type { Engine } from './engine.js';
import { describeFailure, simulate } from './simulate.js';

/* The checker is only worth what it finds: each of these is a mistake an engine could make, and must be noticed within a few hundred runs. */

const BUGS: readonly { readonly name: string; readonly engine: Engine; readonly promises: RegExp; readonly tasksAtMost: number }[] = [
  {
    name: 'a trigger rule that lets failures pass',
    engine: { ...ENGINE, plan: withTasks((task) => (task.triggerRule === 'none_failed' ? { ...task, triggerRule: 'all_done' } : task)) },
    promises: /a child starts after its required parents ended/,
    tasksAtMost: 3,
  },
  {
    name: 'a result that is accepted by the state, whoever’s it is',
    engine: { ...ENGINE, decide: deciding((run, event) => ({ ...event, attemptId: 'attemptId' in event ? (run.instances.get(event.instanceId)?.attemptId ?? event.attemptId) : undefined }) as RunEvent) },
    promises: /only the current attempt is heard|a replay|loaded/,
    tasksAtMost: 3,
  },
  {
    name: 'a loop whose end is not heard',
    engine: { ...ENGINE, decide: deciding((_, event) => (event.type === 'finished' && event.loop === 'stop' ? { ...event, loop: 'again' } : event)) },
    promises: /a loop as its condition says/,
    tasksAtMost: 2,
  },
  {
    name: 'a list that is counted one too long',
    engine: { ...ENGINE, plan: withDimensions((dimension) => ({ ...dimension, lengths: dimension.lengths.map((term) => (term.of === 'task' && !term.isMany ? { of: 'zip', longest: true, parts: [term, { of: 'literal', length: 3 }] } : term)) })) },
    promises: /an expansion is as long as its list/,
    tasksAtMost: 3,
  },
  {
    name: 'indexes that wait for all others',
    engine: { ...ENGINE, plan: withTasks((task) => (task.mapping === null ? task : { ...task, mapping: { ...task.mapping, below: task.mapping.below.map((edge) => ({ ...edge, shared: 0 })) } })) },
    promises: /every run ends|starts after|loaded|stated reason/,
    tasksAtMost: 4,
  },
  {
    name: 'retries that are never due',
    engine: {
      ...ENGINE,
      decide: (run, events, nowMs, window) => {
        const decision = decide(run, events, nowMs, window);
        return { ...decision, effects: decision.effects.filter((effect) => effect.type !== 'timer' || effect.kind !== 'retry') };
      },
    },
    promises: /every run ends/,
    tasksAtMost: 2,
  },
  {
    name: 'slots that nobody counts',
    engine: { ...ENGINE, plan: (plan) => ({ ...plan, maxActiveTasks: 1_000 }) },
    promises: /maxActiveTasks is never exceeded/,
    tasksAtMost: 4,
  },
];

describe('a planted bug is found, and told with a small dag', () => {
  it.each(BUGS)('$name', { timeout: 120_000 }, ({ engine, promises, tasksAtMost }) => {
    const failure = firstFailure(engine);
    expect(failure, 'found within 600 runs').not.toBeNull();
    if (failure === null) return;
    expect(describeFailure(failure)).toMatch(promises);
    expect(failure.dag.tasks.length, describeFailure(failure)).toBeLessThanOrEqual(tasksAtMost);
  });
});

function firstFailure(engine: Engine): ReturnType<typeof simulate> {
  for (let seed = 1; seed <= 600; seed++) {
    const failure = simulate(seed, engine);
    if (failure !== null) return failure;
  }
  return null;
}

function withTasks(change: (task: PlanTask) => PlanTask): (plan: Plan) => Plan {
  return (plan) => ({ ...plan, tasks: plan.tasks.map(change) });
}

function withDimensions(change: (dimension: Plan['dimensions'][number]) => Plan['dimensions'][number]): (plan: Plan) => Plan {
  return (plan) => ({ ...plan, dimensions: plan.dimensions.map(change) });
}

function deciding(change: (run: Run, event: RunEvent) => RunEvent): typeof decide {
  return (run, events, nowMs, window) => decide(run, events.map((event) => change(run, event)), nowMs, window);
}
