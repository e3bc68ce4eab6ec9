import { expect, it } from 'vitest';
import type { LiveUpdate, LiveUpdates } from '@millrace/live-updates';
import { RecentUpdates } from './recent-updates.js';

it('goes on where a reader was, or says that it cannot', () => {
  let tell: (update: LiveUpdate) => void = () => undefined;
  const updates = new RecentUpdates({ subscribe: (handler: (update: LiveUpdate) => void) => ((tell = handler), () => undefined) } as LiveUpdates);
  const heard: string[] = [];
  const leave = updates.follow(({ id }) => heard.push(id));
  const some = (count: number): void => {
    for (let at = 0; at < count; at++) tell({ kind: 'run', dagId: `d${at}`, atMs: at });
  };
  some(3);
  leave();
  some(2);
  expect(heard).toHaveLength(3);
  expect(updates.since(heard[0]!)?.map(({ update }) => update.dagId)).toEqual(['d1', 'd2', 'd0', 'd1']);
  expect(updates.since(heard[2]!)).toHaveLength(2);
  some(9_000);
  expect(updates.since(heard[0]!)).toBeNull();
  for (const unknown of ['other-1', 'nonsense', '', `${heard[0]!.split('-')[0]}-999999`]) expect(updates.since(unknown), unknown).toBeNull();
});

it('looks by itself only while somebody follows, and then owns up to what it may have missed', () => {
  let tell: (update: LiveUpdate) => void = () => undefined;
  const calls: string[] = [];
  const source = { subscribe: () => () => undefined, hearsOthers: false };
  const updates = new RecentUpdates(source as unknown as LiveUpdates, (take) => ((tell = take), { start: () => void calls.push('start'), stop: () => void calls.push('stop') }));
  const heard: string[] = [];
  const first = updates.follow(({ id }) => heard.push(id));
  const second = updates.follow(() => undefined);
  tell({ kind: 'run', dagId: 'd', atMs: 1 });
  first();
  expect([calls, updates.since(heard[0]!)]).toEqual([['start', 'start'], []]);
  second();
  expect([calls.at(-1), updates.since(heard[0]!)]).toEqual(['stop', null]);
});
