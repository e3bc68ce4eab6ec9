import { expect, it } from 'vitest';
import { compactDocument } from './compact-document.js';
import { dagDocumentSchema } from './dag-document.js';

it('says only what is not the default, and gives the whole back', () => {
  const whole = dagDocumentSchema.parse({
    format: 1, dagId: 'd', catchup: true, params: { a: { value: 1 } }, tags: ['x'],
    tasks: [{ taskId: 'a', operator: 'Op', retries: 2, retryDelaySeconds: 300, fields: {}, params: { n: null } }, { taskId: 'b', operator: 'Op', upstream: ['a'] }],
    groups: [{ groupId: 'g', label: 'G' }],
  });
  const compact = compactDocument(whole);
  expect(compact).toEqual({
    format: 1, dagId: 'd', catchup: true, params: { a: { value: 1, schema: {}, description: null } }, tags: ['x'],
    tasks: [{ taskId: 'a', operator: 'Op', retries: 2, params: { n: null } }, { taskId: 'b', operator: 'Op', upstream: ['a'] }],
    groups: [{ groupId: 'g', label: 'G' }],
  });
  expect(dagDocumentSchema.parse(JSON.parse(JSON.stringify(compact)))).toEqual(whole);
});
