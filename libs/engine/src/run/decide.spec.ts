import { describe, expect, it } from 'vitest';
import type { PlanSource } from '../graph/plan.js';
import { dag, expected, play } from '../scenario/scenario.js';

function check(source: PlanSource, script: string, selection: readonly string[] | null = null): void {
  expect(play(source, script, selection)).toBe(expected(script));
}

describe('a run', () => {
  it('goes from its roots to its end', () => {
    check(dag(`
      extract
      clean <- extract
      audit <- extract
      load <- clean, audit`), `
      start           | queue extract#1
      start           | ignored: the run is running already
      extract success | queue clean#1, queue audit#1
      clean success   |
      audit success   | queue load#1
      load success    | run success
      load success    | ignored: the instance is success, not running`);
  });

  it('has the selected tasks only', () => {
    check(dag('a\n b <- a\n c <- b'), `
      start     | queue b#1
      b success | run success`, ['b']);
  });

  it('without tasks is a success at once', () => {
    check(dag(''), 'start | run success');
  });

  it('fails by its leaves, not by what was made good on the way', () => {
    check(dag('a\n mend <- a [one_failed]'), `
      start        | queue a#1
      a failed     | queue mend#1
      mend success | run success`);
    check(dag('a\n b <- a\n c'), `
      start     | queue a#1, queue c#1
      a failed  | b=upstream_failed
      c success | run failed`);
  });

  it('that timed out skips what is left and stops what runs', () => {
    check(dag('a\n b <- a', { dagrunTimeoutSeconds: 60 }), `
      start     | queue a#1, timer run_timeout +60s
      wait 59s  | ignored: the run has time left: it was started anew
      wait 1s   | a=skipped, b=skipped, cancel a, run failed
      a success | ignored: the instance is skipped, not running`);
  });
});

describe('slots', () => {
  it('go to the most urgent, then to the first in the dag', () => {
    check(dag('low\n high [priority=5]\n middle [priority=2]\n alike [priority=2]', { maxActiveTasks: 2 }), `
      start          | low=scheduled, alike=scheduled, queue high#1, queue middle#1
      high success   | queue alike#1
      middle success | queue low#1`);
  });

  it('are kept by what runs, not by what waits', () => {
    check(dag('a\n b', { maxActiveTasks: 1 }), `
      start            | b=scheduled, queue a#1
      a deferred +60s  | queue b#1, timer resume a +60s
      resume a         | a=scheduled
      b success        | queue a#1
      a success        | run success`);
  });

  it('of a paused dag stay empty', () => {
    check(dag('a\n b <- a'), `
      start     | queue a#1
      pause     |
      pause     | ignored: the dag is paused already
      a success | b=scheduled
      unpause   | queue b#1`);
  });
});

describe('tries', () => {
  it('follow a failure after the delay, as many as there are retries', () => {
    check(dag('a [retries=1 delay=60]\n b <- a'), `
      start    | queue a#1
      a failed | a=up_for_retry, history a failed, timer retry a +60s
      retry a  | queue a#2
      retry a  | ignored: the instance is running, not up for retry
      a failed | b=upstream_failed, run failed`);
  });

  it('without a delay follow at once', () => {
    check(dag('a [retries=1 delay=0]'), `
      start    | queue a#1
      a failed | history a failed, queue a#2`);
  });

  it('end when the task says so', () => {
    check(dag('a [retries=3]'), `
      start             | queue a#1
      a failed for-good | run failed`);
  });

  it('go on after a reschedule, a deferral and a report, with the same number', () => {
    check(dag('a'), `
      start              | queue a#1
      a rescheduled +30s | a=up_for_reschedule, timer resume a +30s
      resume a           | queue a#1
      a deferred         |
      report a           | queue a#1
      report a           | ignored: the instance is running, it does not wait for anything`);
  });
});

describe('a lost attempt', () => {
  it('that never started is dispatched again at no cost', () => {
    check(dag('a'), `
      start            | queue a#1
      a lost unclaimed | queue a#1
      a success        | run success`);
  });

  it('that had started follows the retry policy and is told', () => {
    check(dag('a [retries=1 delay=10]'), `
      start   | queue a#1
      a lost  | a=up_for_retry, history a lost, timer retry a +10s
      retry a | queue a#2
      a lost  | a=failed, run failed`);
  });

  it('may cost nothing', () => {
    check(dag('a [retries=1 delay=10 onLost=retry]'), `
      start    | queue a#1
      a lost   | history a lost, queue a#2
      a lost   | history a lost, queue a#3
      a failed | a=up_for_retry, history a failed, timer retry a +10s
      retry a  | queue a#4
      a failed | run failed`);
  });

  it('may be the end', () => {
    check(dag('a [retries=1 onLost=fail]\n b [retries=1 onLost=ask]'), `
      start  | queue a#1, queue b#1
      a lost | a=failed
      b lost | b=failed, run failed`);
  });
});

describe('a branch', () => {
  it('skips what it did not choose, whatever the rule', () => {
    check(dag(`
      branch
      left <- branch
      right <- branch [all_done]
      join <- left, right [none_failed_min_one_success]`), `
      start             | queue branch#1
      branch chose left | right=skipped, queue left#1
      left success      | queue join#1`);
  });

  it('does not skip what is downstream of a chosen task too', () => {
    check(dag('branch\n left <- branch\n join <- branch, left'), `
      start             | queue branch#1
      branch chose left | queue left#1
      left success      | queue join#1`);
  });

  it('that chooses nothing skips all that is direct; the rest by its rules', () => {
    check(dag('branch\n a <- branch\n b <- a\n c <- a [all_done]'), `
      start                | queue branch#1
      branch chose nothing | a=skipped, b=skipped, queue c#1`);
  });

  it('that chooses what does not exist has failed', () => {
    check(dag('branch\n a <- branch'), `
      start                | queue branch#1
      branch chose nowhere | branch=failed, a=upstream_failed, run failed`);
  });

  it('keeps its word when what it skipped is cleared alone', () => {
    check(dag('branch\n a <- branch\n b <- branch'), `
      start          | queue branch#1
      branch chose a | b=skipped, queue a#1
      clear b        | ignored: the instances are undecided already, or a branch that stands skipped them
      clear branch,b | b=none, history branch success, queue branch#2`);
  });

  it('stops all, or only what is direct', () => {
    check(dag('gate\n a <- gate\n b <- a [all_done]'), `
      start          | queue gate#1
      gate stops all | a=skipped, b=skipped, run success`);
    check(dag('gate\n a <- gate\n b <- a [all_done]'), `
      start             | queue gate#1
      gate stops direct | a=skipped, queue b#1`);
  });
});

describe('setups and teardowns', () => {
  const scoped = dag('up [setup]\n work <- up\n late <- work [all_done]\n down <- up, late [teardown]\n after');

  it('tear down after a failure, which the teardown does not hide', () => {
    check(scoped, `
      start         | queue up#1, queue after#1
      after success |
      up success    | queue work#1
      work failed   | queue late#1
      late failed   | queue down#1
      down success  | run failed`);
  });

  it('do not tear down what was not set up, and do not work in it, whatever the rule', () => {
    check(scoped, `
      start         | queue up#1, queue after#1
      after success |
      up failed     | work=upstream_failed, late=upstream_failed, down=upstream_failed, run failed`);
  });

  it('do not fail the run by a teardown, unless told so', () => {
    check(dag('up [setup]\n work <- up\n down <- up, work [teardown]'), `
      start        | queue up#1
      up success   | queue work#1
      work success | queue down#1
      down failed  | run success`);
    check(dag('up [setup]\n work <- up\n down <- up, work [teardown fails-run]'), `
      start        | queue up#1
      up success   | queue work#1
      work success | queue down#1
      down failed  | run failed`);
  });
});

describe('fail fast', () => {
  it('stops the rest at the first failure, but not the teardowns', () => {
    check(dag('up [setup]\n a <- up\n b <- up\n c <- b\n down <- up, a, c [teardown]', { failFast: true }), `
      start        | queue up#1
      up success   | queue b#1, queue a#1
      a failed     | b=failed, c=skipped, cancel b, queue down#1
      down success | run failed`);
  });
});

describe('clearing', () => {
  it('runs an ended instance again, and the run with it', () => {
    check(dag('a [retries=1 delay=10]\n b <- a'), `
      start     | queue a#1
      a success | queue b#1
      b failed  | run failed
      clear b   | history b failed, queue b#2
      b success | run success
      clear a   | history a success, queue a#2
      a failed  | a=up_for_retry, history a failed, timer retry a +10s
      retry a   | queue a#3
      a success | run success`);
  });

  it('asks a running one to stop and then begins again', () => {
    check(dag('a'), `
      start           | queue a#1
      clear a         | a=restarting, cancel a
      clear a         | ignored: the instances are undecided already, or a branch that stands skipped them
      a failed        | history a failed, queue a#2
      clear a         | a=restarting, cancel a
      a lost          | history a lost, queue a#3`);
  });

  it('takes back what waits for a slot because of it', () => {
    check(dag('a\n b <- a\n other [priority=9]', { maxActiveTasks: 1 }), `
      start         | a=scheduled, queue other#1
      other success | queue a#1
      clear other   | other=scheduled, history other success
      a success     | b=scheduled, queue other#2
      clear a       | a=scheduled, b=none, history a success`);
  });
});

describe('marking', () => {
  it('stops what runs and decides anew what was not run because of it', () => {
    check(dag('a\n b <- a\n c <- b'), `
      start          | queue a#1
      a failed       | b=upstream_failed, c=upstream_failed, run failed
      mark a success | a=success, c=none, queue b#1
      mark b skipped | b=skipped, c=skipped, cancel b, run success
      mark b skipped | ignored: none of the instances is in this run and not skipped already`);
  });

  it('finds the end of the run again', () => {
    check(dag('a\n b'), `
      start          | queue a#1, queue b#1
      a failed       |
      b success      | run failed
      mark a success | a=success, run success
      mark a skipped | a=skipped`);
  });

  it('a run failed: what began has failed, the rest is skipped, teardowns run', () => {
    check(dag('up [setup]\n a <- up\n b <- a\n down <- up, b [teardown]'), `
      start           | queue up#1
      up success      | queue a#1
      mark run failed | a=failed, b=skipped, cancel a, queue down#1
      down success    | run failed`);
  });

  it('a run success: all is', () => {
    check(dag('a\n b <- a\n c'), `
      start            | queue a#1, queue c#1
      c failed         |
      mark run success | a=success, b=success, c=success, cancel a, run success`);
  });

  it('a run queued: it starts again when it is let', () => {
    check(dag('a\n b <- a'), `
      start           | queue a#1
      mark run queued | ignored: the run is running already
      a failed        | b=upstream_failed, run failed
      mark run queued |
      clear b         | b=none
      start           | b=upstream_failed, run failed`);
  });
});
