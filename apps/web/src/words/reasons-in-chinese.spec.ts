import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { REASONS_IN_CHINESE } from './reasons-in-chinese.js';

const source = readFileSync(new URL('../../../../libs/engine/src/why/reasons.ts', import.meta.url), 'utf8');
const body = source.slice(source.indexOf('interface ReasonData'), source.indexOf('export type ReasonKind'));
const kinds = [...body.matchAll(/^ {2}(\w+): /gm)].map(([, kind]) => kind!);

describe('reasons in Chinese', () => {
  it('are there for every kind the engine tells, and for no other', () => {
    expect(kinds.length).toBeGreaterThan(25);
    expect(Object.keys(REASONS_IN_CHINESE).toSorted()).toEqual(kinds.toSorted());
  });

  it('name every field of their data that a person has to know, and are whole without the ones that may be missing', () => {
    for (const [kind, say] of Object.entries(REASONS_IN_CHINESE)) expect(say({}), kind).not.toMatch(/undefined|null|NaN|\[object/);
    expect(REASONS_IN_CHINESE['pool']!({ pool: 'db', slots: 2, used: 2, needs: 1, holders: ['a b c'] })).toBe('资源池 db 共 2 个槽位，已用 2 个，需要 1 个；占用者：a b c');
    expect(REASONS_IN_CHINESE['upstream']!({ rule: 'all_success', unfinished: 3, total: 4, tasks: [{ taskId: 'a', states: { running: 1 } }, { taskId: 'b', states: { queued: 2 } }] })).toBe('触发规则 all_success：上游 4 个实例中还有 3 个未完成：a（running）、b（2 个 queued）');
    expect(REASONS_IN_CHINESE['retry_at']!({ at: '1970-01-01T00:00:00.000Z', try_number: 1, max_tries: 2 })).toBe('第 1 次尝试失败（共 3 次）；下一次在 1970-01-01T00:00:00.000Z');
  });
});
