import { dagDocumentSchema } from '@millrace/contracts';
import { expect, it } from 'vitest';
import { allOf, anyOf, asset, assetAlias, assetsOrTime, cron, cronPartition, dag, dayWindow, lastPartitions, minimumCount, partitioned, rabbitmq, rollup, startOfDay, task } from '../index.js';

const a = asset('a', { uri: 's3://a' });
const b = asset('b');
const c = assetAlias('c');
const ref = (name: string, uri = name): object => ({ asset: expect.objectContaining({ name, uri }) as object });

const document = (schedule: Parameters<typeof dag>[1]['schedule'], timezone?: string) => {
  const made = dag('d', { ...(schedule === undefined ? {} : { schedule }), ...(timezone === undefined ? {} : { timezone }) }, () => {
    task({ id: 't', outlets: [a, c], inlets: [b] }, () => 1)();
  });
  return dagDocumentSchema.parse(made.toDocument());
};

it.each([
  ['one asset', a, ref('a', 's3://a')],
  ['a list means all', [a, b], { all: [ref('a', 's3://a'), ref('b')] }],
  ['and, or, nested', a.and(b).or(c), { any: [{ all: [ref('a', 's3://a'), ref('b')] }, { alias: { name: 'c', group: 'asset' } }] }],
  ['the same kind is one level', a.and(b).and(asset('x')), { all: [ref('a', 's3://a'), ref('b'), ref('x')] }],
  ['functions', anyOf(a, allOf(b, c)), { any: [ref('a', 's3://a'), { all: [ref('b'), { alias: { name: 'c', group: 'asset' } }] }] }],
] as const)('a schedule by assets: %s', (_, schedule, condition) => {
  expect(document(schedule).schedule).toEqual({ kind: 'assets', condition });
});

it('outlets and inlets, aliases apart', () => {
  expect(document(undefined).tasks[0]).toMatchObject({ outlets: [{ name: 'a', uri: 's3://a', group: 'asset' }], outletAliases: [{ name: 'c' }], inlets: [{ name: 'b', uri: 'b' }], inletAliases: [] });
});

it('assets or a time, in the dag\'s zone', () => {
  expect(document(assetsOrTime(a, '0 6 * * *'), 'Europe/Berlin').schedule).toEqual({ kind: 'assetsOrTime', condition: ref('a', 's3://a'), time: { kind: 'cron', expressions: ['0 6 * * *'], timezone: 'Europe/Berlin' } });
  expect(() => assetsOrTime(a, assetsOrTime(b, cron('0 6 * * *')))).toThrow('assetsOrTime() takes cron');
});

it('partitions', () => {
  const mapper = rollup({ upstream: startOfDay({ inputFormat: '%Y-%m-%d' }), window: lastPartitions(7, 'day'), wait: minimumCount(5) });
  expect(document(partitioned([a, b], { mappers: [[a, mapper]] })).schedule).toMatchObject({
    kind: 'partitionedAssets', defaultMapper: { kind: 'identity' }, mappers: [{ asset: { name: 'a', uri: 's3://a' }, mapper: { kind: 'rollup', window: { kind: 'last', count: 7, unit: 'day' }, wait: { kind: 'minimum', count: 5 } } }],
  });
  expect(rollup({ upstream: startOfDay(), window: dayWindow() })).toMatchObject({ wait: { kind: 'all' } });
  expect(document(cronPartition('@daily', { keyFormat: '%Y-%m-%d' }), 'Europe/Berlin').schedule).toEqual({ kind: 'cronPartition', expression: '0 0 * * *', timezone: 'Europe/Berlin', runOffset: 0, keyFormat: '%Y-%m-%d' });
});

it.each([
  ['a list of other things', () => document([a, 'b'] as never), 'a schedule that is a list must hold assets'],
  ['an empty list', () => document([] as never), 'a schedule that is a list must hold assets'],
  ['a name that is none', () => asset(' '), 'an asset needs a name'],
  ['a password in a URI', () => asset('x', 'postgres://joe:secret@db/x'), 'its URI holds a password'],
  ['two watchers of one name', () => asset('x', { watchers: [rabbitmq({ connId: 'q', exchange: 'e' }), rabbitmq({ connId: 'r', exchange: 'e' })] }), 'two watchers named "rabbitmq"'],
  ['a watcher without a place', () => rabbitmq({ connId: 'q' } as never), 'rabbitmq() needs exchange'],
  ['a minimum of nothing', () => minimumCount(0), 'a whole number other than 0'],
])('refuses %s', (_, make, message) => {
  expect(make).toThrow(message);
});
