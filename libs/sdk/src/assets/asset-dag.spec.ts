import { dagDocumentSchema } from '@millrace/contracts';
import { expect, it } from 'vitest';
import { asset, assetDag, collectDags } from '../index.js';

it('a dag that writes one asset, all of one name', () => {
  const raw = assetDag(asset('raw', { uri: 's3://raw' }), { schedule: '@daily' }, () => 1);
  assetDag(asset('clean'), { schedule: raw, inlets: [raw] }, () => 1);
  const document = (dagId: string) => dagDocumentSchema.parse(collectDags().get(dagId)!.toDocument());
  expect(document('raw')).toMatchObject({ schedule: { kind: 'cron' }, tasks: [{ taskId: 'raw', outlets: [{ name: 'raw', uri: 's3://raw' }] }] });
  expect(document('clean')).toMatchObject({ schedule: { kind: 'assets', condition: { asset: { name: 'raw' } } }, tasks: [{ taskId: 'clean', inlets: [{ name: 'raw' }], outlets: [{ name: 'clean' }] }] });
  expect(() => assetDag(asset('not an id'), {}, () => 1)).toThrow('unusable dag id');
});
