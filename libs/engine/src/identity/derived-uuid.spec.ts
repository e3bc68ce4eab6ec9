import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { derivedUuid } from './derived-uuid.js';

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

describe('derived ids', () => {
  it('are uuid v7 and follow from time and text', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 47 }), fc.string(), (millis, text) => {
        expect(derivedUuid(millis, text)).toMatch(UUID_V7);
        expect(derivedUuid(millis, text)).toBe(derivedUuid(millis, text));
      }),
    );
  });

  it('never change: stored ids are derived again in a replay', () => {
    expect(derivedUuid(1_700_000_000_000, 'run/task/')).toMatchInlineSnapshot(`"018bcfe5-6800-7aa9-bdcb-4ff0255be9a5"`);
    expect(derivedUuid(0, '')).toMatchInlineSnapshot(`"00000000-0000-7000-8000-000000000000"`);
  });

  it('sort by time', () => {
    expect(derivedUuid(1_700_000_000_000, 'z') < derivedUuid(1_700_000_000_001, 'a')).toBe(true);
  });

  it('differ for texts that differ little: a million tasks, paths, sequences', () => {
    const ids = new Set<string>();
    for (let i = 0; i < 200_000; i++) {
      ids.add(derivedUuid(0, `0189/t${i}/`));
      ids.add(derivedUuid(0, `0189/t/${i}`));
      ids.add(derivedUuid(0, `0189/t${i}/0`));
      ids.add(derivedUuid(0, `t${i}\u0000`));
      ids.add(derivedUuid(0, `t${i}\u0000\u0000`));
    }
    expect(ids.size).toBe(1_000_000);
  });

  it('change half of their bits with one character', () => {
    let changed = 0;
    for (let i = 0; i < 1_000; i++) {
      const bits = (text: string): bigint => BigInt(`0x${derivedUuid(0, text).slice(14).replaceAll('-', '')}`);
      changed += (bits(`task_${i}`) ^ bits(`task_${i + 1}`)).toString(2).replaceAll('0', '').length;
    }
    expect(changed / 1_000).toBeGreaterThan(34);
    expect(changed / 1_000).toBeLessThan(40);
  });
});
