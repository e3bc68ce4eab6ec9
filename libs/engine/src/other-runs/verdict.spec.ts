import { expect, it } from 'vitest';
import { otherRunVerdict } from './verdict.js';

const terms = { allowed: ['success'], failed: ['failed'], skipped: ['skipped'] };
const whole = (runState: string | null) => ({ runState, tasks: null });
const tasks = (states: Record<string, string[]>) => ({ runState: 'running', tasks: new Map(Object.entries(states)) });

it.each([
  ['no run is expected', [], 'waiting'],
  ['the run does not exist', [whole(null)], 'waiting'],
  ['it runs', [whole('running')], 'waiting'],
  ['it succeeded', [whole('success')], 'allowed'],
  ['it failed', [whole('failed')], 'failed'],
  ['one of two runs', [whole('success'), whole('running')], 'waiting'],
  ['both runs', [whole('success'), whole('success')], 'allowed'],
  ['one of two failed, the other is not there', [whole('failed'), whole(null)], 'failed'],
  ['all tasks', [tasks({ a: ['success'], b: ['success', 'success'] })], 'allowed'],
  ['a mapped instance is not done', [tasks({ a: ['success', 'running'] })], 'waiting'],
  ['a task is undecided', [tasks({ a: ['none'] })], 'waiting'],
  ['a task has no instance', [tasks({ a: ['success'], b: [] })], 'waiting'],
  ['a task failed while another runs', [tasks({ a: ['running'], b: ['failed'] })], 'failed'],
  ['a task was skipped', [tasks({ a: ['success'], b: ['skipped'] })], 'skipped'],
  ['failed counts before skipped', [tasks({ a: ['skipped'], b: ['failed'] })], 'failed'],
] as const)('%s', (_, runs, verdict) => {
  expect(otherRunVerdict(runs, terms)).toBe(verdict);
});

it('failures that are allowed are allowed', () => {
  expect(otherRunVerdict([whole('failed')], { allowed: ['success', 'failed'], failed: [], skipped: [] })).toBe('allowed');
});
