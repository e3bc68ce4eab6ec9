import { bench, describe } from 'vitest';
import type { AttemptId, InstanceId, RunId } from '@millrace/vocabulary';
import { compilePlan, createRun, decide, markClaimed } from '../index.js';
import type { Run } from '../index.js';
import { dag } from '../scenario/scenario.js';

/* `npx vitest bench libs/engine/src/mapping`: the cost of an event must not grow with the number of elements. */

describe('a mapped run, one event a decision', () => {
  for (const elements of [1_000, 10_000]) {
    for (const [name, lines] of Object.entries({
      'list -> each -> sum': 'list\n each <- list [expand=list]\n sum <- each',
      'group of three, index by index': 'group g [expand=list]\n list\n a <- list [group=g]\n b <- a [group=g]\n c <- b [group=g]\n sum <- c',
      'each over the values of each': 'list\n a <- list [expand=list]\n b <- a [expand=a]\n sum <- b',
      'each behind each, not index by index': 'list\n a <- list [expand=list]\n b <- a [expand=list]\n sum <- b',
    })) {
      const compiled = compilePlan(dag(lines, { maxMapLength: 100_000, maxActiveTasks: 64 }));
      if (!compiled.ok) throw new Error(compiled.errors[0]?.message);
      const figures: number[] = [];
      bench(`${name}, ${elements} elements`, () => { figures.push(carry(createRun(compiled.plan, facts), elements)); }, {
        iterations: 2, time: 0, warmupIterations: 1, warmupTime: 0,
        teardown: (_, mode) => { if (mode === 'run') console.log(`${name}, ${elements}: ${Math.min(...figures).toFixed(2)} µs per finished event`); },
      });
    }
  }
});

const facts = {
  id: '01890000-0000-7000-8000-000000000000' as RunId, createdAtMs: 1_700_000_000_000, state: 'queued', paused: false,
  startedAtMs: null, endedAtMs: null, reason: null, taskSelection: null,
} as const;

function carry(run: Run, elements: number): number {
  const queue: { id: InstanceId; attemptId: AttemptId }[] = [];
  let now = 1_700_000_000_000;
  const take = (effects: ReturnType<typeof decide>['effects']): void => {
    for (const effect of effects) if (effect.type === 'dispatch') queue.push({ id: effect.instance.id, attemptId: effect.attemptId });
  };
  const begin = performance.now();
  take(decide(run, [{ type: 'started' }], now).effects);
  let finished = 0;
  for (let at = 0; at < queue.length; at++) {
    const { id, attemptId } = queue[at] ?? queue[0]!;
    markClaimed(run, id, attemptId);
    const lengths = { return_value: elements };
    take(decide(run, [{ type: 'finished', instanceId: id, attemptId, outcome: 'success', retryable: true, error: '', resumeAtMs: null, branch: null, skipDownstream: '', lengths }], ++now).effects);
    finished += 1;
  }
  if (run.state !== 'success') throw new Error(`the run is ${run.state}`);
  return ((performance.now() - begin) * 1000) / finished;
}
