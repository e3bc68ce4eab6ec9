import type { TriggerRule } from '@millrace/vocabulary';
import type { UpstreamCounts } from '../run/run.js';

/** What a rule says to an instance that is not decided yet. */
export type Verdict = 'wait' | 'run' | 'skipped' | 'upstream_failed';

/**
 * The twelve rules as a pure function of counts. An instance without upstream runs, whatever its rule.
 * Removed instances are surplus of an earlier, longer list: they count neither as done nor as expected.
 *
 * Every rule decides at the latest when all are done: that no run can hang on a rule follows from it (see the properties).
 */
export function judge(rule: TriggerRule, counts: UpstreamCounts): Verdict {
  const n = counts.total - counts.removed;
  if (n <= 0) return 'run';
  const { success, skipped } = counts;
  const failed = counts.failed + counts.upstreamFailed;
  const done = success + skipped + failed >= n;

  switch (rule) {
    case 'all_success':
      if (failed > 0) return 'upstream_failed';
      if (skipped > 0) return 'skipped';
      return done ? 'run' : 'wait';
    case 'all_failed':
      if (success > 0 || skipped > 0) return 'skipped';
      return done ? 'run' : 'wait';
    case 'all_done':
      return done ? 'run' : 'wait';
    case 'all_done_min_one_success':
      if (!done) return 'wait';
      if (success > 0) return 'run';
      return skipped >= n ? 'skipped' : 'upstream_failed';
    case 'all_skipped':
      if (success > 0 || failed > 0) return 'skipped';
      return done ? 'run' : 'wait';
    case 'one_success':
      if (success > 0) return 'run';
      if (!done) return 'wait';
      return skipped >= n ? 'skipped' : 'upstream_failed';
    case 'one_failed':
      if (failed > 0) return 'run';
      return done ? 'skipped' : 'wait';
    case 'one_done':
      // Upstream_failed is no end of a task that ran, so it does not count here (as in Airflow).
      if (success + counts.failed > 0) return 'run';
      return done ? 'skipped' : 'wait';
    case 'none_failed':
      if (failed > 0) return 'upstream_failed';
      return done ? 'run' : 'wait';
    case 'none_failed_min_one_success':
      if (failed > 0) return 'upstream_failed';
      if (!done) return 'wait';
      return success > 0 ? 'run' : 'skipped';
    case 'none_skipped':
      if (skipped > 0) return 'skipped';
      return done ? 'run' : 'wait';
    case 'always':
      return 'run';
    default:
      return rule satisfies never;
  }
}

/** What the setups whose scope a task is in say before its own rule is asked: all of them must have succeeded. */
export function judgeSetups(setups: UpstreamCounts): Verdict {
  if (setups.failed + setups.upstreamFailed > 0) return 'upstream_failed';
  if (setups.skipped > 0) return 'skipped';
  return setups.success >= setups.total - setups.removed ? 'run' : 'wait';
}

/**
 * A teardown waits until its scope is done, however it ended, and then runs if any of its setups succeeded
 * (there is something to tear down). A teardown without setups runs when all is done.
 */
export function judgeTeardown(upstream: UpstreamCounts, setups: UpstreamCounts | null): Verdict {
  if (judge('all_done', upstream) === 'wait') return 'wait';
  if (setups === null || setups.total - setups.removed <= 0 || setups.success > 0) return 'run';
  return setups.skipped >= setups.total - setups.removed ? 'skipped' : 'upstream_failed';
}
