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
