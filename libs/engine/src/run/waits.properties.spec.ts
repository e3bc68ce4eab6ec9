import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { AttemptId, RunId } from '@millrace/vocabulary';
import { compilePlan } from '../graph/compile-plan.js';
import { dag } from '../scenario/scenario.js';
import { createRun, markClaimed } from './create-run.js';
import { decide } from './decide.js';
import type { FinishedEvent, GiveUp, RunEvent } from './events.js';
import type { Instance, Run } from './run.js';

const NOW = 1_700_000_000_000;
const GIVE_UPS: readonly GiveUp[] = ['fail', 'fail_for_good', 'skip', 'resume'];

/** A run whose only task waits, as its outcome says. */
function waiting(outcome: 'deferred' | 'rescheduled' | 'awaiting_input', retries: number): { run: Run; instance: Instance } {
  const compiled = compilePlan(dag(`a [retries=${retries} delay=0]`));
  if (!compiled.ok) throw new Error('no plan');
  const run = createRun(compiled.plan, { id: '01890000-0000-7000-8000-000000000001' as RunId, createdAtMs: NOW, state: 'queued', paused: false, startedAtMs: null, endedAtMs: null, reason: null, taskSelection: null });
  decide(run, [{ type: 'started' }], NOW);
  const [instance] = run.instances.values();
  markClaimed(run, instance!.id, instance!.attemptId!);
  decide(run, [finished(instance!, { outcome, resumeAtMs: outcome === 'awaiting_input' ? null : NOW + 1_000, giveUp: { atMs: NOW + 9_000, as: 'fail' } })], NOW);
  return { run, instance: instance! };
}

function finished(instance: Instance, more: Partial<FinishedEvent>): FinishedEvent {
  return { type: 'finished', instanceId: instance.id, attemptId: instance.attemptId ?? ('' as AttemptId), outcome: 'success', retryable: true, error: '', resumeAtMs: null, branch: null, skipDownstream: '', ...more };
}

const waits = fc.constantFrom('deferred', 'rescheduled', 'awaiting_input' as const) as fc.Arbitrary<'deferred' | 'rescheduled' | 'awaiting_input'>;
const ends = fc.constantFrom('report', 'report-of-it', 'resume', ...GIVE_UPS.map((giveUp) => `give_up_${giveUp}` as const));

function eventOf(word: string, instance: Instance, attemptSeq: number): RunEvent {
  if (word === 'report') return { type: 'resumed', instanceId: instance.id, payload: null };
  if (word === 'report-of-it') return { type: 'resumed', instanceId: instance.id, payload: null, attemptSeq };
  return { type: 'timer', kind: word as 'resume', instanceId: instance.id, attemptSeq };
}

it('whatever comes to a wait, how often and in which order: the first ends it, the others change nothing', () => {
  fc.assert(
    fc.property(waits, fc.array(ends, { minLength: 1, maxLength: 8 }), fc.boolean(), (outcome, words, together) => {
      const { run, instance } = waiting(outcome, 0);
      const { attemptSeq } = instance;
      const events = words.map((word) => eventOf(word, instance, attemptSeq));
      const decisions = together ? [decide(run, events, NOW + 10_000)] : events.map((event) => decide(run, [event], NOW + 10_000));
      expect(decisions.flatMap((decision) => decision.ignored)).toHaveLength(events.length - 1);
      expect(decisions.flatMap((decision) => decision.effects).filter((effect) => effect.type === 'dispatch').length).toBeLessThanOrEqual(1);
      const [first] = words;
      const goesOn = first === 'report' || first === 'report-of-it' || first === 'resume' || first === 'give_up_resume';
      expect(instance.state).toBe(goesOn ? 'queued' : first === 'give_up_skip' ? 'skipped' : 'failed');
    }),
  );
});

it('what was meant for a wait never ends a later one', () => {
  fc.assert(
    fc.property(waits, waits, ends.filter((word) => word !== 'report'), (before, after, late) => {
      const { run, instance } = waiting(before, 0);
      const stale = eventOf(late, instance, instance.attemptSeq);
      decide(run, [{ type: 'resumed', instanceId: instance.id, payload: null }], NOW + 1);
      markClaimed(run, instance.id, instance.attemptId!);
      decide(run, [finished(instance, { outcome: after, resumeAtMs: after === 'awaiting_input' ? null : NOW + 60_000 })], NOW + 2);
      const { state } = instance;
      expect(decide(run, [stale], NOW + 3).ignored).toHaveLength(1);
      expect(instance.state).toBe(state);
    }),
  );
});

it('nothing that waits is counted as active, and a report after the end changes nothing', () => {
  fc.assert(
    fc.property(waits, ends, fc.constantFrom('success', 'failed', 'skipped' as const) as fc.Arbitrary<'success' | 'failed' | 'skipped'>, (outcome, late, mark) => {
      const { run, instance } = waiting(outcome, 0);
      const { attemptSeq } = instance;
      expect(run.book.active).toBe(0);
      decide(run, [{ type: 'marked', instanceIds: [instance.id], state: mark, by: 'admin' }], NOW + 1);
      const after = decide(run, [eventOf(late, instance, attemptSeq)], NOW + 2);
      expect([after.ignored.length, after.changed.length, after.effects.length, instance.state]).toEqual([1, 0, 0, mark]);
    }),
  );
});
