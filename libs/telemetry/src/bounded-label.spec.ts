import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BoundedLabel } from './bounded-label.js';
import { createMetrics } from './create-metrics.js';

describe('BoundedLabel', () => {
  it('gives names to the first values and one name to all others, always the same', () => {
    const label = new BoundedLabel(2);
    expect(['a', 'b', 'c', 'a', 'd', 'b'].map((value) => label.of(value))).toEqual(['a', 'b', 'other', 'a', 'other', 'b']);
  });

  it('never makes more series than it was told', () => {
    fc.assert(fc.property(fc.array(fc.string()), fc.nat(5), (values, max) => {
      const label = new BoundedLabel(max);
      expect(new Set(values.map((value) => label.of(value))).size).toBeLessThanOrEqual(max + 1);
    }));
  });
});

describe('a counter that is read', () => {
  it('shows the total of whoever counts, however often it is asked', async () => {
    const metrics = createMetrics('spec', { process: false });
    let total = 3;
    metrics.counter({ name: 'read_total', help: 'h', read: () => total });
    expect(await metrics.registry.metrics()).toContain('millrace_read_total{service="spec"} 3');
    total = 5;
    expect(await metrics.registry.metrics()).toContain('millrace_read_total{service="spec"} 5');
  });
});
