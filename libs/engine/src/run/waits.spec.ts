import { describe, expect, it } from 'vitest';
import type { PlanSource } from '../graph/plan.js';
import { dag, expected, play } from '../scenario/scenario.js';

function check(source: PlanSource, script: string): void {
  expect(play(source, script)).toBe(expected(script));
}

describe('a wait that took too long', () => {
  it('fails the try, which may be followed by another', () => {
    check(dag('a [retries=1 delay=60]'), `
      start                | queue a#1
      a deferred fail@30s  | timer give_up_fail a +30s
      give_up a fail       | a=up_for_retry, history a failed, timer retry a +60s
      give_up a fail       | ignored: the instance is up_for_retry, it does not wait for anything
      report a             | ignored: the instance is up_for_retry, it does not wait for anything
      retry a              | queue a#2`);
  });

  it('fails the task for good, whatever retries are left', () => {
    check(dag('a [retries=1 delay=60]\n b <- a'), `
      start                        | queue a#1
      a deferred fail_for_good@30s | timer give_up_fail_for_good a +30s
      give_up a fail_for_good      | a=failed, b=upstream_failed, run failed`);
  });

  it('skips the task', () => {
    check(dag('a\n b <- a'), `
      start               | queue a#1
      a deferred skip@30s | timer give_up_skip a +30s
      give_up a skip      | a=skipped, b=skipped, run success`);
  });

  it('runs the task again, the same try', () => {
    check(dag('a'), `
      start                 | queue a#1
      a deferred resume@30s | timer give_up_resume a +30s
      give_up a resume      | queue a#1
      a success             | run success`);
  });

  it('means nothing once it was resumed', () => {
    check(dag('a'), `
      start                    | queue a#1
      a deferred fail@30s +10s | timer resume a +10s, timer give_up_fail a +30s
      resume a                 | queue a#1
      give_up a fail           | ignored: the instance is running, it does not wait for anything`);
    check(dag('a'), `
      start               | queue a#1
      a deferred fail@30s | timer give_up_fail a +30s
      report a            | queue a#1
      give_up a fail      | ignored: the instance is running, it does not wait for anything
      a success           | run success`);
  });
});

describe('a task that asks a person', () => {
  it('waits without a slot until it is answered', () => {
    check(dag('ask\n other', { maxActiveTasks: 1 }), `
      start              | other=scheduled, queue ask#1
      ask awaiting_input | queue other#1
      other success      |
      report ask         | queue ask#1
      report ask         | ignored: the instance is running, it does not wait for anything
      ask success        | run success`);
  });

  it('is given up like any wait, marked and cleared like any instance', () => {
    check(dag('ask'), `
      start                        | queue ask#1
      ask awaiting_input skip@60s  | timer give_up_skip ask +60s
      give_up ask skip             | ask=skipped, run success
      clear ask                    | history ask skipped, queue ask#2
      ask awaiting_input           |
      mark ask success             | ask=success, run success
      report ask                   | ignored: the instance is success, it does not wait for anything`);
  });
});

describe('a retry policy', () => {
  const policies = (policy: string): PlanSource => dag(`a [retries=1 delay=300 policy=${policy}]`);

  it('gives an error more tries, and other pauses', () => {
    check(policies('HttpError:2x10s'), `
      start                              | queue a#1
      a failed error=HttpError,Error     | a=up_for_retry, history a failed, timer retry a +10s
      retry a                            | queue a#2
      a failed error=HttpError,Error     | a=up_for_retry, history a failed, timer retry a +10s
      retry a                            | queue a#3
      a failed error=HttpError,Error     | run failed`);
  });

  it('leaves other errors to the task', () => {
    check(policies('HttpError:5x10s'), `
      start                   | queue a#1
      a failed error=Error    | a=up_for_retry, history a failed, timer retry a +300s
      retry a                 | queue a#2
      a failed error=Error    | run failed`);
  });

  it('fails at once for what cannot get better', () => {
    check(policies('ValidationError:fail'), `
      start                                   | queue a#1
      a failed error=ValidationError,Error    | run failed`);
  });

  it('takes the first rule that names the error, by class or code', () => {
    check(policies('HTTP_404:fail;HttpError:3x5s;*:0'), `
      start                                      | queue a#1
      a failed error=HttpError,Error,HTTP_503    | a=up_for_retry, history a failed, timer retry a +5s
      retry a                                    | queue a#2
      a failed error=HttpError,Error,HTTP_404    | run failed`);
    check(policies('HTTP_404:fail;HttpError:3x5s;*:0'), `
      start                   | queue a#1
      a failed error=Error    | run failed`);
  });

  it('knows lost workers and waits that took too long by a name of their own', () => {
    check(policies('AttemptLost:5x1s;TaskDeferralTimeout:fail'), `
      start                | queue a#1
      a lost               | a=up_for_retry, history a lost, timer retry a +1s
      retry a              | queue a#2
      a deferred fail@30s  | timer give_up_fail a +30s
      give_up a fail       | a=failed, run failed`);
  });

  it('counts from the last clear', () => {
    check(policies('HttpError:1x5s'), `
      start                      | queue a#1
      a failed error=HttpError   | a=up_for_retry, history a failed, timer retry a +5s
      retry a                    | queue a#2
      a failed error=HttpError   | run failed
      clear a                    | history a failed, queue a#3
      a failed error=HttpError   | a=up_for_retry, history a failed, timer retry a +5s`);
  });
});
