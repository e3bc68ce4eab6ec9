import { expect, it } from 'vitest';
import type { PlanSource } from '../graph/plan.js';
import { dag, expected, play } from '../scenario/scenario.js';

function check(source: PlanSource, script: string): void {
  expect(play(source, script)).toBe(expected(script));
}

it('each try that fails is told of, and how it ends', () => {
  check(dag('a [retries=1 delay=60 tells=success+failure+retry]'), `
    start     | queue a#1
    a failed  | a=up_for_retry, history a failed, timer retry a +60s, owe callback retry a
    retry a   | queue a#2
    a success | owe callback success a, run success`);
  check(dag('a [retries=1 delay=60 tells=failure]'), `
    start    | queue a#1
    a failed | a=up_for_retry, history a failed, timer retry a +60s
    retry a  | queue a#2
    a failed | owe callback failure a, run failed`);
});

it('a skip of its own is told of, one by a rule or a branch is not', () => {
  check(dag('a [tells=skipped]\n b <- a [tells=skipped]'), `
    start     | queue a#1
    a skipped | b=skipped, owe callback skipped a, run success`);
});

it('what never ran because of others is not told of', () => {
  check(dag('a\n b <- a [tells=failure+success]'), `
    start    | queue a#1
    a failed | b=upstream_failed, run failed`);
});

it('the end of the run is told of once', () => {
  check(dag('a', { callbacks: ['failure'] }), `
    start    | queue a#1
    a failed | owe callback failure, run failed
    a failed | ignored: the instance is failed, not running`);
  check(dag('a', { callbacks: ['failure'] }), `
    start     | queue a#1
    a success | run success`);
});

it('an end by hand is told of when the task was under way', () => {
  check(dag('a [tells=failure]\n b <- a [tells=failure]'), `
    start         | queue a#1
    mark a failed | a=failed, b=upstream_failed, cancel a, owe callback failure a, run failed
    mark b failed | b=failed`);
});
