import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FairShares } from './fair-shares.js';
import type { PoolTags, SlotAsk, Taken } from './admit.js';
import { admit, taskKey } from './admit.js';
import { WaitingLine } from './waiting-line.js';

/** `name [pool] [nN: slots] [pN: priority] [dag:x] [@day] [task<=N] [dag<=N] [keptN] [team:x]`, one a line. */
function asks(lines: string): SlotAsk[] {
  return lines.split('\n').map((line) => line.trim()).filter((line) => line !== '').map((line) => {
    const [name = '', ...words] = line.split(/\s+/);
    const find = (pattern: RegExp): string | undefined => words.map((word) => pattern.exec(word)?.[1]).find((found) => found !== undefined);
    const dagId = find(/^dag:(\w+)$/) ?? 'd';
    const number = (pattern: RegExp, other: number): number => Number(find(pattern) ?? other);
    const limit = (pattern: RegExp): number | null => (find(pattern) === undefined ? null : Number(find(pattern)));
    return {
      key: name, name, dagId, taskId: find(/^of:(\w+)$/) ?? name, share: `dag:${dagId}`, team: find(/^team:(\w+)$/) ?? '', pool: find(/^in:(\w+)$/) ?? 'pool',
      slots: number(/^n(\d+)$/, 1), priority: number(/^p(\d+)$/, 1), orderMs: number(/^@(\d+)$/, 1), kept: number(/^kept(\d+)$/, 0), maxPerTask: limit(/^task<=(\d+)$/), maxPerDag: limit(/^dag<=(\d+)$/),
    };
  });
}

function granted(slots: number, lines: string, more: Partial<Taken> & { held?: number; tags?: PoolTags } = {}): string {
  const taken: Taken = { pools: more.pools ?? [{ name: 'pool', slots, held: more.held ?? 0 }], byTask: more.byTask ?? new Map(), byDag: more.byDag ?? new Map() };
  return admit(asks(lines), taken, more.tags ?? new Map()).granted.map((ask) => ask.key).join(' ');
}

describe('who gets slots', () => {
  it('is the most urgent, then the oldest, then the first by name', () => {
    expect(granted(3, 'b @2\n a @2\n old @1\n urgent p5 @9')).toBe('urgent old a');
  });
  it('never more than are free, and none of a pool lowered below what is used', () => {
    expect(granted(3, 'a\n b\n c', { held: 1 })).toBe('a b');
    expect(granted(2, 'a', { held: 5 })).toBe('');
    expect(granted(-1, 'a\n b n1000')).toBe('a b');
  });
  it('a pool of 0 slots is closed: what asks waits', () => {
    const { granted: got, refused } = admit(asks('a'), { pools: [{ name: 'pool', slots: 0, held: 0 }], byTask: new Map(), byDag: new Map() }, new Map());
    expect([got, refused]).toEqual([[], []]);
  });
  it('a big one reserves: nobody behind it goes first', () => {
    expect(granted(4, 'big n4\n small @2', { held: 1 })).toBe('');
    expect(granted(4, 'urgent p2\n big n4\n small @2', { held: 1 })).toBe('urgent');
    expect(granted(4, 'big n4\n small @2', { held: 0 })).toBe('big');
  });
  it('one held up by a limit of its dag or task holds up no other', () => {
    expect(granted(9, 'a1 of:a task<=1\n a2 of:a task<=1\n b @2')).toBe('a1 b');
    expect(granted(9, 'a1 of:a task<=1\n b', { byTask: new Map([[taskKey({ dagId: 'd', taskId: 'a' }), 1]]) })).toBe('b');
    expect(granted(9, 'a dag:x dag<=2\n b dag:x dag<=2\n c dag:x dag<=2\n y dag:y')).toBe('a y b');
  });
  it('a limit of a dag goes to its most urgent, in whatever pool', () => {
    const pools = [{ name: 'a', slots: 9, held: 0 }, { name: 'b', slots: 9, held: 0 }];
    expect(granted(0, 'low in:a dag<=1\n high in:b p9 dag<=1', { pools })).toBe('high');
  });
  it('dags of one priority take turns, and so do teams', () => {
    expect(granted(4, 'a1 dag:a\n a2 dag:a\n a3 dag:a\n b1 dag:b @9\n b2 dag:b @9')).toBe('a1 b1 a2 b2');
    expect(granted(4, 'a dag:a team:x\n b dag:b team:x\n c dag:c team:x\n z dag:z team:y @9\n z2 dag:z team:y @9')).toBe('a z b z2');
  });
  it('who kept its slots goes on even while a big one waits for them', () => {
    expect(granted(4, 'big n4 p9\n resumed n2 kept2', { held: 2 })).toBe('resumed');
  });
  it('what can never be had is refused, with what to do', () => {
    const { refused } = admit(asks('a in:none\n b n5'), { pools: [{ name: 'pool', slots: 4, held: 0 }], byTask: new Map(), byDag: new Map() }, new Map());
    expect(refused.map(({ ask, reason }) => `${ask.key}: ${reason}`)).toEqual([
      expect.stringMatching(/^a: pool "none" does not exist\. Make it/) as string, expect.stringMatching(/^b: it needs 5 slots of pool "pool", which has 4 in all/) as string,
    ]);
  });
});

const anAsk = fc.record({
  key: fc.uuid(), dagId: fc.constantFrom('a', 'b', 'c'), taskId: fc.constantFrom('t', 'u'), pool: fc.constantFrom('p', 'q'), slots: fc.integer({ min: 1, max: 4 }), priority: fc.integer({ min: 1, max: 3 }),
  orderMs: fc.integer({ min: 0, max: 5 }), name: fc.constant('n'), team: fc.constantFrom('', 'x'), maxPerTask: fc.option(fc.constantFrom(1, 2)), maxPerDag: fc.option(fc.constantFrom(2, 3)),
}).map((ask): SlotAsk => ({ ...ask, share: `dag:${ask.dagId}`, kept: 0 }));

describe('properties', () => {
  it('no limit is ever exceeded, nobody is granted twice, and nothing that fits is left when nobody is in front of it', () => {
    fc.assert(fc.property(fc.array(anAsk, { maxLength: 40 }), fc.integer({ min: -1, max: 8 }), fc.integer({ min: 0, max: 8 }), (list, slots, held) => {
      const taken: Taken = { pools: [{ name: 'p', slots, held }, { name: 'q', slots: 4, held: 0 }], byTask: new Map(), byDag: new Map([['a', 1]]) };
      const { granted: got, refused } = admit(list, taken, new Map());
      expect(new Set(got.map((ask) => ask.key)).size).toBe(got.length);
      for (const pool of taken.pools) {
        const used = got.filter((ask) => ask.pool === pool.name).reduce((sum, ask) => sum + ask.slots, 0);
        if (pool.slots >= 0 && used > 0) expect(pool.held + used).toBeLessThanOrEqual(pool.slots);
      }
      got.forEach((ask, i) => {
        const before = got.slice(0, i);
        if (ask.maxPerTask !== null) expect(before.filter((other) => taskKey(other) === taskKey(ask)).length).toBeLessThan(ask.maxPerTask);
        if (ask.maxPerDag !== null) expect(before.filter((other) => other.dagId === ask.dagId).length + (ask.dagId === 'a' ? 1 : 0)).toBeLessThan(ask.maxPerDag);
      });
      // Within a pool, nothing of lower priority goes while a higher one waits for the pool alone.
      const left = list.filter((ask) => !got.includes(ask) && !refused.some((r) => r.ask === ask) && ask.maxPerTask === null && ask.maxPerDag === null);
      for (const waiting of left) for (const ask of got) if (ask.pool === waiting.pool) expect(ask.priority).toBeGreaterThanOrEqual(waiting.priority);
    }), { numRuns: 400 });
  });

  it('starvation: with tasks that end, everybody of one priority is served within a bound, whoever else always wants more', () => {
    // Shares that always wait (each with its own size of task) in a pool; each round one running task ends. The bound: every share, and the biggest task,
    // is served at least once in as many rounds as it takes to give each other share twice the biggest task's slots.
    fc.assert(fc.property(fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 2, maxLength: 8 }), fc.integer({ min: 5, max: 10 }), fc.infiniteStream(fc.nat()), (sizes, slots, dice) => {
      const tags: PoolTags = new Map();
      const running: SlotAsk[] = [];
      const lastServed = sizes.map(() => 0);
      const bound = sizes.length * 2 * 5 + slots + 5;
      let serial = 0;
      for (let round = 1; round <= 300; round++) {
        // The oldest dates are always of the first share, and names favour it too: neither may matter between shares.
        const list = sizes.map((size, i): SlotAsk => ({ key: `${i}/${serial++}`, name: `n${i}`, dagId: `d${i}`, taskId: 't', share: `s${i}`, team: '', pool: 'p', slots: size, kept: 0, priority: 1, orderMs: i, maxPerTask: null, maxPerDag: null }));
        const held = running.reduce((sum, ask) => sum + ask.slots, 0);
        for (const ask of admit(list, { pools: [{ name: 'p', slots, held }], byTask: new Map(), byDag: new Map() }, tags).granted) {
          running.push(ask);
          lastServed[Number(ask.dagId.slice(1))] = round;
        }
        running.splice((dice.next().value as number) % Math.max(1, running.length), 1);
        for (const last of lastServed) expect(round - last).toBeLessThanOrEqual(bound);
      }
    }), { numRuns: 60 });
  });

  it('fair: two shares that always wait never differ by more than their biggest task', () => {
    fc.assert(fc.property(fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 2, maxLength: 6 }), (sizes) => {
      const line = new WaitingLine<SlotAsk>(new FairShares(), new FairShares());
      const put = (i: number): void => line.put({ key: `s${i}`, name: `n${i}`, dagId: `d${i}`, taskId: 't', share: `s${i}`, team: '', pool: 'p', slots: sizes[i]!, kept: 0, priority: 1, orderMs: i, maxPerTask: null, maxPerDag: null });
      sizes.forEach((_, i) => put(i));
      const got = sizes.map(() => 0);
      for (let turn = 0; turn < 200; turn++) {
        const first = line.first()!;
        const i = Number(first.key.slice(1));
        line.served(first, first.slots);
        got[i]! += first.slots;
        put(i);
        expect(Math.max(...got) - Math.min(...got)).toBeLessThanOrEqual(Math.max(...sizes));
      }
    }), { numRuns: 100 });
  });

  it('a line gives out what sorting by hand would, whatever comes and goes', () => {
    fc.assert(fc.property(fc.array(fc.record({ ask: anAsk, remove: fc.boolean() }), { maxLength: 60 }), (steps) => {
      const line = new WaitingLine<SlotAsk>();
      const kept = new Map<string, SlotAsk>();
      for (const { ask, remove } of steps) {
        line.put({ ...ask, team: '', share: 'one' });
        kept.set(ask.key, ask);
        if (remove) {
          line.remove(ask.key);
          kept.delete(ask.key);
        }
      }
      const order = [...kept.values()].sort((a, b) => b.priority - a.priority || a.orderMs - b.orderMs || (a.key < b.key ? -1 : 1)).map((ask) => ask.key);
      const out: string[] = [];
      for (let first = line.first(); first !== undefined; first = line.first()) {
        out.push(first.key);
        line.remove(first.key);
      }
      expect(out).toEqual(order);
    }));
  });
});
