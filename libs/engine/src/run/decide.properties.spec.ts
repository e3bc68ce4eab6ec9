import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { AttemptId, RunId } from '@millrace/vocabulary';
import { compilePlan } from '../graph/compile-plan.js';
import { dag } from '../scenario/scenario.js';
import { createRun, markClaimed } from './create-run.js';
import { decide } from './decide.js';
import type { FinishedEvent, RunEvent } from './events.js';
import { ReadyQueue } from './ready-queue.js';
import type { Instance, Run } from './run.js';

const facts = {
  id: '01890000-0000-7000-8000-000000000001' as RunId, createdAtMs: 0, state: 'queued', paused: false, startedAtMs: null, endedAtMs: null, reason: null, taskSelection: null,
} as const;

function newRun(): Run {
  const compiled = compilePlan(dag('up [setup]\n a <- up [retries=1 delay=5]\n b <- a [one_failed]\n c <- a, b [none_failed]\n down <- up, c [teardown]', { maxActiveTasks: 2, dagrunTimeoutSeconds: 50 }));
  if (!compiled.ok) throw new Error(compiled.errors[0]?.message);
  return createRun(compiled.plan, facts);
}

it('any events whatever: decide does not throw, counts stay true, and what is ignored changes nothing', () => {
  const pick = fc.record({ type: fc.constantFrom('started', 'claimed', 'finished', 'lost', 'timer', 'resumed', 'cleared', 'marked', 'run_marked', 'paused', 'from_the_future'), at: fc.nat(5), current: fc.boolean(), kind: fc.constantFrom('retry', 'resume', 'run_timeout'), state: fc.constantFrom('success', 'failed', 'skipped'), outcome: fc.constantFrom('success', 'failed', 'skipped', 'deferred', 'rescheduled'), paused: fc.boolean() });
  fc.assert(
    fc.property(fc.array(pick, { maxLength: 60 }), (picks) => {
      const run = newRun();
      picks.forEach((one, i) => {
        const instance = [...run.instances.values()][one.at];
        const event = {
          ...one, instanceId: instance?.id ?? 'nobody', attemptId: one.current ? instance?.attemptId : 'another', attemptSeq: one.current ? instance?.attemptSeq : -1,
          reason: 'lost', instanceIds: [instance?.id ?? 'nobody', 'nobody'], by: 'x', retryable: true, error: 'e', resumeAtMs: null, branch: one.at === 2 ? ['b', 'up'] : null, skipDownstream: one.at === 3 ? 'all' : '', payload: null,
        } as unknown as RunEvent;
        const rows = JSON.stringify([...run.instances.values()]);
        const decision = decide(run, [event], i * 1_000);
        if (decision.ignored.length > 0) {
          expect(decision.ignored[0]?.reason).not.toMatch(/^refused/);
          expect(JSON.stringify([...run.instances.values()])).toBe(rows);
          expect(decision.effects).toEqual([]);
        }
        const all = [...run.instances.values()];
        expect(run.book.active).toBe(all.filter(({ state }) => state === 'queued' || state === 'running' || state === 'restarting').length);
        expect(run.book.active).toBeLessThanOrEqual(2);
      });
    }),
    { numRuns: 500 },
  );
});

it('ends that arrive together give the states they give one by one', () => {
  const compiled = compilePlan(dag('a\n b\n c\n d\n any <- a, b, c, d [one_failed]\n all <- a, b, c, d [all_done]\n none <- a, b [none_skipped]\n end <- any, all, none'));
  if (!compiled.ok) throw new Error(compiled.errors[0]?.message);
  const play = (outcomes: readonly FinishedEvent['outcome'][], isBatched: boolean): string => {
    const run = createRun(compiled.plan, facts);
    decide(run, [{ type: 'started' }], 0);
    const events = [...run.instances.values()].slice(0, 4).map(({ id, attemptId }, i): FinishedEvent => ({
      type: 'finished', instanceId: id, attemptId: attemptId as AttemptId, outcome: outcomes[i] ?? 'success', retryable: false, error: '', resumeAtMs: null, branch: null, skipDownstream: '',
    }));
    if (isBatched) decide(run, events, 1);
    else for (const event of events) decide(run, [event], 1);
    return JSON.stringify([run.state, ...[...run.instances.values()].map(({ state, tryNumber, attemptId }) => [state, tryNumber, attemptId])]);
  };
  fc.assert(
    fc.property(fc.array(fc.constantFrom('success', 'failed', 'skipped'), { minLength: 4, maxLength: 4 }), (outcomes) => {
      expect(play(outcomes, true)).toBe(play(outcomes, false));
    }),
  );
});

it('a claim counts once, and only of the current attempt', () => {
  const run = newRun();
  decide(run, [{ type: 'started' }], 0);
  const up = [...run.instances.values()][0] as Instance;
  expect(markClaimed(run, up.id, 'another' as never)).toBe(false);
  expect(markClaimed(run, up.id, up.attemptId as never)).toBe(true);
  expect(markClaimed(run, up.id, up.attemptId as never)).toBe(false);
  expect([up.state, run.book.active]).toEqual(['running', 1]);
});

it('the ready queue gives the most urgent, whatever came in between', () => {
  const { plan } = newRun();
  const instances = fc.array(fc.record({ task: fc.nat(4), indexPath: fc.array(fc.nat(5), { maxLength: 2 }) }), { maxLength: 60 });
  fc.assert(
    fc.property(instances, (picked) => {
      const queue = new ReadyQueue(plan);
      for (const one of picked) queue.push(one as unknown as Instance);
      const urgency = ({ task, indexPath }: { task: number; indexPath: readonly number[] }): number[] => [-(plan.tasks[task]?.effectivePriority ?? 0), task, ...indexPath];
      const compare = (a: number[], b: number[]): number => { for (let i = 0; i < Math.min(a.length, b.length); i++) if (a[i] !== b[i]) return (a[i] ?? 0) - (b[i] ?? 0); return a.length - b.length; };
      const out: number[][] = [];
      for (let next = queue.pop(); next !== undefined; next = queue.pop()) out.push(urgency(next));
      expect(out).toEqual(picked.map(urgency).sort(compare));
    }),
  );
});
