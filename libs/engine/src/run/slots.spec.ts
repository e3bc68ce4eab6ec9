import { describe, expect, it } from 'vitest';
import type { PlanSource } from '../graph/plan.js';
import { dag, expected, play } from '../scenario/scenario.js';

function check(source: PlanSource, script: string): void {
  expect(play(source, script)).toBe(expected(script));
}

describe('a limit of a task in its run', () => {
  it('gives the room of one that no longer wants it to the next', () => {
    check(dag('a [expand=3 perRun=1]'), `
      start                  | a=removed, a[1]=scheduled, a[2]=scheduled, queue a[0]#1
      mark a[0],a[1] success | a[0]=success, a[1]=success, cancel a[0], queue a[2]#1`);
  });

  it('holds back that task and no other', () => {
    check(dag('root\n a <- root [perRun=1]\n b <- root\n c <- root'), `
      start        | queue root#1
      root success | queue a#1, queue b#1, queue c#1`);
    // One task of a run has one instance; the limit counts when it is mapped. Retries and clears pass through it.
    check(dag('a [perRun=1 retries=1 delay=0]\n b'), `
      start     | queue a#1, queue b#1
      a failed  | a=none, history a failed, queue a#2
      a success |
      b success | run success`.replace('a=none, ', ''));
  });
});

describe('slots counted over all runs', () => {
  it('are asked for; meanwhile what needs none goes on, however less urgent', () => {
    check(dag('a [pool=small priority=9]\n b\n c <- a [pool=small]'), `
      start     | a=scheduled, queue b#1, ask slots a
      b success |
      a granted | queue a#1
      a success | c=scheduled, ask slots c, give back slots a
      c granted | queue c#1
      c success | give back slots c, run success`.replace('ask slots c, give back slots a', 'give back slots a, ask slots c'));
  });

  it('are not asked for by more than could be queued', () => {
    check(dag('a [pool=small]\n b [pool=small]\n c [pool=small]', { maxActiveTasks: 2 }), `
      start     | a=scheduled, b=scheduled, c=scheduled, ask slots a, ask slots b
      a granted | queue a#1, ask slots c
      b granted | queue b#1
      c granted | give back slots c
      a success | give back slots a, ask slots c`);
  });

  it('go back when the instance fails, and are asked for again by its next try', () => {
    check(dag('a [pool=small retries=1 delay=60]'), `
      start     | a=scheduled, ask slots a
      a granted | queue a#1
      a failed  | a=up_for_retry, history a failed, timer retry a +60s, give back slots a
      retry a   | a=scheduled, ask slots a
      a granted | queue a#2
      a success | give back slots a, run success`);
  });

  it('are kept while deferred, as far as the pool counts that, and asked for again', () => {
    check(dag('a [pool=small]'), `
      start          | a=scheduled, ask slots a
      a granted      | queue a#1
      a deferred +5s | timer resume a +5s, keep slots a
      resume a       | a=scheduled, ask slots a
      a granted      | queue a#1
      a success      | give back slots a, run success`);
  });

  it('that can never be had fail the instance, without another try', () => {
    check(dag('a [pool=none retries=3]\n b <- a'), `
      start     | a=scheduled, ask slots a
      a refused | a=failed, b=upstream_failed, give back slots a, run failed`);
  });

  it('that come late mean nothing', () => {
    check(dag('a [pool=small]\n b'), `
      start       | a=scheduled, queue b#1, ask slots a
      mark a success | a=success, give back slots a
      a granted   | ignored: the instance is success, it does not wait for slots`);
    check(dag('a [pool=small]'), `
      start     | a=scheduled, ask slots a
      pause     |
      a granted | give back slots a
      a granted | ignored: it has given back what it asked for then
      unpause   | ask slots a`);
  });

  it('count for tasks with a limit over the runs of their dag, and for all of a dag that has one', () => {
    check(dag('a [perDag=1]\n b'), 'start | a=scheduled, queue b#1, ask slots a');
    check(dag('a\n b', { maxActiveTasksPerDag: 3 }), 'start | a=scheduled, b=scheduled, ask slots a, ask slots b');
  });
});

describe('room', () => {
  it('is looked at when told of', () => {
    check(dag('a'), `
      start | queue a#1
      room  | ignored: nothing waits for room`);
  });
});
