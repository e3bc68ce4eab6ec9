import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { InstanceState } from '@millrace/vocabulary';
import { TRIGGER_RULES, isFinished } from '@millrace/vocabulary';
import type { UpstreamCounts } from '../run/run.js';
import { mayRun } from '../simulator/checker.js';
import { judge, judgeSetups, judgeTeardown } from './trigger-rules.js';

/* Parents as letters: S success, F failed, K skipped, U upstream_failed, R removed, . not done yet. */
const STATES: Record<string, InstanceState> = { S: 'success', F: 'failed', K: 'skipped', U: 'upstream_failed', R: 'removed', '.': 'running' };

const TABLE = `
  parents | all_success     | all_failed | all_done | all_done_min_one_success | all_skipped | one_success     | one_failed | one_done | none_failed     | none_failed_min_one_success | none_skipped | always
          | run             | run        | run      | run                      | run         | run             | run        | run      | run             | run                         | run          | run
  .       | wait            | wait       | wait     | wait                     | wait        | wait            | wait       | wait     | wait            | wait                        | wait         | run
  S       | run             | skipped    | run      | run                      | skipped     | run             | skipped    | run      | run             | run                         | run          | run
  F       | upstream_failed | run        | run      | upstream_failed          | skipped     | upstream_failed | run        | run      | upstream_failed | upstream_failed             | run          | run
  U       | upstream_failed | run        | run      | upstream_failed          | skipped     | upstream_failed | run        | skipped  | upstream_failed | upstream_failed             | run          | run
  K       | skipped         | skipped    | run      | skipped                  | run         | skipped         | skipped    | skipped  | run             | skipped                     | skipped      | run
  S.      | wait            | skipped    | wait     | wait                     | skipped     | run             | wait       | run      | wait            | wait                        | wait         | run
  F.      | upstream_failed | wait       | wait     | wait                     | skipped     | wait            | run        | run      | upstream_failed | upstream_failed             | wait         | run
  U.      | upstream_failed | wait       | wait     | wait                     | skipped     | wait            | run        | wait     | upstream_failed | upstream_failed             | wait         | run
  K.      | skipped         | skipped    | wait     | wait                     | wait        | wait            | wait       | wait     | wait            | wait                        | skipped      | run
  SS      | run             | skipped    | run      | run                      | skipped     | run             | skipped    | run      | run             | run                         | run          | run
  SF      | upstream_failed | skipped    | run      | run                      | skipped     | run             | run        | run      | upstream_failed | upstream_failed             | run          | run
  SK      | skipped         | skipped    | run      | run                      | skipped     | run             | skipped    | run      | run             | run                         | skipped      | run
  SU      | upstream_failed | skipped    | run      | run                      | skipped     | run             | run        | run      | upstream_failed | upstream_failed             | run          | run
  FF      | upstream_failed | run        | run      | upstream_failed          | skipped     | upstream_failed | run        | run      | upstream_failed | upstream_failed             | run          | run
  FU      | upstream_failed | run        | run      | upstream_failed          | skipped     | upstream_failed | run        | run      | upstream_failed | upstream_failed             | run          | run
  FK      | upstream_failed | skipped    | run      | upstream_failed          | skipped     | upstream_failed | run        | run      | upstream_failed | upstream_failed             | skipped      | run
  UK      | upstream_failed | skipped    | run      | upstream_failed          | skipped     | upstream_failed | run        | skipped  | upstream_failed | upstream_failed             | skipped      | run
  KK      | skipped         | skipped    | run      | skipped                  | run         | skipped         | skipped    | skipped  | run             | skipped                     | skipped      | run
  SFK     | upstream_failed | skipped    | run      | run                      | skipped     | run             | run        | run      | upstream_failed | upstream_failed             | skipped      | run
  SR      | run             | skipped    | run      | run                      | skipped     | run             | skipped    | run      | run             | run                         | run          | run
  KR      | skipped         | skipped    | run      | skipped                  | run         | skipped         | skipped    | skipped  | run             | skipped                     | skipped      | run`;

describe('trigger rules', () => {
  const [head = [], ...rows] = TABLE.trim().split('\n').map((line) => line.split('|').map((cell) => cell.trim()));

  it('the table has every rule', () => {
    expect(head.slice(1).toSorted()).toEqual([...TRIGGER_RULES].sort());
  });

  it.each(rows)('parents "%s"', (parents, ...verdicts) => {
    const found = head.slice(1).map((rule) => judge(rule as (typeof TRIGGER_RULES)[number], counts(parents)));
    expect(found.map((verdict, i) => `${head[i + 1] ?? ''}: ${verdict}`)).toEqual(verdicts.map((verdict, i) => `${head[i + 1] ?? ''}: ${verdict}`));
  });

  const parents = fc.array(fc.constantFrom('S', 'F', 'K', 'U', 'R', '.'), { maxLength: 12 }).map((letters) => letters.join(''));
  const rules = fc.constantFrom(...TRIGGER_RULES);

  it('every rule decides when all are done: nothing hangs', () => {
    fc.assert(fc.property(rules, parents, (rule, letters) => judge(rule, counts(letters.replaceAll('.', 'S'))) !== 'wait'));
  });

  it('what was decided early is not taken back by what still comes: run stays run', () => {
    fc.assert(
      fc.property(rules, parents, fc.constantFrom('S', 'F', 'K', 'U'), (rule, letters, next) => {
        if (judge(rule, counts(letters)) === 'run') expect(judge(rule, counts(letters.replace('.', next)))).toBe('run');
      }),
    );
  });

  it('run agrees with the rules said over states', () => {
    fc.assert(
      fc.property(rules, parents, (rule, letters) => {
        const states = [...letters].filter((letter) => letter !== 'R').map((letter) => STATES[letter] ?? null);
        expect(judge(rule, counts(letters)) === 'run').toBe(mayRun({ triggerRule: rule, isTeardown: false }, states, []));
      }),
    );
  });
});

describe('setups and teardowns', () => {
  it.each([
    ['S', 'run'], ['.', 'wait'], ['F', 'upstream_failed'], ['U', 'upstream_failed'], ['K', 'skipped'], ['SK', 'skipped'], ['SF.', 'upstream_failed'], ['S.', 'wait'],
  ])('setups "%s" say %s to what stands under them', (setups, verdict) => {
    expect(judgeSetups(counts(setups))).toBe(verdict);
  });

  it.each([
    // all upstream, of them setups
    ['SS', 'S', 'run'], ['SF', 'S', 'run'], ['SU', 'S', 'run'], ['S.', 'S', 'wait'], ['FU', 'F', 'upstream_failed'], ['KK', 'K', 'skipped'], ['SFF', 'SF', 'run'], ['KFU', 'KF', 'upstream_failed'],
  ])('a teardown behind "%s" with setups "%s": %s', (upstream, setups, verdict) => {
    expect(judgeTeardown(counts(upstream), counts(setups))).toBe(verdict);
  });

  it('a teardown without setups runs when all is done', () => {
    expect(judgeTeardown(counts('FK'), null)).toBe('run');
  });
});

function counts(letters = ''): UpstreamCounts {
  const states = [...letters].map((letter) => STATES[letter] ?? null);
  const of = (state: InstanceState): number => states.filter((one) => one === state && isFinished(one)).length;
  return { total: states.length, success: of('success'), failed: of('failed'), skipped: of('skipped'), upstreamFailed: of('upstream_failed'), removed: of('removed') };
}
