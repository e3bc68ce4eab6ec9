import { bench, describe } from 'vitest';
import { NO_TASK } from '../scenario/scenario.js';
import { compilePlan } from './compile-plan.js';
import type { PlanSource } from './plan.js';

/* The bound of `effectivePriorities`, by shape. Layers with random edges are the worst there is: every list is hard. */

const shapes: Record<string, PlanSource> = {
  'chain of 100,000': shape(100_000, (i) => (i === 0 ? [] : [`t${i - 1}`])),
  'fan 1 -> 100,000 -> 1': shape(100_002, (i) => (i === 0 ? [] : i === 100_001 ? Array.from({ length: 100_000 }, (_, k) => `t${k + 1}`) : ['t0'])),
  '10 layers of 100, all to all': shape(1_000, (i) => (i < 100 ? [] : Array.from({ length: 100 }, (_, k) => `t${(Math.floor(i / 100) - 1) * 100 + k}`))),
  '10,000 in layers of 100, 3 edges at random': shape(10_000, (i) => randomEdges(i)),
  '100,000 in layers of 100, 3 edges at random': shape(100_000, (i) => randomEdges(i)),
};

describe('compiling a plan', () => {
  for (const [name, source] of Object.entries(shapes)) {
    bench(name, () => { compilePlan(source); }, { iterations: 1, time: 0, warmupIterations: 0, warmupTime: 0 });
  }
});

function randomEdges(i: number): string[] {
  const layer = Math.floor(i / 100);
  return layer === 0 ? [] : [7, 31, 73].map((salt) => `t${(layer - 1) * 100 + ((Math.imul(i + salt, 0x9e3779b1) >>> 8) % 100)}`);
}

function shape(size: number, upstream: (i: number) => string[]): PlanSource {
  const tasks = Array.from({ length: size }, (_, i) => ({ ...NO_TASK, taskId: `t${i}`, upstream: upstream(i) }));
  return { dagId: 'bench', tasks, maxActiveTasks: 16, failFast: false, dagrunTimeoutSeconds: null };
}
