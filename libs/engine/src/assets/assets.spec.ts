import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AssetCondition } from './condition.js';
import { isConditionMet, leavesOf, missingOf } from './condition.js';
import { assetUpdates } from './outlet-events.js';

const a = (name: string): AssetCondition => ({ asset: { name, uri: `s3://${name}` } });
const updatedBy = (...names: string[]) => ({ asset: (name: string) => names.includes(name), alias: (name: string) => names.includes(`~${name}`) });

describe('a condition', () => {
  it.each<[string, AssetCondition, string, boolean]>([
    ['an asset', a('x'), 'x', true],
    ['an asset that was not updated', a('x'), 'y', false],
    ['all of them', { all: [a('x'), a('y')] }, 'x y', true],
    ['all but one', { all: [a('x'), a('y')] }, 'x', false],
    ['any of them', { any: [a('x'), a('y')] }, 'y', true],
    ['none of them', { any: [a('x'), a('y')] }, 'z', false],
    ['an alias', { alias: { name: 'x' } }, '~x', true],
    ['an asset of an alias\'s name is not the alias', { alias: { name: 'x' } }, 'x', false],
    ['nested: a and (b or c)', { all: [a('x'), { any: [a('y'), a('z')] }] }, 'x z', true],
    ['nested: only one side', { all: [a('x'), { any: [a('y'), a('z')] }] }, 'y z', false],
    ['nothing to wait for is never met: all', { all: [] }, 'x', false],
    ['nothing to wait for is never met: any', { any: [] }, 'x', false],
  ])('%s', (_, condition, names, met) => {
    expect(isConditionMet(condition, updatedBy(...names.split(' ')))).toBe(met);
  });

  const conditions: fc.Arbitrary<AssetCondition> = fc.letrec<{ tree: AssetCondition }>((tie) => ({
    tree: fc.oneof({ depthSize: 'small', withCrossShrink: true }, fc.constantFrom('p', 'q', 'r', 's').map(a), fc.array(tie('tree'), { minLength: 1, maxLength: 3 }).map((all) => ({ all })), fc.array(tie('tree'), { minLength: 1, maxLength: 3 }).map((any) => ({ any }))),
  })).tree;

  it('is monotone: one more event never makes a met condition unmet; with all assets it is met, with none it is not', () => {
    fc.assert(
      fc.property(conditions, fc.subarray(['p', 'q', 'r', 's']), fc.constantFrom('p', 'q', 'r', 's'), (condition, names, more) => {
        if (isConditionMet(condition, updatedBy(...names))) expect(isConditionMet(condition, updatedBy(...names, more))).toBe(true);
        expect(isConditionMet(condition, updatedBy('p', 'q', 'r', 's'))).toBe(true);
        expect(isConditionMet(condition, updatedBy())).toBe(false);
      }),
    );
  });

  it('what is missing is enough, and none of it has happened', () => {
    fc.assert(
      fc.property(conditions, fc.subarray(['p', 'q', 'r', 's']), (condition, names) => {
        const missing = missingOf(condition, updatedBy(...names)).assets.map(({ name }) => name);
        expect(missing.filter((name) => names.includes(name))).toEqual([]);
        expect(isConditionMet(condition, updatedBy(...names, ...missing))).toBe(true);
        expect(missing.length === 0).toBe(isConditionMet(condition, updatedBy(...names)));
      }),
    );
  });

  it('names each leaf once, in the order it is written', () => {
    expect(leavesOf({ any: [a('x'), { all: [a('y'), a('x'), { alias: { name: 'z' } }] }, a('w')] })).toEqual({ assets: ['x', 'y', 'w'].map((name) => ({ name, uri: `s3://${name}` })), aliases: [{ name: 'z' }] });
  });
});

describe('what a success updates', () => {
  const told = (name: string, more: object = {}) => ({ name, uri: `s3://${name}`, group: null, extra: {}, alias: null, partitionKeys: [], ...more });
  const outlets = { assets: [{ name: 'x', uri: 's3://x' }, { name: 'y', uri: 's3://y' }], aliases: ['daily', 'all'] };
  const update = (name: string, more: object = {}) => ({ name, uri: `s3://${name}`, group: null, extra: {}, aliases: [], partitionKey: null, ...more });

  it.each([
    ['nothing told: every declared asset', [], [update('x'), update('y')]],
    ['with extra', [told('y', { extra: { rows: 5 } })], [update('x'), update('y', { extra: { rows: 5 } })]],
    ['an asset that is no outlet', [told('z')], [update('x'), update('y')]],
    ['one for each partition', [told('x', { partitionKeys: ['1', '2', '1'] })], [update('x', { partitionKey: '1' }), update('x', { partitionKey: '2' }), update('y')]],
    ['through an alias', [told('n', { alias: 'daily', extra: { k: 1 } })], [update('x'), update('y'), update('n', { aliases: ['daily'], extra: { k: 1 } })]],
    ['through two aliases: one event', [told('n', { alias: 'daily' }), told('n', { alias: 'all' })], [update('x'), update('y'), update('n', { aliases: ['daily', 'all'] })]],
    ['another extra is another event', [told('n', { alias: 'daily' }), told('n', { alias: 'all', extra: { k: 1 } })], [update('x'), update('y'), update('n', { aliases: ['daily'] }), update('n', { aliases: ['all'], extra: { k: 1 } })]],
    ['an alias that is no outlet', [told('n', { alias: 'other' })], [update('x'), update('y')]],
  ])('%s', (_, events, updates) => {
    expect(assetUpdates(outlets, events)).toEqual(updates);
  });
});
