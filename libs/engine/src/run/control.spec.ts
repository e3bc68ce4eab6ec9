import { describe, expect, it } from 'vitest';
import { dag, expected, play } from '../scenario/scenario.js';

const CHAIN = `a\n b <- a\n c <- b`;

describe('run retries', () => {
  it('run what failed again, with what did not run because of it, and then no more', () => {
    const script = `
      start          | queue a#1
      a success      | queue b#1
      b failed       | c=upstream_failed, timer run_retry +60s
      run-retry 1s   | ignored: the retry of the run is due later
      run-retry 59s  | c=none, history b failed, queue b#2
      b failed       | c=upstream_failed, run failed
      run-retry 60s  | ignored: no retry of the run is due`;
    expect(play(dag(CHAIN, { runRetries: 1, runRetryDelaySeconds: 60 }), script)).toBe(expected(script));
  });

  it('are forgotten when somebody ends the run, or its tasks turn out well', () => {
    expect(lines(CHAIN, { runRetries: 1, runRetryDelaySeconds: 60 }, 'start', 'a failed', 'mark run failed', 'run-retry 60s').slice(2)).toEqual([expect.stringContaining('run failed'), 'ignored: no retry of the run is due']);
    expect(lines('a', { runRetries: 1, runRetryDelaySeconds: 60 }, 'start', 'a failed', 'mark a success', 'run-retry 60s').slice(2)).toEqual([expect.stringContaining('run success'), 'ignored: no retry of the run is due']);
  });
});

describe('cancel', () => {
  it('stops what runs, skips the rest, lets teardowns do their work', () => {
    const graph = 's [setup]\n a <- s\n b <- a\n t <- s, b [teardown]';
    const said = lines(graph, {}, 'start', 's success', 'cancel run', 't success', 'cancel run');
    expect(said[2]).toContain('cancel a');
    expect(said[2]).toContain('b=skipped');
    expect(said[2]).toContain('queue t#1');
    expect(said[3]).toBe('run failed');
    expect(said[4]).toBe('ignored: the run is failed already');
  });
});

describe('looking back', () => {
  it('asks the past when the rule lets a task run, waits for it, and is no dead run meanwhile', () => {
    const said = lines('a\n b <- a [past]', {}, 'start', 'a success', 'past zzz', 'past b', 'b success');
    expect(said[1]).toBe('owe past_look');
    expect(said[2]).toContain('none of these tasks waits for the past');
    expect(said[3]).toContain('queue b#1');
    expect(said[4]).toContain('run success');
    expect(said[4]).toContain('owe past_done');
  });

  it('asks again for a retry, and tells of what is looked at only', () => {
    expect(lines('a [past-below retries=1]\n b <- a\n c <- b', {}, 'start', 'past a', 'a failed', 'retry a', 'past a', 'a success', 'b success', 'c success').map((line) => line.includes('owe past_look') ? 'look' : line.includes('owe past_done') ? 'done' : '-')).toEqual(
      ['look', '-', '-', 'look', '-', 'done', 'done', '-'],
    );
  });
});

describe('a task that is switched off', () => {
  it('is skipped when its turn comes, also when it waits for a slot; one that runs goes on', () => {
    expect(lines(CHAIN, {}, 'start', 'switch off a,b', 'a success')[2]).toContain('b=skipped');
    expect(lines('a\n b', { maxActiveTasks: 1 }, 'start', 'switch off b')[1]).toContain('b=skipped');
    expect(lines(CHAIN, {}, 'start', 'switch off b', 'switch on', 'a success')[3]).toContain('queue b#1');
  });
});

describe('a run that is watched', () => {
  it('tells of each end from then on, and of its end if that was before', () => {
    expect(lines('a\n b <- a', {}, 'start', 'watch', 'a success', 'b success', 'watch').map((line) => line.includes('owe watched'))).toEqual([false, false, true, true, false]);
    expect(lines('a', {}, 'start', 'a success', 'watch')[2]).toContain('owe watched');
  });
});

function lines(graph: string, terms: object, ...script: string[]): string[] {
  return play(dag(graph, terms), script.join('\n')).split('\n').map((line) => line.slice(line.indexOf('|') + 1).trim());
}
