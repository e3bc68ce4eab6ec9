import { describe, expect, it } from 'vitest';
import { NaturalBatcher } from './natural-batcher.js';

/** A flush the test lets go: `batches` as they began, `release` the oldest. */
function gated(maxSize = 100) {
  const batches: number[][] = [];
  const gates: { resolve: () => void; reject: (error: Error) => void }[] = [];
  let inFlight = 0;
  const batcher = new NaturalBatcher<number, number>({
    maxSize,
    flush: async (items) => {
      expect(++inFlight).toBe(1);
      batches.push([...items]);
      try {
        await new Promise<void>((resolve, reject) => gates.push({ resolve, reject }));
      } finally {
        inFlight--;
      }
      return items.map((item) => item * 10);
    },
  });
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  return { batcher, batches, turn, release: () => gates.shift()?.resolve(), fail: (error: Error) => gates.shift()?.reject(error) };
}

describe('NaturalBatcher', () => {
  it('gathers what comes while a flush is in flight', async () => {
    const { batcher, batches, turn, release } = gated();
    const first = [batcher.add(1), batcher.add(2)];
    await turn();
    const second = [batcher.add(3), batcher.add(4), batcher.add(5)];
    await turn();
    expect(batches).toEqual([[1, 2]]);
    expect(batcher.waiting).toBe(3);
    release();
    expect(await Promise.all(first)).toEqual([10, 20]);
    await turn();
    expect(batches).toEqual([[1, 2], [3, 4, 5]]);
    release();
    expect(await Promise.all(second)).toEqual([30, 40, 50]);
    await batcher.idle();
  });

  it('takes no more than maxSize at once, in order', async () => {
    const { batcher, batches, turn, release } = gated(2);
    const all = Promise.all([1, 2, 3, 4, 5].map((item) => batcher.add(item)));
    for (let i = 0; i < 3; i++) {
      await turn();
      release();
    }
    expect(await all).toEqual([10, 20, 30, 40, 50]);
    expect(batches).toEqual([[1, 2], [3, 4], [5]]);
  });

  it('fails the items of a failed flush, and no others', async () => {
    const { batcher, turn, release, fail } = gated(1);
    const [bad, good] = [batcher.add(1), batcher.add(2)];
    await turn();
    fail(new Error('deadlock'));
    await expect(bad).rejects.toThrow('deadlock');
    await turn();
    release();
    expect(await good).toBe(20);
  });

  it('fails when a flush throws at once or gives too few results', async () => {
    const thrower = new NaturalBatcher<number, number>({ maxSize: 9, flush: () => { throw new Error('at once'); } });
    await expect(thrower.add(1)).rejects.toThrow('at once');
    const miser = new NaturalBatcher<number, number>({ maxSize: 9, flush: async () => [] });
    await expect(miser.add(1)).rejects.toThrow('a flush of 1 items gave 0 results');
    await miser.idle();
  });

  it('works on after being idle, and says when it is', async () => {
    const batcher = new NaturalBatcher<number, number>({ maxSize: 9, flush: async (items) => items });
    await batcher.idle();
    for (let i = 0; i < 100; i++) expect(await batcher.add(i)).toBe(i);
    await batcher.idle();
    expect(batcher.waiting).toBe(0);
  });

  it('refuses a size that is none', () => {
    expect(() => new NaturalBatcher({ maxSize: 0, flush: async () => [] })).toThrow('maxSize must be a whole number > 0, got 0');
  });
});
