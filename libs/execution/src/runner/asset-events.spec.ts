import { expect, it } from 'vitest';
import { OutletEvents, inletEvents } from './asset-events.js';
import type { AssetEvent } from './asset-events.js';

const flights = { name: 'flights', uri: 's3://flights', group: 'asset' };
const daily = { name: 'daily', group: 'asset' };

function outlets(): OutletEvents {
  const events = new OutletEvents();
  events.declare([flights, daily]);
  return events;
}

it('tells what the task said of its outlets', () => {
  const events = outlets();
  events.of(flights).extra['rows'] = 5;
  events.of('flights').addPartitions('2026-01-01', ['2026-01-02']);
  events.of(daily).extra['run'] = 'x';
  events.of(daily).add({ name: 'new', uri: 's3://new' }, { rows: 1 });
  events.of(daily).add('plain');
  expect(JSON.parse(events.toJson(10_000))).toEqual([
    { name: 'flights', uri: 's3://flights', group: null, extra: { rows: 5 }, alias: null, partitionKeys: ['2026-01-01', '2026-01-02'] },
    { name: 'new', uri: 's3://new', group: null, extra: { run: 'x', rows: 1 }, alias: 'daily', partitionKeys: [] },
    { name: 'plain', uri: 'plain', group: null, extra: { run: 'x' }, alias: 'daily', partitionKeys: [] },
  ]);
});

it('has nothing to tell when the task said nothing', () => {
  expect(outlets().toJson(10)).toBe('');
});

it.each([
  ['what is no outlet', (events: OutletEvents) => events.of('x'), '"x" is no outlet of this task; its outlets are "flights", "daily"'],
  ['an asset of that name elsewhere', (events: OutletEvents) => events.of({ name: 'flights', uri: 's3://other' }), '"flights" is no outlet'],
  ['assets through an asset', (events: OutletEvents) => events.of(flights).add('x'), 'only an alias can add assets'],
  ['an asset without a uri', (events: OutletEvents) => events.of(daily).add({ name: 'x' }), 'an asset with name and uri'],
  ['partitions of an alias', (events: OutletEvents) => events.of(daily).addPartitions('x'), 'partitions can only be told of an asset'],
  ['an empty key', (events: OutletEvents) => events.of(flights).addPartitions(' '), 'a partition key is a text'],
])('refuses %s', (_, say, message) => {
  expect(() => say(outlets())).toThrow(message);
});

it.each([
  ['what JSON cannot hold', { f: () => 1 }, 'is a function'],
  ['too much', { text: 'x'.repeat(200) }, 'the limit is 100'],
])('an extra with %s fails the try', (_, extra, message) => {
  const events = outlets();
  events.of(flights).extra = extra as Record<string, unknown>;
  expect(() => events.toJson(100)).toThrow(message);
});

it('reads events as dates and data', async () => {
  const stored = { assetName: 'flights', assetUri: 's3://flights', extra: { rows: 1 }, timestamp: '2026-01-01T00:00:00.000Z', sourceDagId: null, sourceRunId: null, sourceTaskId: null, sourceMapIndex: null, partitionKey: null, aliases: [] };
  const asked: unknown[] = [];
  const [event] = (await inletEvents(async (question) => (asked.push(question), { json: JSON.stringify([stored]) }), daily, { limit: 1, after: '2026-01-01' })) as [AssetEvent];
  expect(event.timestamp).toEqual(new Date('2026-01-01'));
  expect(asked).toEqual([{ ask: 'assetEvents', triggering: false, name: '', uri: '', alias: 'daily', after: '2026-01-01T00:00:00.000Z', before: '', limit: 1, ascending: true }]);
  await expect(inletEvents(() => Promise.reject(new Error('not asked')), flights, { limit: 0 })).rejects.toThrow('1 to 10000');
});
