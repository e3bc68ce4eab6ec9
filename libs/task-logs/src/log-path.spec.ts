import { describe, expect, it } from 'vitest';
import { isLogPath, logPathFromUrl, logPathOf, logUrlPath } from './log-path.js';

const key = { dagId: 'etl', runId: 'manual__2026-05-23T04:48:14.310347+00:00', taskId: 'load', indexPath: [], tryNumber: 1 };

describe('logPathOf', () => {
  it('has the founding shape', () => {
    expect(logPathOf(key)).toBe('dag_id=etl/run_id=manual__2026-05-23T04:48:14.310347+00:00/task_id=load/attempt=1.log');
    expect(logPathOf({ ...key, indexPath: [3], tryNumber: 2 })).toMatch(/task_id=load\/map_index=3\/attempt=2\.log$/);
    expect(logPathOf({ ...key, indexPath: [2, 5] })).toContain('/map_index=2.5/');
  });

  it.each([
    [{ dagId: '../etc' }], [{ dagId: 'a/b' }], [{ dagId: '' }], [{ runId: '..' }], [{ runId: 'a/../b' }], [{ taskId: 'a\0b' }],
    [{ taskId: 'a\\b' }], [{ indexPath: [-1] }], [{ indexPath: [1.5] }], [{ tryNumber: -1 }], [{ tryNumber: Number.NaN }],
  ])('refuses %j', (change) => {
    expect(() => logPathOf({ ...key, ...change })).toThrow(/can't be part of a log's path/);
  });

  it('shortens ids that make no file name, each to its own', () => {
    const one = logPathOf({ ...key, taskId: 'ä'.repeat(250) });
    const other = logPathOf({ ...key, taskId: `${'ä'.repeat(249)}b` });
    expect(one).not.toBe(other);
    for (const path of [one, other]) {
      expect(Math.max(...path.split('/').map((part) => Buffer.byteLength(part)))).toBeLessThanOrEqual(255);
      expect(isLogPath(path)).toBe(true);
    }
  });
});

describe('a log path in a URL', () => {
  it.each([key, { ...key, runId: 'a b~c', taskId: 'ünder.score-1', indexPath: [0] }])('comes back: %j', (each) => {
    expect(logPathFromUrl(logUrlPath(logPathOf(each)))).toBe(logPathOf(each));
  });

  it.each([
    '/log/../../etc/passwd', '/log/dag_id=a/run_id=b/task_id=c/../attempt=1.log', '/log/dag_id=a/run_id=%2e%2e/task_id=c/attempt=1.log',
    '/log/dag_id=a%2frun_id=b/task_id=c/attempt=1.log', '/log/dag_id=a/run_id=b/task_id=%252e/attempt=1.log', '/log//etc/passwd',
    '/log/dag_id=a/run_id=b/task_id=c/attempt=1.log/', '/log/dag_id=a/run_id=b/task_id=c/attempt=1.log%00', '/log/%', '/log/', '/log',
    '/log/dag_id=a\\..\\/run_id=b/task_id=c/attempt=1.log', '/log/dag_id=a/run_id=b/task_id=c/attempt=1.logx', '/logs/dag_id=a/run_id=b/task_id=c/attempt=1.log',
    '/log/dag_id=a/run_id=b/task_id=c/map_index=../attempt=1.log', '/log/dag_id=a/run_id=b/task_id=c/map_index=-1/attempt=1.log',
  ])('refuses %s', (url) => {
    expect(logPathFromUrl(url)).toBeNull();
  });
});
