import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { REPOSITORY_ROOT } from '../harness/repository-root.js';
import { metricsInCode } from './metrics-in-code.js';

const ROW = /^\| `(millrace_[a-z_]+)` \| (?<services>[a-z, -]+) \| (?<type>counter|gauge|histogram) \| (?<labels>[^|]*) \| (?<airflow>[^|]*) \| (?<meaning>[^|]+) \|$/gm;

function documented(): Map<string, { type: string; labels: string[] }> {
  const page = readFileSync(join(REPOSITORY_ROOT, 'docs/operators/metrics.md'), 'utf8');
  return new Map([...page.matchAll(ROW)].map((row) => [row[1]!, { type: row.groups!['type']!, labels: [...row.groups!['labels']!.matchAll(/`([a-z_]+)`/g)].map(([, label]) => label!).sort() }]));
}

describe('docs/operators/metrics.md', () => {
  const made = metricsInCode(REPOSITORY_ROOT);

  it('has a row for every metric the services make, with its type and labels, and no other', () => {
    expect(made.length).toBeGreaterThan(50);
    const code = Object.fromEntries(made.map(({ name, type, labels }) => [name, { type, labels }]).sort());
    expect(Object.fromEntries([...documented()].sort())).toEqual(code);
  });

  it('never lets ids of runs, tasks or attempts become labels', () => {
    const unbounded = ['run_id', 'task_id', 'attempt_id', 'instance_id', 'user', 'path'];
    expect(made.filter((metric) => metric.labels.some((label) => unbounded.includes(label)))).toEqual([]);
  });

  it('keeps the units Prometheus asks for', () => {
    for (const { name, type } of made) {
      if (type === 'counter') expect(name).toMatch(/_total$/);
      else expect(name).not.toMatch(/_total$/);
      expect(name).not.toMatch(/_(ms|millis|milliseconds|minutes|mb|kb)$/);
    }
  });
});
