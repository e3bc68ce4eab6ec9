import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NO_TASK, dag } from '../scenario/scenario.js';
import { compilePlan } from './compile-plan.js';
import type { Plan, PlanSource, PlanTaskSource } from './plan.js';

describe('a graph that cannot be run says why', () => {
  it.each([
    ['a\n a', 'duplicate_task', 'there is more than one task "a". Give each task of the dag its own id.'],
    ['a <- b', 'unknown_upstream', 'task "a" waits for "b", which is not a task of the dag. Add it, or remove it from the upstream of "a".'],
    ['a <- a', 'cycle', 'the tasks depend on each other in a circle: a -> a. Remove one of these edges.'],
    ['start\n a <- start, c\n b <- a\n c <- b\n end <- c', 'cycle', 'the tasks depend on each other in a circle: a -> b -> c -> a. Remove one of these edges.'],
    ['a [retries=-1]', 'bad_value', 'retries must be a whole number >= 0, got -1 (task "a")'],
    ['a [delay=-1]', 'bad_value', 'retryDelaySeconds must be >= 0, got -1 (task "a")'],
    ['a [priority=0.5]', 'bad_value', 'priorityWeight must be a whole number, got 0.5 (task "a")'],
    ['a [setup teardown]', 'bad_value', 'a task cannot be setup and teardown at once (task "a")'],
  ])('%s', (lines, code, message) => {
    const compiled = compilePlan(dag(lines));
    expect(compiled.ok ? [] : compiled.errors.map((error) => [error.code, error.message])).toEqual([[code, message]]);
  });

  it('all errors at once', () => {
    const compiled = compilePlan(dag('a <- x\n b <- y', { maxActiveTasks: 0 }));
    expect(compiled.ok ? [] : compiled.errors.map((error) => error.code)).toEqual(['bad_value', 'unknown_upstream', 'unknown_upstream']);
  });

  it('a cycle is one of the graph, whatever the graph', () => {
    fc.assert(
      fc.property(graphs(true), (source) => {
        const compiled = compilePlan(source);
        if (compiled.ok) return;
        const ring = compiled.errors[0]?.taskIds ?? [];
        const edges = ring.map((id, i) => source.tasks.find((task) => task.taskId === ring[(i + 1) % ring.length])?.upstream.includes(id));
        expect(edges.every((isEdge) => isEdge === true) && ring.length > 0).toBe(true);
      }),
    );
  });
});

describe('a plan', () => {
  it('has leaves apart from teardowns, unless they may fail the run', () => {
    expect(leaves('a\n b <- a\n c')).toEqual(['b', 'c']);
    expect(leaves('a [setup]\n b <- a\n c <- a, b [teardown]')).toEqual(['b']);
    expect(leaves('a [setup]\n b <- a\n c <- a, b [teardown fails-run]')).toEqual(['b', 'c']);
    expect(leaves('c [teardown]')).toEqual(['c']);
  });

  it('puts a task under the setups whose scope it is in', () => {
    const plan = planOf(dag('up [setup]\n in <- up\n deep <- in\n down <- up, deep [teardown]\n out <- up\n behind <- down'));
    const under = plan.tasks.filter((task) => task.setups.length > 0).map((task) => task.taskId);
    expect(under).toEqual(['in', 'deep', 'down']);
    expect(planOf(dag('up [setup]\n a <- up\n b <- a')).tasks.map((task) => task.setups)).toEqual([[], [0], [0]]);
  });

  it('counts an edge that is named twice once', () => {
    expect(planOf(dag('a\n b <- a, a')).tasks[1]?.upstreamTasks).toEqual([0]);
  });
});

describe('effective priority', () => {
  it('by the weight rule', () => {
    const lines = 'a [priority=1]\n b <- a [priority=10]\n c <- a [priority=100]\n d <- b, c [priority=1000]';
    const by = (weightRule: PlanTaskSource['weightRule']): number[] => {
      const source = dag(lines);
      return planOf({ ...source, tasks: source.tasks.map((task) => ({ ...task, weightRule })) }).tasks.map((task) => task.effectivePriority);
    };
    expect(by('downstream')).toEqual([1111, 1010, 1100, 1000]);
    expect(by('upstream')).toEqual([1, 11, 101, 1111]);
    expect(by('absolute')).toEqual([1, 10, 100, 1000]);
  });

  it('is own and all distinct others, by search as by blocks', () => {
    fc.assert(
      fc.property(graphs(false), (source) => {
        const plan = planOf(source);
        for (const task of plan.tasks) {
          const edges = (at: number): readonly number[] => (task.weightRule === 'downstream' ? plan.tasks[at]?.downstreamTasks : plan.tasks[at]?.upstreamTasks) ?? [];
          const seen = new Set<number>();
          const visit = (at: number): void => edges(at).forEach((next) => { if (!seen.has(next)) { seen.add(next); visit(next); } });
          if (task.weightRule !== 'absolute') visit(task.position);
          const sum = [...seen].reduce((total, at) => total + (plan.tasks[at]?.priorityWeight ?? 0), task.priorityWeight);
          expect([task.taskId, task.effectivePriority]).toEqual([task.taskId, sum]);
        }
      }),
      { numRuns: 150 },
    );
  });

  it('fits into the column', () => {
    expect(planOf(dag('a [priority=2000000000]\n b <- a [priority=2000000000]')).tasks[0]?.effectivePriority).toBe(2_147_483_647);
  });
});

/** Up to 120 tasks: enough for more than one block of 32, few enough hard ones for the search too. */
function graphs(mayCycle: boolean): fc.Arbitrary<PlanSource> {
  return fc.tuple(fc.integer({ min: 1, max: 120 }), fc.integer({ min: 0, max: 4 }), fc.infiniteStream(fc.nat())).map(([size, density, stream]) => {
    const next = (below: number): number => Number(stream.next().value) % Math.max(1, below);
    const tasks = Array.from({ length: size }, (_, i): PlanTaskSource => ({
      ...NO_TASK,
      taskId: `t${i}`,
      upstream: Array.from({ length: Math.min(i, next(density + 1)) }, () => `t${mayCycle && next(20) === 0 ? next(size) : next(i)}`),
      priorityWeight: 1 + next(9),
      weightRule: (['downstream', 'upstream', 'absolute'] as const)[next(3)] ?? 'downstream',
    }));
    return { dagId: 'random', tasks, maxActiveTasks: 16, failFast: false, dagrunTimeoutSeconds: null };
  });
}

function planOf(source: PlanSource): Plan {
  const compiled = compilePlan(source);
  if (!compiled.ok) throw new Error(compiled.errors[0]?.message);
  return compiled.plan;
}

function leaves(lines: string): string[] {
  const plan = planOf(dag(lines));
  return plan.leaves.map((position) => plan.tasks[position]?.taskId ?? '');
}
